"""The log's keys as evidence shows them: each vouched for by the one before it.

Whoever was given an older key of the log follows `rotations.jsonl` to the one that signs the
manifest. A rotation of the exported generation stands there with its entry and its proof; one
of another generation has its entry in another tree, and only what the old key signed.
"""

from __future__ import annotations

from typing import Any

import orjson

from compliance.audit import ledger
from compliance.audit.entry import canonical
from compliance.audit.handover import Chain, Handover
from compliance.audit.ledger import Held
from compliance.audit.rotation import said
from compliance.audit.tree import Tree

FILE = "rotations.jsonl"


def until(keys: Chain, signer: bytes) -> Chain:
    """The keys of the log up to the one that signs the manifest, which is one of them."""
    number = keys.keys.index(signer)
    return Chain(keys.keys[: number + 1], keys.handovers[:number])


def lines(keys: Chain, held: Held, tree: Tree) -> bytes:
    """The file's bytes, a line for each rotation."""
    return b"".join(_line(one, held, tree) for one in keys.handovers)


def _line(one: Handover, held: Held, tree: Tree) -> bytes:
    told = said(one)
    value: dict[str, Any] = {"index": told.pop("entry"), **told}
    if one.generation == held.number and one.index < min(tree.size, held.size):
        (row,) = ledger.leaves(one.index, one.index + 1, held.first)
        value |= {
            "detail": orjson.loads(row.detail or b"null"),
            "entry": orjson.loads(row.entry),
            "key": (row.detail_key or b"").hex(),
            "proof": [hash_.hex() for hash_ in tree.inclusion(one.index)],
        }
    return canonical(value) + b"\n"

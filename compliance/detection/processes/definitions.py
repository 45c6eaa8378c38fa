"""The organisation's own entities, on the way to the processes that look for them.

This module loads no recogniser.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from compliance.vocabulary import Category, Checksum, OwnEntity

_SETS = ("words", "always", "never")


def written(entities: Sequence[OwnEntity]) -> list[dict[str, Any]]:
    """Definitions as JSON values; the same ones are always written the same."""
    return [
        asdict(one) | {name: sorted(getattr(one, name)) for name in _SETS} for one in entities
    ]


def read(values: Sequence[dict[str, Any]]) -> tuple[OwnEntity, ...]:
    """The opposite of `written`."""
    return tuple(_entity(value) for value in values)


def key(entities: Sequence[OwnEntity]) -> str:
    """Tells one list of definitions from another: SHA-256, lower-case hex; empty for none.

    Each request asks it of the same tuple, whose lists may be long: it is remembered.
    """
    if not entities:
        return ""
    known = _keys.get(id(entities))
    if known is not None and known[0] is entities:
        return known[1]
    text = json.dumps(written(entities), sort_keys=True, separators=(",", ":"))
    made = hashlib.sha256(text.encode("ascii")).hexdigest()
    if isinstance(entities, tuple):
        while len(_keys) >= REMEMBERED:
            _keys.pop(next(iter(_keys)), None)
        _keys[id(entities)] = (entities, made)
    return made


REMEMBERED = 8
_keys: dict[int, tuple[tuple[OwnEntity, ...], str]] = {}
"""By `id`, which is nobody else's while the tuple beside it is held."""


def _entity(value: dict[str, Any]) -> OwnEntity:
    check = value["checksum"]
    return OwnEntity(
        **{
            **value,
            **{name: frozenset(value[name]) for name in _SETS},
            "category": Category(value["category"]),
            "checksum": None if check is None else Checksum(check),
            "found": tuple(value["found"]),
            "not_found": tuple(value["not_found"]),
        }
    )

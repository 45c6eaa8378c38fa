"""Proof that one entry is in the log, in a file of its own (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra <base64 of what is said of the entry>
    index <its number>
    <hash, base64>            one line each, from the leaf's sibling up
                              an empty line
    <checkpoint>

Our `extra` is canonical JSON: `entry`, the leaf as text, without which nothing could be hashed;
where it is shown also `detail` as text and its commitment's `key` in hex. The proof does not
cover `extra` itself: the entry in it is held against the tree, the detail against the entry.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import orjson

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.entry import EntryInvalid, canonical, commitment
from compliance.audit.merkle import HASH_BYTES, ProofInvalid, leaf_hash, verify_inclusion

FIRST = "c2sp.org/tlog-proof@v1"
PROOF_MAX = 4 * 1024 * 1024  # bytes; a detail has at most a quarter of that
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """A detail and the key of the commitment to it."""

    detail: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Entry number `index`, its audit path, and the checkpoint that the path leads to."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    note: bytes
    shown: Shown | None = None

    def text(self) -> bytes:
        """The file's bytes."""
        extra = {"entry": self.entry.decode()}
        if self.shown:
            extra |= {"detail": self.shown.detail.decode(), "key": self.shown.key.hex()}
        lines = [
            FIRST,
            f"extra {base64.b64encode(canonical(extra)).decode()}",
            f"index {self.index}",
            *(base64.b64encode(value).decode() for value in self.path),
        ]
        return "\n".join(lines).encode() + b"\n\n" + self.note

    def verify(self, origin: str, public_key: bytes) -> Checkpoint:
        """The checkpoint, if all of it holds under the log's key.

        Raises `CheckpointInvalid` for the signature and `ProofInvalid` for the rest.
        """
        state = checkpoint.verify(self.note, origin, public_key)
        verify_inclusion(leaf_hash(self.entry), self.index, state.size, self.path, state.root)
        if self.shown:
            said = _object(self.entry).get("detail")
            if said != commitment(self.shown.key, self.shown.detail):
                raise ProofInvalid("The detail is not the one that the entry commits to.")
        return state


def parse(data: bytes) -> Inclusion:
    """The proof in a file of ours, not verified; raises `ProofInvalid`."""
    if len(data) > PROOF_MAX:
        raise ProofInvalid(f"A proof of ours has at most {PROOF_MAX} bytes.")
    head, separator, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofInvalid("A proof has only ASCII before its checkpoint.") from error
    if not separator or len(lines) < 3 or lines[0] != FIRST:  # noqa: PLR2004 - the lines above
        raise ProofInvalid(f"This is not a proof: its first line is not {FIRST}.")
    extra, index = lines[1].partition(" "), lines[2].partition(" ")
    if extra[0] != "extra" or index[0] != "index" or not _INDEX.fullmatch(index[2]):
        raise ProofInvalid("A proof of ours goes on with a line `extra` and a line `index`.")
    path = tuple(_decoded(line) for line in lines[3:])
    if any(len(value) != HASH_BYTES for value in path):
        raise ProofInvalid(f"A hash of the proof has not {HASH_BYTES} bytes.")
    entry, shown = _extra(_decoded(extra[2]))
    return Inclusion(entry, int(index[2]), path, note, shown)


def _extra(data: bytes) -> tuple[bytes, Shown | None]:
    said = _object(data)
    entry, detail, key = (said.get(name) for name in ("entry", "detail", "key"))
    if not isinstance(entry, str) or set(said) not in ({"entry"}, {"entry", "detail", "key"}):
        raise ProofInvalid("The proof does not hold the entry that it is about.")
    if detail is None:
        return entry.encode(), None
    if not isinstance(detail, str) or not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ProofInvalid("The detail in the proof, or its key, is malformed.")
    return entry.encode(), Shown(detail.encode(), bytes.fromhex(key))


def _object(data: bytes) -> dict[str, object]:
    try:
        said = orjson.loads(data)
        if type(said) is dict and canonical(said) == data:
            return said
    except (ValueError, EntryInvalid) as error:
        raise ProofInvalid("The proof holds something that is not canonical JSON.") from error
    raise ProofInvalid("The proof holds something that is not a canonical JSON object.")


def _decoded(text: str) -> bytes:
    try:
        return checkpoint.decode(text)
    except CheckpointInvalid as error:
        raise ProofInvalid(f"{error} It stands in the proof.") from error

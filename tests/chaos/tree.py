"""RFC 6962 once more, from the text of the standard and from the tiles on disk alone.

It shares no code with the appliance, so that an error in one is not an error in both.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TILE = 256  # hashes in a full tile (C2SP tlog-tiles, height 8)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The first three lines of a C2SP checkpoint: which log, how many entries, which root."""

    origin: str
    size: int
    root: bytes


def checkpoint(text: str) -> Checkpoint:
    """Reads a checkpoint's body; its signatures are for `audit verify`."""
    origin, size, root = text.split("\n")[:3]
    return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))


def leaf(entry: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1: MTH over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def consistency(old: int, leaves: Sequence[bytes], *, complete: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2: SUBPROOF, that the tree of the first `old` leaves begins this one."""
    size = len(leaves)
    if old == size:
        return [] if complete else [root(leaves)]
    k = split(size)
    if old <= k:
        return [*consistency(old, leaves[:k], complete=complete), root(leaves[k:])]
    return [*consistency(old - k, leaves[k:], complete=False), root(leaves[:k])]


def consistent(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2: whether the proof joins the two checkpoints."""
    if old.size == new.size:
        return not proof and old.root == new.root
    if old.size == 0:
        return not proof
    path = [old.root, *proof] if old.size & (old.size - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old.size - 1, new.size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for part in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node(part, first), node(part, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node(second, part)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old.root and second == new.root


def _name(number: int) -> str:
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    return "/".join(parts)


def leaves(log: Path, size: int) -> list[bytes]:
    """The first `size` leaf hashes from the level-0 tiles; raises OSError where one lacks."""
    hashes: list[bytes] = []
    for number in range((size + TILE - 1) // TILE):
        path = log / "tile" / "0" / _name(number)
        wanted = min(TILE, size - number * TILE)
        if not path.exists():
            folder = path.with_name(f"{path.name}.p")
            widths = sorted(int(part.name) for part in folder.iterdir())
            path = folder / str(next(width for width in widths if width >= wanted))
        data = path.read_bytes()[: wanted * 32]
        hashes += [data[at : at + 32] for at in range(0, len(data), 32)]
    assert len(hashes) == size, f"the tiles hold {len(hashes)} of {size} hashes"
    return hashes

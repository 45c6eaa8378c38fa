"""The log's tree as the notary grows it, and how it is found again after a start.

Tiles are derived from the database, so those that a crash left out are made again. What was
signed before must be of the same entries: each such checkpoint is compared on the way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.audit import ledger
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.files import LogFolder
from compliance.audit.ledger import Held
from compliance.audit.tiles import (
    HEIGHT,
    WIDTH,
    Builder,
    File,
    TileInvalid,
    hashes_in,
    tile_path,
)
from compliance.audit.tree import Tree

BATCH = 2_048  # entries read at once

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Growing:
    """The log as a notary knows it, and the finished tiles that are not on disk yet."""

    held: Held  # which generation; its size is that at the start
    builder: Builder
    files: list[File] = field(default_factory=list)

    def append(self, entry: bytes) -> None:
        """Take the next entry of the log."""
        self.files += self.builder.append(entry)

    def write(self, folder: LogFolder) -> None:
        """Make the finished tiles durable; raises `FileConflict`."""
        folder.add(self.files)
        self.files = []


def replay(
    folder: LogFolder, held: Held, last: Checkpoint, signed: Sequence[Checkpoint]
) -> Growing | None:
    """The tree at the database's head, begun from the tiles that the checkpoint `last` covers.

    None where entries, head and what was `signed` before do not agree. Raises `FileConflict`.
    """
    found = _replay(folder, _beginning(folder, last, signed), signed, held)
    if found is None:
        _log.warning("The tiles are incomplete; they are made anew from the database.")
        found = _replay(folder, Builder(), signed, held)
    return found


def _beginning(folder: LogFolder, last: Checkpoint, signed: Sequence[Checkpoint]) -> Builder:
    """Where the tiles end, if everything that was signed before is of these tiles.

    Else the beginning of the log, from which each checkpoint is passed and compared.
    """
    builder = _from_tiles(folder, last)
    tiles = Tree(folder, builder.size)
    earlier = [one for one in signed if 0 < one.size < builder.size]
    try:
        agree = all(tiles.root(one.size) == one.root for one in earlier)
    except TileInvalid:
        agree = False
    return builder if agree else Builder()


def _from_tiles(folder: LogFolder, last: Checkpoint) -> Builder:
    """A builder at the last multiple of 256 below the checkpoint; empty if tiles lack."""
    levels: list[Sequence[bytes]] = [()]
    level = 1
    try:
        while count := last.size >> (HEIGHT * level):
            width, number = count % WIDTH, count // WIDTH
            data = folder.read(tile_path(level, number, width)) if width else b""
            levels.append(hashes_in(data or b"", width))
            level += 1
        return Builder(levels, last.size - last.size % WIDTH)
    except TileInvalid:
        return Builder()


def _replay(
    folder: LogFolder, builder: Builder, signed: Sequence[Checkpoint], held: Held
) -> Growing | None:
    """Grow `builder` to the head from the database; None where the roots do not agree.

    They are compared at each size that was signed and that the builder passes.
    """
    tree = Growing(held, builder)
    roots = {(one.size, one.root) for one in signed}
    sizes = {size for size, _ in roots if size >= builder.size}
    for entry in _entries(held, builder.size):
        if builder.size in sizes and not _agrees(builder, roots):
            return None
        tree.append(entry)
        if tree.files:
            tree.write(folder)
    if builder.size in sizes and not _agrees(builder, roots):
        return None
    complete = builder.size == held.size and builder.root() == held.root
    return tree if complete else None


def _entries(held: Held, start: int) -> Iterator[bytes]:
    for low in range(start, held.size, BATCH):
        yield from ledger.entries(low, min(low + BATCH, held.size), held.first)


def _agrees(builder: Builder, roots: set[tuple[int, bytes]]) -> bool:
    """Whether every checkpoint of this size has this root."""
    return {root for size, root in roots if size == builder.size} == {builder.root()}

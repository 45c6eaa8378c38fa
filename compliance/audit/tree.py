"""The tree read back from its tiles: roots and proofs of what has been signed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compliance.audit.files import LogFolder
from compliance.audit.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Edge,
    consistency_proof,
    cover,
    inclusion_proof,
)
from compliance.audit.tiles import (
    HEIGHT,
    WIDTH,
    TileInvalid,
    entries_in,
    entries_path,
    hashes_in,
    subtree_root,
    tile_path,
)

PathOf = Callable[[int, int], str]
"""A tile's or bundle's path, from its number and its width."""


class Tree:
    """The tree of `size` entries below a log's folder.

    Tiles are believed: hold `root()` against a checkpoint. Each method raises `TileInvalid`
    where tiles are missing.
    """

    def __init__(self, folder: LogFolder, size: int) -> None:
        self._folder = folder
        self.size = size

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries; without it, over all."""
        edge = Edge()
        for index, height in cover(0, self.size if size is None else size):
            edge.append_subtree(self.subtree(index, height), height)
        return edge.root() if edge.size else EMPTY_ROOT

    def inclusion(self, index: int) -> list[bytes]:
        """The audit path of entry `index` (RFC 6962, 2.1.1)."""
        return inclusion_proof(index, self.size, self.subtree)

    def consistency(self, old: int) -> list[bytes]:
        """The proof that the tree of `old` entries begins this one (RFC 6962, 2.1.2)."""
        return consistency_proof(old, self.size, self.subtree)

    def entry(self, index: int) -> bytes:
        """The entry itself."""
        number, place = divmod(index, WIDTH)
        width = min(WIDTH, self.size - number * WIDTH)
        entries = list(entries_in(self._read(entries_path, number, width)))
        if place >= len(entries):
            raise TileInvalid(f"The bundle {entries_path(number, width)} is cut short.")
        return entries[place]

    def subtree(self, index: int, height: int) -> bytes:
        """The root of perfect subtree (index, height)."""
        level, rest = divmod(height, HEIGHT)
        number, offset = divmod(index << rest, WIDTH)
        width = min(WIDTH, (self.size >> (HEIGHT * level)) - number * WIDTH)
        data = self._read(partial(tile_path, level), number, width)
        hashes = hashes_in(data, len(data) // HASH_BYTES)[offset : offset + (1 << rest)]
        if len(hashes) != 1 << rest:
            raise TileInvalid(f"The tile {tile_path(level, number, width)} is cut short.")
        return subtree_root(hashes)

    def _read(self, path: PathOf, number: int, width: int) -> bytes:
        data = self._folder.read(path(number, width))
        if data is None:  # partial tiles go when the full one comes
            data = self._folder.read(path(number, WIDTH))
        if data is None:
            raise TileInvalid(f"The tile {path(number, width)} is missing.")
        return data

"""What ties entries `[begin, end)` to a checkpoint of `size` entries.

The range's own leaves are in the evidence; before and after them stand the roots of the
fewest perfect subtrees that cover the rest, at most 2 * log2(size) hashes. Whoever puts these
together gets the checkpoint's root only from exactly these entries at exactly these places.
"""

from __future__ import annotations

from dataclasses import dataclass

from compliance.audit.files import LogFolder
from compliance.audit.merkle import Edge, cover
from compliance.audit.tiles import HEIGHT, WIDTH, TileInvalid, hashes_in, tile_path


@dataclass(frozen=True, slots=True)
class RangeProof:
    """Roots of the subtrees left and right of the range, from left to right."""

    begin: int
    end: int
    size: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


class Tree:
    """Subtrees of the tree of `size` entries, read from its tiles."""

    def __init__(self, folder: LogFolder, size: int) -> None:
        self._folder = folder
        self._size = size

    def prove(self, begin: int, end: int) -> RangeProof:
        """The proof of a range; raises `TileInvalid` where tiles are missing."""
        before = tuple(self.subtree(*place) for place in cover(0, begin))
        after = tuple(self.subtree(*place) for place in cover(end, self._size))
        return RangeProof(begin, end, self._size, before, after)

    def subtree(self, index: int, height: int) -> bytes:
        """The root of perfect subtree (index, height)."""
        level, rest = divmod(height, HEIGHT)
        first = index << rest
        edge = Edge()
        for value in self._hashes(level, first, 1 << rest):
            edge.append(value)
        return edge.root()

    def _hashes(self, level: int, first: int, count: int) -> list[bytes]:
        number, offset = divmod(first, WIDTH)
        width = min(WIDTH, (self._size >> (HEIGHT * level)) - number * WIDTH)
        data = self._folder.read(tile_path(level, number, width))
        if data is None:  # partial tiles go when the full one comes
            data = self._folder.read(tile_path(level, number))
        if data is None:
            raise TileInvalid(f"The tile {tile_path(level, number, width)} is missing.")
        return hashes_in(data, len(data) // 32)[offset : offset + count]


def root_of(proof: RangeProof, leaves: Edge) -> bytes:
    """The root that the proof's hashes and the range's leaves give.

    `leaves` is the edge that began with `before` and took the range's leaf hashes.
    """
    for (_, height), value in zip(cover(proof.end, proof.size), proof.after, strict=True):
        leaves.append_subtree(value, height)
    return leaves.root()

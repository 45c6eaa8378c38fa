"""What ties entries `[begin, end)` to a checkpoint of `size` entries.

The range's own leaves are in the evidence; before and after them stand the roots of the
fewest perfect subtrees that cover the rest, at most 2 * log2(size) hashes. Whoever puts these
together gets the checkpoint's root only from exactly these entries at exactly these places.
"""

from __future__ import annotations

from dataclasses import dataclass

from compliance.audit.merkle import Edge, cover
from compliance.audit.tree import Tree


@dataclass(frozen=True, slots=True)
class RangeProof:
    """Roots of the subtrees left and right of the range, from left to right."""

    begin: int
    end: int
    size: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


def prove(tree: Tree, begin: int, end: int) -> RangeProof:
    """The proof of a range; raises `TileInvalid` where tiles are missing."""
    before = tuple(tree.subtree(*place) for place in cover(0, begin))
    after = tuple(tree.subtree(*place) for place in cover(end, tree.size))
    return RangeProof(begin, end, tree.size, before, after)


def root_of(proof: RangeProof, leaves: Edge) -> bytes:
    """The root that the proof's hashes and the range's leaves give.

    `leaves` is the edge that began with `before` and took the range's leaf hashes.
    """
    for (_, height), value in zip(cover(proof.end, proof.size), proof.after, strict=True):
        leaves.append_subtree(value, height)
    return leaves.root()

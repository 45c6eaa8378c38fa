"""The Merkle tree of RFC 6962, section 2.1 (unchanged in RFC 9162): hashing and proofs.

A *perfect* subtree of height `h` covers leaves `[i * 2^h, (i + 1) * 2^h)`. Any range of leaves
is covered by a few of them; `Edge` keeps the ones that cover `[0, size)`, which is all it takes
to grow a log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofInvalid(Exception):
    """A proof does not lead from what it is about to the root it is held against."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a growing tree: roots of the perfect subtrees that cover it.

    `subtrees` runs from left to right, so heights fall strictly; they are the one bits of
    `size`.
    """

    __slots__ = ("size", "subtrees")

    def __init__(self, size: int = 0, subtrees: Iterable[bytes] = ()) -> None:
        self.size = size
        self.subtrees = list(subtrees)
        if len(self.subtrees) != size.bit_count():
            raise ProofInvalid(
                f"A tree of {size} entries has {size.bit_count()} subtrees on its edge, "
                f"not {len(self.subtrees)}."
            )

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        self.append_subtree(leaf, 0)

    def append_subtree(self, root: bytes, height: int) -> None:
        """Add a perfect subtree of 2^height leaves; the size must be a multiple of that."""
        if self.size & ((1 << height) - 1):
            raise ProofInvalid(f"A subtree of height {height} cannot begin at {self.size}.")
        rest = self.size >> height
        while rest & 1:
            root = node_hash(self.subtrees.pop(), root)
            rest >>= 1
        self.subtrees.append(root)
        self.size += 1 << height

    def root(self) -> bytes:
        """The tree's root hash."""
        return _fold(self.subtrees)


def root(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    edge = Edge()
    for leaf in leaves:
        edge.append(leaf)
    return edge.root()


def cover(start: int, end: int) -> list[tuple[int, int]]:
    """The fewest perfect subtrees that cover `[start, end)`, as (index, height), in order."""
    subtrees = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        subtrees.append((start >> height, height))
        start += 1 << height
    return subtrees


Subtree = Callable[[int, int], bytes]
"""Gives the root of perfect subtree (index, height)."""


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"There is no entry {index} in a tree of {size}.")
    path: list[bytes] = []
    start, end = 0, size
    spans = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    for left, right in reversed(spans):
        path.append(_range_root(left, right, subtree))
    return path


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `old` leaves begins the tree of `new` (RFC 6962, 2.1.2)."""
    if not 0 < old <= new:
        raise ValueError(f"A proof of consistency needs 0 < old <= new, not {old} and {new}.")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    spans = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(_range_root(start, end, subtree))
    proof.extend(_range_root(left, right, subtree) for left, right in reversed(spans))
    return proof


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Hold a leaf's proof against a root (RFC 9162, 2.1.3.2); raises `ProofInvalid`."""
    if not 0 <= index < size:
        raise ProofInvalid(f"There is no entry {index} in a tree of {size}.")
    value = leaf
    for sibling, leftwards in _climb(index, size - 1, proof):
        value = node_hash(sibling, value) if leftwards else node_hash(value, sibling)
    if value != root:
        raise ProofInvalid(f"Entry {index} is not in the tree of {size} with this root.")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Hold a proof against two roots (RFC 9162, 2.1.4.2); raises `ProofInvalid`."""
    if not 0 < old <= new:
        raise ProofInvalid(f"A tree of {new} entries cannot have grown from one of {old}.")
    path = list(proof)
    if old == new:
        if path or old_root != new_root:
            raise ProofInvalid(f"Two different trees of {old} entries.")
        return
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofInvalid("The proof is empty.")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = path[0]
    for sibling, leftwards in _climb(position, last, path[1:]):
        if leftwards:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
        else:
            after = node_hash(after, sibling)
    if before != old_root or after != new_root:
        raise ProofInvalid(f"The tree of {new} entries did not grow from the one of {old}.")


def _climb(position: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from node `position` to the root, and whether it stands left.

    `last` is the last node of the level. Raises `ProofInvalid` where the proof has not
    exactly as many hashes as the way has steps.
    """
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("The proof is too long.")
        leftwards = bool(position & 1) or position == last
        yield sibling, leftwards
        while leftwards and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    if last:
        raise ProofInvalid("The proof is too short.")


def _split(width: int) -> int:
    """The largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _fold(subtrees: Sequence[bytes]) -> bytes:
    if not subtrees:
        return EMPTY_ROOT
    value = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        value = node_hash(left, value)
    return value


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    return _fold([subtree(index, height) for index, height in cover(start, end)])

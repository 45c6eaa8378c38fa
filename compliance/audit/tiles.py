"""The tree as tiles (C2SP tlog-tiles): which bytes stand in which file.

Tile (level, n) holds up to 256 hashes, the roots of the perfect subtrees of height
8 * level that it covers; level 0 holds leaf hashes. Entry bundle n holds the entries under
tile n of level 0, each after its length in two bytes. A tile with all 256 is full and never
changes; one with fewer is partial and has its width in its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compliance.audit.entry import ENTRY_MAX
from compliance.audit.merkle import HASH_BYTES, Edge, leaf_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT


class TileInvalid(Exception):
    """A tile's or bundle's bytes are not what such a file can hold."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the log: its path below the log's folder, and its bytes."""

    path: str
    data: bytes

    @property
    def partial(self) -> bool:
        """Whether more hashes will join this tile."""
        return ".p/" in self.path


def number_path(number: int) -> str:
    """`number` in groups of three digits, all but the last after an x: x001/x234/067."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:  # noqa: PLR2004 - three digits
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Where the tile of `width` hashes stands."""
    return f"tile/{level}/{number_path(number)}{_partial(width)}"


def entries_path(number: int, width: int = WIDTH) -> str:
    """Where the bundle of `width` entries stands."""
    return f"tile/entries/{number_path(number)}{_partial(width)}"


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle's bytes: each after its length, two bytes, big-endian."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_MAX:
            raise TileInvalid(
                f"An entry has {len(entry)} bytes; a bundle holds up to {ENTRY_MAX}."
            )
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def entries_in(data: bytes) -> Iterator[bytes]:
    """The entries of a bundle; raises `TileInvalid` where it is cut short."""
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise TileInvalid("An entry bundle is cut short.")
        yield data[start:position]


def hashes_in(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile of this width; raises `TileInvalid`."""
    if len(data) != width * HASH_BYTES:
        raise TileInvalid(
            f"A tile of width {width} has {width * HASH_BYTES} bytes, not {len(data)}."
        )
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Builder:
    """Grows a log and says which files it consists of.

    Holds the hashes of the unfinished tile of each level and the entries of the unfinished
    bundle: at most 256 of each. Not safe for threads.
    """

    def __init__(self, levels: Sequence[Sequence[bytes]] = ((),), size: int = 0) -> None:
        """Continue at `size`, a multiple of 256, with the partial tiles of levels 1 and up."""
        if size % WIDTH or levels[0]:
            raise TileInvalid("A builder begins where an entry bundle begins.")
        self.size = size
        self.levels = [list(level) for level in levels]
        self.entries: list[bytes] = []

    def append(self, entry: bytes) -> list[File]:
        """Add an entry; the tiles and the bundle that it completed."""
        self.entries.append(entry)
        self.levels[0].append(leaf_hash(entry))
        self.size += 1
        return [] if self.size % WIDTH else list(self._complete())

    def _complete(self) -> Iterator[File]:
        yield File(entries_path(self.size // WIDTH - 1), bundle(self.entries))
        self.entries = []
        level, number = 0, self.size // WIDTH
        while True:
            hashes = self.levels[level]
            yield File(tile_path(level, number - 1), b"".join(hashes))
            self.levels[level] = []
            if level + 1 == len(self.levels):
                self.levels.append([])
            self.levels[level + 1].append(subtree_root(hashes))
            if number % WIDTH:
                return
            level, number = level + 1, number // WIDTH

    def partials(self) -> Iterator[File]:
        """The unfinished tiles and the unfinished bundle, as they are at this size."""
        if self.entries:
            number = self.size // WIDTH
            yield File(entries_path(number, len(self.entries)), bundle(self.entries))
        for level, hashes in enumerate(self.levels):
            if hashes:
                number = self.size >> (HEIGHT * (level + 1))
                yield File(tile_path(level, number, len(hashes)), b"".join(hashes))

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        edge = Edge()
        for level in reversed(range(len(self.levels))):
            for value in self.levels[level]:
                edge.append_subtree(value, HEIGHT * level)
        return edge.root()


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a tile's hashes."""
    edge = Edge()
    for value in hashes:
        edge.append(value)
    return edge.root()


def _partial(width: int) -> str:
    if not 0 < width <= WIDTH:
        raise TileInvalid(f"A tile holds 1 to {WIDTH} hashes, not {width}.")
    return "" if width == WIDTH else f".p/{width}"

"""A text of any length, in windows that overlap."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compliance.management.detection.lines import READ, InputRefused, Source

SIZE = 1 << 18  # characters of a window: a text that is not longer is examined as one
OVERLAP = 1 << 14  # characters; a value, with the words around it, up to half of it is found


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text that begins at its character `offset`.

    What is found in it counts from `first` on, up to `last`, both in the text: what stands
    outside of these is seen better by the window before, or behind.
    """

    text: str
    offset: int
    first: int
    last: int


def windows(pieces: Iterable[str]) -> Iterator[Window]:
    """The windows of a text, whose pieces come one after the other; one for an empty text."""
    held, offset, first = "", 0, 0
    for piece in pieces:
        held += piece
        while len(held) > SIZE:
            last = offset + SIZE - OVERLAP // 2
            yield Window(held[:SIZE], offset, first, last)
            held, offset, first = held[SIZE - OVERLAP :], offset + SIZE - OVERLAP, last
    yield Window(held, offset, first, offset + len(held))


def decoded(source: Source) -> Iterator[str]:
    """The text in a file, as it is: line ends and a byte order mark are its characters too.

    Raises `InputRefused` where it is not UTF-8.
    """
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 1
    read = b"-"
    while read:
        read = source.read1(READ)
        try:
            piece = decoder.decode(read, final=not read)
        except UnicodeDecodeError as error:
            line = lines + error.object[: error.start].count(b"\n")
            raise InputRefused(
                f"line {line} is not UTF-8; convert the file, for example with iconv"
            ) from None
        lines += piece.count("\n")
        yield piece


class Places:
    """Lines and columns, both from 1, of places that are asked for in their order."""

    def __init__(self) -> None:
        self._at = 0
        self._line = 1
        self._began = 0

    def of(self, window: Window, place: int) -> tuple[int, int]:
        """Of a place in the text, which `window` holds, with all since the place before."""
        text, begin = window.text, self._at - window.offset
        end = place - window.offset
        if ended := text.count("\n", begin, end):
            self._line += ended
            self._began = window.offset + text.rindex("\n", begin, end) + 1
        self._at = place
        return self._line, place - self._began + 1

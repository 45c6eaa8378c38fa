"""Words that tell what a value near them is.

A word counts in any case, with its accents or their base letters, with spaces, hyphens,
underscores or nothing between its parts, at the beginning of a camel-cased name or inside one.
Longer words may have a short ending or, from ten letters on, stand at the end of a compound.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import NamedTuple

from compliance.detection.matching.passes import read

BEFORE = 80  # characters before a value in which a context word counts
AFTER = 30  # and behind it
BROKEN_BY = 16  # characters before a value in which a word of something else takes it
ENDING = 3  # letters that a word of six and more may have behind it
COMPOUND = 10  # letters from which a word may end a compound

_SPELT = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "å": "aa",
    "ø": "oe",
    "æ": "ae",
    "đ": "dj",
}
_ABBREVIATION = 5  # letters up to which there may be dots between them
_MANY_PARTS = 3  # of a word, above which all are joined alike
_JOINTS = (b" ", b"", b"  ")
_SIGNS = b"_-./'\xfe\t\r\n"
_TO_SPACES = bytes.maketrans(_SIGNS, b" " * len(_SIGNS))


def spaced(data: bytes) -> bytes:
    """What `passes.read` made of a text, with spaces for all that stands between words."""
    return data.translate(_TO_SPACES)


def spellings(word: str) -> set[bytes]:
    """How a context word may stand in what `spaced` gives."""
    bare = word.removesuffix("*").lower()
    spelt = "".join(_SPELT.get(letter, letter) for letter in bare)
    found: set[bytes] = set()
    for way in {bare, spelt}:
        parts = spaced(read(way)).split()
        gaps = len(parts) - 1
        alike = [(joint,) * gaps for joint in _JOINTS]
        for joints in product(_JOINTS, repeat=gaps) if gaps < _MANY_PARTS else alike:
            pairs = zip(parts, (*joints, b""), strict=True)
            found.add(b"".join(part + joint for part, joint in pairs))
        if len(parts) == 1 and len(parts[0]) <= _ABBREVIATION and not word.endswith("*"):
            found.add(b" ".join(bytes([letter]) for letter in parts[0]))
    return found


class Said(NamedTuple):
    """A context word in a text, `[start, end)`, its ending included."""

    word: str
    start: int
    end: int


def said(word: str, start: int, end: int, text: str) -> Said | None:
    """The word whose spelling is at `[start, end)`; None where it is a part of another word."""
    letters = _letters(word)
    if start and text[start - 1].isalpha() and letters < COMPOUND:
        camel = text[start].isupper() and text[start - 1].islower()
        if not camel:
            return None
    stop, lower = end, end and text[end - 1].islower()
    most = end + (20 if word.endswith("*") else ENDING if letters > _ABBREVIATION else 0)
    while stop < len(text) and text[stop].isalpha():
        if lower and text[stop].isupper():
            break  # the next part of a camel-cased name
        if stop >= most:
            return None
        stop += 1
    return Said(word, start, stop)


@cache
def _letters(word: str) -> int:
    return sum(map(str.isalpha, word))


@dataclass(slots=True)
class Spoken:
    """The context words of a text.

    `of` has them by what they are about, sorted by start once `sort` was called.
    """

    of: dict[int, list[Said]] = field(default_factory=dict)
    abouts: dict[Said, frozenset[int]] = field(default_factory=dict)
    _by_end: list[Said] = field(default_factory=list)

    def add(self, word: Said, abouts: frozenset[int]) -> None:
        """Note a word and what it is about; the same place may be that of several words."""
        self.abouts[word] = abouts

    def sort(self) -> None:
        """Make what was added ready to be asked for."""
        by_start = sorted(self.abouts.items(), key=lambda one: (one[0].start, one[0].end))
        self.abouts = dict(by_start)
        for word, abouts in by_start:
            for about in abouts:
                self.of.setdefault(about, []).append(word)
        self._by_end = sorted(self.abouts, key=lambda one: one.end)

    def right_before(self, place: int, characters: int) -> Iterator[Said]:
        """The words that end at most so many characters before a place."""
        index = bisect_right(self._by_end, place, key=lambda one: one.end) - 1
        while index >= 0 and self._by_end[index].end > place - characters:
            yield self._by_end[index]
            index -= 1

    def near(self, about: int, start: int, end: int) -> tuple[int, Said] | None:
        """The nearest word about `about` to the value at `[start, end)`, and how far it is.

        A word behind the value counts a little less than one before it.
        """
        words = self.of.get(about)
        if not words:
            return None
        place = bisect_left(words, start, key=lambda one: one.start)
        nearest: tuple[int, Said] | None = None
        for word in words[max(0, place - 4) : place]:
            distance = max(0, start - word.end)
            if distance <= BEFORE and (nearest is None or distance <= nearest[0]):
                nearest = distance, word
        for word in words[place : place + 2]:
            distance = word.start - end
            if 0 <= distance <= AFTER and (nearest is None or distance + AFTER < nearest[0]):
                nearest = distance + AFTER, word
        return nearest


def windows(words: Iterable[Said], length: int) -> list[tuple[int, int]]:
    """Where a value may stand that one of the words, sorted, tells of; none overlap."""
    merged: list[tuple[int, int]] = []
    for word in words:
        start = max(0, word.start - AFTER - MAX_VALUE)
        end = min(length, word.end + BEFORE + MAX_VALUE)
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


MAX_VALUE = 40  # characters that a value beside a word has at most

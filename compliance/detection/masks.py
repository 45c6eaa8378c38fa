"""What stands for a value that was taken out of a text: `[PERSON_1]`, `[IBAN_CODE]`.

Its letters are no words of the text: they name nobody and tell of no number beside them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import regex

_MASK = regex.compile(r"\[[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++){0,8}+\]")

Span = tuple[int, int]


def masks(text: str) -> list[Span]:
    """The places of masks and pseudonyms in a text, by start."""
    return [match.span() for match in _MASK.finditer(text)] if "[" in text else []


def touches(places: Sequence[Span], start: int, end: int) -> bool:
    """Whether `[start, end)` overlaps one of the places."""
    index = bisect_right(places, start, key=lambda place: place[0])
    before = index > 0 and places[index - 1][1] > start
    return before or (index < len(places) and places[index][0] < end)

"""The patterns of identifiers for `regex`, made when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import regex

from compliance.detection.identifiers.identifier import Identifier
from compliance.detection.matching.words import Said

BEFORE_TRIGGER = 120  # characters before a trigger in which a value may begin
LEAST = 4  # characters of a value


@cache
def alone(identifier: Identifier) -> regex.Pattern[str]:
    """A value with no letter or digit right before or behind it."""
    return _compiled(rf"(?<![^\W_])(?:{identifier.pattern})(?![^\W_])")


@cache
def begun(identifier: Identifier) -> regex.Pattern[str]:
    """A value with no letter or digit right behind it."""
    return _compiled(rf"(?:{identifier.pattern})(?![^\W_])")


@cache
def glued(identifier: Identifier) -> regex.Pattern[str]:
    """A value right behind a word, at most one sign between them; its group is `value`."""
    return _compiled(rf"[\W_]?(?P<value>{identifier.pattern})(?![^\W_])")


@cache
def labelled(identifier: Identifier) -> regex.Pattern[str]:
    """A value behind its label, quoted or up to the end of the field; its group is `value`."""
    return _compiled(
        rf"[\"'”»\])*]{{0,2}}[ \t]{{0,2}}(?:=>|[:=>])[ \t]{{0,4}}[\"'„“«]?"
        rf"(?P<value>{identifier.pattern})(?=[ \t]*(?:[\"'”“»,;|<\r\n}}\])]|\.(?:\s|$)|$))"
    )


@cache
def _whole(identifier: Identifier) -> regex.Pattern[str]:
    return _compiled(identifier.pattern)


def _compiled(pattern: str) -> regex.Pattern[str]:
    # What Hyperscan calls a digit is one of ASCII; views have no others.
    return regex.compile(pattern.replace(r"\d", "[0-9]"), regex.IGNORECASE)


_BEGINS = regex.compile(r"(?:^|[\n\"'{},;|<(\[*•>.])[ \t]*(?:\p{Pd}[ \t]+)?$")
"""What stands before the label of a field."""
_QUOTES = " \t\"'\r"


def in_fields(
    identifier: Identifier,
    text: str,
    words: Sequence[Said],
    cells: Sequence[tuple[str, int, int]],
) -> Iterator[tuple[str, tuple[int, int]]]:
    """The values that words label, and the whole of cells below them, with their words."""
    for word in words:
        if _BEGINS.search(text, max(0, word.start - LEAST), word.start):
            value = labelled(identifier).match(text, word.end)
            if value:
                yield word.word, value.span("value")
    for heading, start, end in cells:
        bare = text[start:end].strip(_QUOTES)
        if bare and _whole(identifier).fullmatch(bare):
            begin = text.index(bare, start)
            yield heading, (begin, begin + len(bare))


def inside(identifier: Identifier, text: str, start: int, end: int) -> tuple[int, int] | None:
    """A shorter value with the same end whose check holds, where the longer one's does not.

    It begins behind a separator: of "12 1237 010180" the year before it may be no part.
    """
    check = identifier.holds
    if check is None or identifier.trigger:
        return None
    for place in range(start + 1, end - LEAST):
        if text[place - 1].isalnum() or not text[place].isalnum():
            continue
        if _whole(identifier).fullmatch(text, place, end) and check(text[place:end]):
            return place, end
    return None


def near_trigger(places: Sequence[Said], reach: int, length: int) -> list[tuple[int, int]]:
    """Where values may stand that hold one of the triggers; none overlap."""
    merged: list[tuple[int, int]] = []
    for place in places:
        start = max(0, place.start - BEFORE_TRIGGER)
        end = min(length, place.end + reach)
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged

"""The patterns of identifiers for `regex`, made when they are first asked for."""

from __future__ import annotations

from collections.abc import Sequence
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
def _whole(identifier: Identifier) -> regex.Pattern[str]:
    return _compiled(identifier.pattern)


def _compiled(pattern: str) -> regex.Pattern[str]:
    # What Hyperscan calls a digit is one of ASCII; views have no others.
    return regex.compile(pattern.replace(r"\d", "[0-9]"), regex.IGNORECASE)


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

"""Identifiers as people write them, and the dates that many of them begin with."""

from __future__ import annotations

import datetime as dt


def plain(value: str) -> str:
    """Letters and digits of a value only, in upper case."""
    return "".join(filter(str.isalnum, value)).upper()


def is_past(year: int, month: int, day: int) -> bool:
    """Whether this is a day of the calendar on which somebody alive may have been born."""
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return False
    today = dt.date.today()  # noqa: DTZ011 -- a day more or less changes nothing
    return 0 <= today.year - year <= OLDEST and date <= today


OLDEST = 120  # years


def is_past_in_some_century(year: int, month: int, day: int) -> bool:
    """`is_past` of a year of two digits, whichever the century is."""
    return is_past(1900 + year, month, day) or is_past(2000 + year, month, day)

"""Identifiers as people write them, and the dates that many of them begin with."""

from __future__ import annotations

import datetime as dt


def plain(value: str) -> str:
    """Letters and digits of a value only, in upper case."""
    return "".join(filter(str.isalnum, value)).upper()


_NOT_OF_A_CODE = ("NO", "NR", "N", "NUM")


def is_one_code(value: str) -> bool:
    """Whether letters and digits were written as one code: not `no 1234567`, not `am 12 Uhr`.

    Letters apart from the digits are capitals, and not those that say that a number follows, or
    joined by a hyphen: `m-ab 1234`.
    """
    first, _, others = value.partition(" ")
    if not others or value.replace(" ", "").isdigit():
        return True
    return (value.isupper() and first not in _NOT_OF_A_CODE) or "-" in first


def is_past(year: int, month: int, day: int) -> bool:
    """Whether this is a day of the calendar on which somebody alive may have been born."""
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return False
    today = dt.date.today()  # noqa: DTZ011 -- a day more or less changes nothing
    return 0 <= today.year - year <= OLDEST and date <= today


OLDEST = 130  # years


def is_past_in_some_century(year: int, month: int, day: int) -> bool:
    """`is_past` of a year of two digits, whichever the century is."""
    return is_past(1900 + year, month, day) or is_past(2000 + year, month, day)

"""Reads one JSON value of a policy document, or refuses it by the name of its member.

A reader takes a value and where it stands, such as `rules[2].when.hours.from`, and returns what
the policy holds; it raises `PolicyRefused` otherwise.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from compliance.policy import countries
from compliance.policy.regions import REGIONS
from compliance.policy.terms import Hours, PolicyRefused

MAX_BYTES = 4 << 20  # of a document
MAX_ITEMS = 1_000  # in a list of names
MAX_ID = 64  # characters
MAX_TEXT = 512  # characters

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z")
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Unicode's categories of what cannot be seen, or changes the order of what can."""

_EMPTY = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Those that other categories hold: fillers, joiners and selectors of variants."""

_BLANKS = re.compile(r"[^\S ]|  ")
"""Blanks between words that look like one space."""

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
Reader = Callable[[Any, str], Any]


def json_value(document: bytes | str) -> Any:
    """The JSON value of a document; raises `PolicyRefused` where it is none."""
    if len(document) > MAX_BYTES:
        raise PolicyRefused(f"the policy is larger than {MAX_BYTES >> 20} MiB")
    try:
        text = document.decode("utf-8") if isinstance(document, bytes) else document
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise PolicyRefused(f"the policy is not UTF-8 at byte {error.start}") from error
    except PolicyRefused:
        raise
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        raise PolicyRefused(f"the policy is not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise PolicyRefused(f"{shown(name)}: given twice in one object; keep one")
        members[name] = value
    return members


def _no_constant(name: str) -> Any:
    raise PolicyRefused(f"the policy is not JSON: {name} is no number")


def shown(name: str) -> str:
    """The name of a member as a message can carry it, whatever the document calls it."""
    plain = len(name) <= MAX_ID and name.isascii() and name.isprintable()
    return name if plain else ascii(name[:MAX_ID])


def members(
    value: Any, at: str, *, required: Collection[str] = (), optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """An object that has all the required members and no unknown one."""
    if not isinstance(value, dict):
        raise PolicyRefused(f"{at}: must be an object")
    prefix = "" if at == "policy" else f"{at}."
    for name in value:
        if name not in required and name not in optional:
            known = ", ".join(sorted({*required, *optional}))
            raise PolicyRefused(f"{prefix}{shown(name)}: unknown member; known are {known}")
    for name in sorted(required):
        if name not in value:
            raise PolicyRefused(f"{prefix}{name}: missing")
    return value


def some(value: Any, at: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """An object with at least one of the members that `readers` names, each read by its own."""
    found = members(value, at, optional=readers)
    if not found:
        raise PolicyRefused(f"{at}: must have {' or '.join(readers)}; or leave it out")
    return {name: readers[name](what, f"{at}.{name}") for name, what in found.items()}


def text(value: Any, at: str, most: int = MAX_TEXT) -> str:
    """A text that is not empty, and that is as it looks."""
    if not isinstance(value, str) or not value.strip():
        raise PolicyRefused(f"{at}: must be a text that is not empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PolicyRefused(f"{at}: holds a lone surrogate, which UTF-8 cannot carry")
    if hidden := _hidden(value):
        point = f"U+{ord(hidden):04X}"
        raise PolicyRefused(f"{at}: holds a character that cannot be seen ({point}); remove it")
    if value != value.strip():
        raise PolicyRefused(f"{at}: begins or ends with a blank; remove it")
    if not unicodedata.is_normalized("NFC", value):
        raise PolicyRefused(
            f"{at}: holds a letter in a form that looks like another one; write it in NFC"
        )
    if len(value) > most:
        raise PolicyRefused(f"{at}: is longer than {most} characters")
    return value


def _hidden(value: str) -> str | None:
    """The first character that cannot be seen."""
    if value.isascii() and value.isprintable():
        return None
    return next(
        (one for one in value if unicodedata.category(one) in _UNSEEN or _EMPTY.match(one)),
        None,
    )


def name(value: Any, at: str, most: int = MAX_TEXT) -> str:
    """A text by which something is found, so that no two look alike for their blanks."""
    found = text(value, at, most)
    if _BLANKS.search(found):
        raise PolicyRefused(f"{at}: must have one plain space between words, no other")
    return found


def identifier(value: Any, at: str) -> str:
    """A short name."""
    return name(value, at, MAX_ID)


def listed(value: Any, at: str, of: str = "text") -> list[Any]:
    """A list with at least one item."""
    if not isinstance(value, list) or not value:
        raise PolicyRefused(f"{at}: must be a list with at least one {of}")
    if len(value) > MAX_ITEMS:
        raise PolicyRefused(f"{at}: {len(value)} are given, at most {MAX_ITEMS} are possible")
    return value


def names(value: Any, at: str) -> frozenset[str]:
    """A list of different texts."""
    found: set[str] = set()
    for index, item in enumerate(listed(value, at)):
        one = name(item, f"{at}[{index}]")
        if one in found:
            raise PolicyRefused(f"{at}[{index}]: {one!r} is given twice; keep one")
        found.add(one)
    return frozenset(found)


def choice(of: type[ChoiceT]) -> Callable[[Any, str], ChoiceT]:
    """A reader of one of an enumeration's values."""

    def read(value: Any, at: str) -> ChoiceT:
        if not isinstance(value, str) or value not in tuple(of):
            raise PolicyRefused(f"{at}: must be one of {', '.join(of)}")
        return of(value)

    return read


def choices(of: type[ChoiceT]) -> Callable[[Any, str], frozenset[ChoiceT]]:
    """A reader of a list of different values of an enumeration."""
    one = choice(of)

    def read(value: Any, at: str) -> frozenset[ChoiceT]:
        texts = listed(value, at)
        found = [one(item, f"{at}[{index}]") for index, item in enumerate(texts)]
        names(texts, at)
        return frozenset(found)

    return read


def country_codes(value: Any, at: str) -> frozenset[str]:
    """A list of countries (ISO 3166-1 alpha-2)."""
    found = names(value, at)
    for index, code in enumerate(value):
        if fault := countries.fault(code):
            raise PolicyRefused(f"{at}[{index}]: {fault}")
    return found


def region_names(value: Any, at: str) -> frozenset[str]:
    """A list of regions."""
    found = names(value, at)
    for index, name in enumerate(value):
        if name not in REGIONS:
            raise PolicyRefused(f"{at}[{index}]: must be one of {', '.join(REGIONS)}")
    return found


def flag(value: Any, at: str) -> bool:
    """Yes or no, where both say something."""
    if not isinstance(value, bool):
        raise PolicyRefused(f"{at}: must be true or false")
    return value


def demand(value: Any, at: str) -> bool:
    """Yes; not asking for something is to leave the member out."""
    if value is not True:
        raise PolicyRefused(f"{at}: must be true; leave it out where it is not asked for")
    return True


def whole(least: int, most: int, what: str = "a whole number") -> Callable[[Any, str], int]:
    """A reader of an integer from `least` to `most`."""

    def read(value: Any, at: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise PolicyRefused(f"{at}: must be {what} from {least} to {most}")
        return value

    return read


def hours(value: Any, at: str) -> Hours:
    """Days of the week, a part of the day, or both."""
    read = some(value, at, {"days": _days, "from": _clock, "to": _clock})
    start, end = read.get("from"), read.get("to")
    if (start is None) != (end is None):
        raise PolicyRefused(
            f"{at}.{'to' if end is None else 'from'}: missing; give both or none"
        )
    if start is not None and start == end:
        raise PolicyRefused(f"{at}.to: is the same as from; leave both out for the whole day")
    return Hours(read.get("days"), start, end)


def _days(value: Any, at: str) -> frozenset[int]:
    found: set[int] = set()
    one = whole(1, 7, "a day of the week")
    for index, item in enumerate(listed(value, at, "day")):
        day = one(item, f"{at}[{index}]")
        if day in found:
            raise PolicyRefused(f"{at}[{index}]: {day} is given twice; keep one")
        found.add(day)
    return frozenset(found)


def _clock(value: Any, at: str) -> int:
    match = _CLOCK.match(value) if isinstance(value, str) else None
    if match is None:
        raise PolicyRefused(f"{at}: must be a time of day as a text, from 00:00 to 23:59")
    return int(match[1]) * 60 + int(match[2])

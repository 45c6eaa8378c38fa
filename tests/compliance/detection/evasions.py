"""Twenty-nine ways to write a value so that a search for it fails, and where it then stands.

A pure generator for tests and benchmarks: `written(name, kind)` gives the texts of one or two
messages and the places that must be covered for nothing readable to be left. None where a way
does not apply to a kind (a phone number has no "@" to spell), or does not keep the value
readable for anybody who is not told.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: its entity types, one of which must be found, and a text about it."""

    entities: frozenset[str]
    value: str
    says: str  # a sentence with `{}` for the value
    key: str  # what a program calls it


@dataclass(frozen=True, slots=True)
class Written:
    """Texts, and the places [start, end) by index of text; `value` is what hides there."""

    texts: tuple[str, ...]
    places: tuple[tuple[int, int, int], ...]
    parses: Callable[[str], object] | None = None  # what must still read a masked text


KINDS: Mapping[str, Kind] = {
    "name": Kind(
        frozenset({"PERSON"}), "Anna Schmidt", "My colleague {} wrote to me.", "customer_name"
    ),
    "e-mail": Kind(
        frozenset({"EMAIL_ADDRESS"}),
        "anna.schmidt@example.com",
        "Please send the e-mail to {} today.",
        "email",
    ),
    "phone": Kind(
        frozenset({"PHONE_NUMBER"}),
        "+49 170 1234567",
        "My phone number is {}, call me.",
        "phone",
    ),
    "IBAN": Kind(
        frozenset({"IBAN_CODE"}),
        "DE89 3704 0044 0532 0130 00",
        "Please pay to the IBAN {} today.",
        "iban",
    ),
    "card": Kind(
        frozenset({"CREDIT_CARD"}),
        "4111 1111 1111 1111",
        "Charge the credit card {} now.",
        "card_number",
    ),
    "national id": Kind(
        frozenset({"DE_TAX_ID"}),
        "86 095 742 719",
        "My Steuer-ID is {} as you know.",
        "steuer_id",
    ),
}

_LOOK_ALIKE = str.maketrans("aceopxyABEKMHOPCTX", "асеорхуАВЕКМНОРСТХ")  # noqa: RUF001
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def _in_sentence(kind: Kind, value: str) -> Written:
    before, _, behind = kind.says.partition("{}")
    place = (0, len(before), len(before) + len(value))
    return Written((before + value + behind,), (place,))


def _sentence(write: Callable[[str], str | None]) -> Callable[[Kind], Written | None]:
    """A way that writes the value otherwise, and leaves the sentence around it."""

    def written(kind: Kind) -> Written | None:
        value = write(kind.value)
        return None if value is None or value == kind.value else _in_sentence(kind, value)

    return written


def _document(
    write: Callable[[Kind], str], parses: Callable[[str], object] | None = None
) -> Callable[[Kind], Written | None]:
    """A way that puts the value, as it is, into another kind of text."""

    def written(kind: Kind) -> Written | None:
        text = write(kind)
        start = text.index(kind.value)
        return Written((text,), ((0, start, start + len(kind.value)),), parses)

    return written


def _between(sign: str) -> Callable[[str], str]:
    return sign.join


def _spaces(space: str) -> Callable[[str], str | None]:
    return lambda value: value.replace(" ", space) if " " in value else None


def _address(at: str, dot: str) -> Callable[[str], str | None]:
    def written(value: str) -> str | None:
        return value.replace(".", dot).replace("@", at) if "@" in value else None

    return written


def _groups(value: str) -> str | None:
    return value.replace(" ", "_") if any(map(str.isdigit, value)) else None


def _entities(value: str) -> str:
    return "".join(f"&#{ord(character)};" for character in value)


_NAMES = {" ": "&nbsp;", "@": "&commat;", ".": "&period;", "+": "&plus;"}


def _named(value: str) -> str | None:
    written = "".join(_NAMES.get(character, character) for character in value)
    return written if written != value else None


def _escapes(value: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in value)


def _decomposed(value: str) -> str | None:
    accented = value.replace("Anna", "Änna").replace("dt", "dţ")
    return unicodedata.normalize("NFD", accented) if value.startswith("Anna") else None


def _broken(value: str) -> str:
    if " " in value:
        middle = [place for place, character in enumerate(value) if character == " "]
        place = middle[len(middle) // 2]
        return value[:place] + "\n" + value[place + 1 :]
    return value[: len(value) // 2] + "\n" + value[len(value) // 2 :]


def _glued(kind: Kind) -> Written | None:
    if "@" in kind.value:
        return None  # any letters before an address are one with it
    value = kind.value.replace(" ", "")
    text = f"the {kind.key.replace('_', '')}{value} again"
    start = text.index(value)
    return Written((text,), ((0, start, start + len(value)),))


def _snake(kind: Kind) -> Written | None:
    value = kind.value.replace("+", "").replace(" ", "_")
    if "@" in value:
        value = value.replace("@", "_at_").replace(".", "_dot_")
    value = value.lower() if any(map(str.isalpha, value)) else value
    text = f"load({kind.key}_{value})"
    start = text.index(value)
    return Written((text,), ((0, start, start + len(value)),))


def _path(kind: Kind) -> Written:
    value = kind.value.replace(" ", "-" if kind.value.startswith("Anna") else "")
    text = f"GET https://shop.example.com/v1/{kind.key.replace('_', '-')}/{value}/orders"
    start = text.index(value)
    return Written((text,), ((0, start, start + len(value)),))


def _marked(value: str) -> str:
    third = max(2, len(value) // 3)
    return value[:third] + "**" + value[third : 2 * third] + "**" + value[2 * third :]


def _split(kind: Kind) -> Written | None:
    before, _, behind = kind.says.partition("{}")
    cut = len(kind.value) // 2
    first, second = kind.value[:cut], kind.value[cut:]
    texts = (before + first, second + behind)
    end, start = len(before + first.rstrip()), len(second) - len(second.lstrip())
    return Written(texts, ((0, len(before), end), (1, start, len(second))))


def _csv_parses(text: str) -> object:
    rows = [re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", line) for line in text.splitlines()]
    if len({len(row) for row in rows}) != 1:
        raise ValueError("rows of several lengths")
    return rows


def _code_parses(text: str) -> object:
    return compile(text, "<text>", "exec")


EVASIONS: Mapping[str, Callable[[Kind], Written | None]] = {
    "zero-width": _sentence(_between("\u200b")),
    "soft hyphen": _sentence(_between("\u00ad")),
    "no-break space": _sentence(_spaces("\u00a0")),
    "full width": _sentence(lambda value: value.translate(_FULL_WIDTH)),
    "look-alike letters": _sentence(lambda value: value.translate(_LOOK_ALIKE)),
    "spaced out": _sentence(_between(" ")),
    "at and dot in words": _sentence(_address(" at ", " dot ")),
    "at and dot in brackets": _sentence(_address("[at]", "[dot]")),
    "group separators": _sentence(_groups),
    "base64": _sentence(lambda value: base64.b64encode(value.encode()).decode()),
    "URL encoding": _sentence(lambda value: quote(value, safe="")),
    "hex": _sentence(lambda value: value.encode().hex()),
    "HTML entities by number": _sentence(_entities),
    "HTML entities by name": _sentence(_named),
    "JSON escapes": _sentence(_escapes),
    "lower case": _sentence(str.lower),
    "UPPER CASE": _sentence(str.upper),
    "decomposed": _sentence(_decomposed),
    "a new line inside": _sentence(_broken),
    "a JSON value": _document(
        lambda kind: json.dumps({"id": 7, kind.key: kind.value, "ok": True}), json.loads
    ),
    "a CSV row": _document(
        lambda kind: f"id,{kind.key},state\n7,{kind.value},open\n8,,closed\n", _csv_parses
    ),
    "code": _document(
        lambda kind: f'{kind.key} = "{kind.value}"\nprint(len({kind.key}))\n', _code_parses
    ),
    "SQL": _document(
        lambda kind: f"UPDATE clients SET {kind.key} = '{kind.value}' WHERE id = 7;"  # noqa: S608
    ),
    "glued": _glued,
    "snake_case": _snake,
    "a URL path": _path,
    "Markdown within": _sentence(_marked),
    "backwards": _sentence(lambda value: value[::-1]),
    "two messages": _split,
}

UNREADABLE: frozenset[tuple[str, str]] = frozenset(
    {
        ("backwards", "name"),
        ("backwards", "card"),
        ("backwards", "national id"),
    }
)
"""What nobody could tell from another number or word without being told."""


def written(evasion: str, kind: str) -> Written | None:
    """A value of a kind, written in one of the ways; None where the way is none for it."""
    return EVASIONS[evasion](KINDS[kind])

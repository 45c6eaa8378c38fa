"""Many patterns found in one pass over a text, with Hyperscan.

Texts are read as one byte a character, so that what is found needs no translation of offsets:
letters lose their accents and their case, dashes and spaces of all kinds become one, Greek and
Cyrillic letters have bytes of their own. Time is linear in the text.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import hyperscan

TOGETHER = 16
"""Expressions in one database: compiling takes more than twice as long for twice as many."""

_OTHER = 0xFE  # a sign or a letter of another script
_FIRST = 0x80  # of the bytes for letters that are not Latin
_SCRIPTS = "αβγδεζηθικλμνξοπρστυφχψω" + "абвгдежзиклмнопрстуфхцчшщъыьэюяіјљњћџѓќѕєґђ"
_PLAIN = {
    "ß": "s",
    "ø": "o",
    "æ": "a",
    "œ": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "t",
    "ħ": "h",
    "ı": "i",  # noqa: RUF001
    "ς": "σ",  # noqa: RUF001
    "ŋ": "n",
    "ĸ": "k",
    "ŀ": "l",
}

Hit = tuple[int, int, int]
"""Which expression, and the start and end of the match."""


class _Bytes(dict[int, int]):
    """The byte of each character, worked out when it is first met."""

    def __missing__(self, character: int) -> int:
        self[character] = byte = _byte(chr(character))
        return byte


def _byte(character: str) -> int:
    if character.isspace():
        return ord(" ")
    if unicodedata.category(character) == "Pd":
        return ord("-")
    if character.isdecimal():
        return ord("0") + unicodedata.decimal(character)
    base = unicodedata.normalize("NFD", character.lower())[0]
    base = _PLAIN.get(base, base)
    if base.isascii():
        return ord(base)
    place = _SCRIPTS.find(base)
    return _OTHER if place < 0 else _FIRST + place


_BYTES = _Bytes({code: ord(chr(code).lower()) for code in range(128)})


@lru_cache(maxsize=4)
def read(text: str) -> bytes:
    """A text as one byte a character. The last texts are kept until `read.cache_clear()`."""
    if text.isascii():
        return text.encode().lower()
    return codecs.charmap_encode(text, "strict", _BYTES)[0]


class Patterns:
    """A set of regular expressions of ASCII, without regard to case. Not thread-safe.

    Raises `hyperscan.error` for an expression that Hyperscan does not know or is too large.
    """

    def __init__(self, expressions: Sequence[str]) -> None:
        self._databases = [
            _database(list(map(read, expressions[first : first + TOGETHER])), first)
            for first in range(0, len(expressions), TOGETHER)
        ]

    def hits(self, data: bytes) -> list[Hit]:
        """All matches in what `read` made of a text: each end, with its leftmost start."""
        return _scanned(self._databases, data)


class Literals:
    """A set of strings, as `read` gives them. Not thread-safe."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        self._databases = [_database(literals, 0, literal=True)] if literals else []

    def hits(self, data: bytes) -> list[Hit]:
        """All places of all strings."""
        return _scanned(self._databases, data)


def _scanned(databases: Sequence[hyperscan.Database], data: bytes) -> list[Hit]:
    hits: list[Hit] = []

    def note(index: int, start: int, end: int, flags: int, context: object) -> None:
        del flags, context
        hits.append((index, start, end))

    for database in databases:
        database.scan(data, note)
    return hits


def _database(
    expressions: Sequence[bytes], first: int, *, literal: bool = False
) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_SOM_LEFTMOST
    if not literal:
        flags |= hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL
    database.compile(
        expressions=list(expressions),
        ids=list(range(first, first + len(expressions))),
        elements=len(expressions),
        flags=[flags] * len(expressions),
        literal=literal,
    )
    return database

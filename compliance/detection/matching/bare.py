"""When a value counts without a word beside it.

That depends on how many values of the same shape (digits, letters and separators at the same
places) would pass for the identifier by chance. It is measured, on values made at random with
a fixed seed, once for each shape.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import regex

from compliance.detection.identifiers.identifier import Identifier, Strength
from compliance.detection.matching.forms import alone

TRIED = 1_000  # values made for a shape
SELDOM = 0.005  # share that may pass where the language is any
AT_HOME = 0.03  # and in a text in a language of the identifier's country
SEPARATED = 0.2  # how much rarer other numbers with the same separators are
LETTERED = 0.05  # and those with letters at the same places
AROUND = 200  # characters on either side that tell the language

LANGUAGES: Mapping[str, frozenset[str]] = {
    "AT": frozenset({"de"}),
    "BE": frozenset({"nl", "fr", "de"}),
    "BG": frozenset({"bg"}),
    "CH": frozenset({"de", "fr", "it"}),
    "CY": frozenset({"el"}),
    "CZ": frozenset({"cs"}),
    "DE": frozenset({"de"}),
    "DK": frozenset({"da"}),
    "EE": frozenset({"et"}),
    "ES": frozenset({"es", "ca", "gl", "eu"}),
    "FI": frozenset({"fi", "sv"}),
    "FR": frozenset({"fr"}),
    "GB": frozenset({"en", "cy"}),
    "GR": frozenset({"el"}),
    "HR": frozenset({"hr"}),
    "HU": frozenset({"hu"}),
    "IE": frozenset({"en", "ga"}),
    "IS": frozenset({"is"}),
    "IT": frozenset({"it", "de"}),
    "LI": frozenset({"de"}),
    "LT": frozenset({"lt"}),
    "LU": frozenset({"fr", "de", "lb"}),
    "LV": frozenset({"lv"}),
    "MT": frozenset({"mt", "en"}),
    "NL": frozenset({"nl"}),
    "NO": frozenset({"no", "nb", "nn"}),
    "PL": frozenset({"pl"}),
    "PT": frozenset({"pt"}),
    "RO": frozenset({"ro"}),
    "SE": frozenset({"sv"}),
    "SI": frozenset({"sl"}),
    "SK": frozenset({"sk"}),
}
"""The languages (ISO 639-1) that are usual in a country's letters and forms."""

_TIMES = regex.compile(r"1[4-8]\d{8}(?:\d{3}){0,3}")
"""Seconds since 1970 of the years 2014 to 2030, also in thousandths and so on: no birth."""


class Bare:
    """Decides on values that have no word. Not thread-safe."""

    def __init__(self, language: Callable[[str], str | None]) -> None:
        self._language = language
        self._share = lru_cache(maxsize=8_192)(_share)

    def may(self, identifier: Identifier, value: str) -> bool | None:
        """Whether a value is one by itself, if its check holds; None: if it `is_at_home`."""
        if not identifier.country:
            return identifier.strength is Strength.CERTAIN
        if identifier.strength is Strength.FORM or _TIMES.fullmatch(value):
            return False
        share = self.share(identifier, value)
        if share > AT_HOME:
            return False
        return True if share <= SELDOM and identifier.strength is Strength.CERTAIN else None

    def share(self, identifier: Identifier, value: str) -> float:
        """The share of other values of a value's shape that pass for an identifier."""
        return self._share(identifier, _shape(value))

    def is_at_home(self, identifier: Identifier, text: str, span: tuple[int, int]) -> bool:
        """Whether a value stands in text in a language of its country."""
        languages = LANGUAGES.get(identifier.country)
        if not languages:
            return False
        # Pieces of fixed places, so that values near each other ask once.
        start = max(0, span[0] // AROUND - 1) * AROUND
        return self._language(text[start : start + 3 * AROUND]) in languages


_CHARACTERS = {"0": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""What may stand at a place of a shape."""


def _shape(value: str) -> str:
    return "".join("0" if c.isdigit() else "A" if c.isalpha() else c for c in value)


def _share(identifier: Identifier, shape: str) -> float:
    """The share of random values of a shape that pass, less for what few numbers look like."""
    passes, holds = alone(identifier).fullmatch, identifier.holds
    values = _values(shape)
    passed = sum(bool(passes(value) and (holds is None or holds(value))) for value in values)
    rarer = LETTERED if "A" in shape else SEPARATED if not shape.isdigit() else 1.0
    return passed / TRIED * rarer


def _values(shape: str) -> Iterator[str]:
    """As many values of a shape as are tried, the same each time."""
    choice = random.Random(shape).choice  # noqa: S311 -- no secret
    characters = [_CHARACTERS[c] for c in shape if c in _CHARACTERS]
    written = "".join("%s" if c in _CHARACTERS else c.replace("%", "%%") for c in shape)
    for _ in range(TRIED):
        yield written % tuple(map(choice, characters))

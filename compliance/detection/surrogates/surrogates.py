"""Which name stands for which, in one request.

Where a policy wants it, a name is pseudonymised by another name and not by a token. Which one,
HMAC-SHA-256 (RFC 2104) under a key of the application says: so a name has the same other name
in each of its requests, and nobody without the key can tell which. A name that stands in the
request in any form is passed over for the next, and so is one that stands for something else
already. Where none is left, the value has a token.

A person's given names and family name are replaced each by itself. So who is "Anna Schmidt"
first and "Schmidt" later keeps one family name, and what a model takes of it can be put back.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence

import regex

from compliance.detection.reading.first_names import FIRST_NAMES
from compliance.detection.surrogates.inflections import folded_forms, forms
from compliance.detection.surrogates.lists import (
    COMPANIES,
    CYRILLIC,
    GREEK,
    LATIN,
    MEN,
    WOMEN,
    Names,
)

LONGEST = 80
"""Characters of a value from which it is hardly a name."""

WORD = r"[\p{L}\p{M}\p{N}_]"
"""A character of a word, as a pattern: a name is found again as a whole word."""

ADDRESS = rf"[a-z]\.[a-z]++@example\.(?:com|net|org)(?!{WORD})"
"""The mail addresses that stand for others, as a pattern. Their domains are reserved for
examples (RFC 2606)."""

_DOMAINS = ("example.com", "example.net", "example.org")
_TRIES = 8  # for an address that is free

_WORDS = regex.compile(rf"{WORD}++")
_ADDRESSES = regex.compile(rf"(?<!{WORD}){ADDRESS}")
_INSIDE = regex.compile(WORD)
_SPACE = regex.compile(r"([ \u00a0])")
_PART = r"(?:\p{L}['’])?+\p{L}[\p{L}\p{M}]++(?:[-'’][\p{L}\p{M}]++)*+"
_PERSON = regex.compile(rf"{_PART}(?:[ \u00a0]{_PART}){{0,3}}+")
_PLACE = regex.compile(r"\p{L}[\p{L}\p{M}\p{Zs}\p{Pd}'’.,&/()]*+")
_OTHER = (
    (LATIN, regex.compile(r"[^\P{L}\p{Latin}]")),
    (GREEK, regex.compile(r"[^\P{L}\p{Greek}]")),
    (CYRILLIC, regex.compile(r"[^\P{L}\p{Cyrillic}]")),
)
"""The names of each script, and a letter of any other."""


class Surrogates:
    """The names that stand for others in one request. Not for sharing between requests."""

    def __init__(self, key: bytes, texts: Iterable[str]) -> None:
        """`key` is the application's, `texts` are all texts of the request."""
        self._key = hmac.digest(key, b"domicile/surrogate/1", hashlib.sha256)
        self._taken: set[str] = set()
        for text in texts:
            folded = text.casefold()
            self._taken.update(_WORDS.findall(folded), _ADDRESSES.findall(folded))
        self._standing: set[str] = set()  # the listed names that stand in the request
        self._owners: dict[str, tuple[str, str]] = {}  # form -> the kind and value it is for
        self._named: set[tuple[str, str]] = set()
        self._spent: set[str] = set()  # the first names of lists of which none is free
        self._values: dict[str, str] = {}
        self._chosen: dict[tuple[str, str], str | None] = {}

    def of(self, entity: str, value: str) -> str | None:
        """The name that stands for a value; None where it must have a token."""
        if entity == "EMAIL_ADDRESS":
            return self._once("address", value)
        names = _names(value)
        if names is None or len(value) > LONGEST:
            return None
        if entity == "PERSON":
            return self._person(value, names)
        listed = {"LOCATION": names.towns, "ORGANIZATION": COMPANIES}.get(entity)
        if listed is None or _PLACE.fullmatch(value) is None:
            return None
        return self._once(entity.lower(), value, listed)

    @property
    def values(self) -> dict[str, str]:
        """What a model may write, in each form -> the value that it stands for."""
        return self._values

    def _person(self, value: str, names: Names) -> str | None:
        if _PERSON.fullmatch(value) is None:
            return None
        written = []
        for kind, part in parts(value):
            name: str | None = part
            if kind:
                name = self._once(kind, part, _persons(names, kind, part))
            if name is None:
                return None
            written.append(name)
        return "".join(written)

    def _once(self, kind: str, value: str, listed: Sequence[str] | None = None) -> str | None:
        key = kind, value
        if key not in self._chosen:
            self._chosen[key] = (
                self._address(value) if listed is None else self._listed(kind, value, listed)
            )
        return self._chosen[key]

    def _listed(self, kind: str, value: str, listed: Sequence[str]) -> str | None:
        """The first of the listed names that is free, from the one that the key says."""
        owner = kind, value.casefold()
        if listed[0] in self._spent and owner not in self._named:
            return None
        first = int.from_bytes(self._digest(*owner)[:8], "big")
        for step in range(len(listed)):
            name = listed[(first + step) % len(listed)]
            if not self._is_free(name, owner):
                continue
            written = [_in_case_of(value, form) for form in forms(name)]
            if not self._values.keys().isdisjoint(written):
                continue  # of a value that differs in its capitals only
            self._owners |= dict.fromkeys(folded_forms(name), owner)
            self._values |= dict.fromkeys(written, value)
            self._named.add(owner)
            return _in_case_of(value, name)
        self._spent.add(listed[0])
        return None

    def _is_free(self, name: str, owner: tuple[str, str]) -> bool:
        """Whether no form of a name stands in the request or for something else."""
        if name in self._standing or self._owners.get(name.casefold(), owner) != owner:
            return False
        if not self._taken.isdisjoint(folded_forms(name)):
            self._standing.add(name)
            return False
        return all(self._owners.get(form, owner) == owner for form in folded_forms(name))

    def _address(self, value: str) -> str | None:
        for tried in range(_TRIES):
            digest = self._digest("address", value.casefold(), tried)
            initial = chr(ord("a") + digest[0] % 26)
            family = LATIN.families[int.from_bytes(digest[1:4], "big") % len(LATIN.families)]
            address = f"{initial}.{family.lower()}@{_DOMAINS[digest[4] % len(_DOMAINS)]}"
            if address not in self._taken and address not in self._values:
                self._values[address] = value
                return address
        return None

    def _digest(self, kind: str, value: str, tried: int = 0) -> bytes:
        said = f"{kind}\0{tried}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, hashlib.sha256)


def stands_apart(text: str, start: int, end: int) -> bool:
    """Whether no word goes on at either end of `[start, end)`."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (_INSIDE.match(before) or _INSIDE.match(after))


def parts(value: str) -> list[tuple[str, str]]:
    """A person's name as its parts, in order: "given", "family", or "" for what is between.

    A family name begins with its particle ("von der"). It stands first where what stands last
    is a known given name, as in Hungarian.
    """
    pieces = _SPACE.split(value)
    words = pieces[::2]
    if len(words) == 1:
        return [("given" if _is_given(value) else "family", value)]
    if _is_given(words[-1]) and not _is_given(words[0]):
        return [("family", "".join(pieces[:-2])), ("", pieces[-2]), ("given", words[-1])]
    particle = (
        at for at, word in enumerate(words) if word[0].islower() and value != value.lower()
    )
    family = 2 * next(particle, len(words) - 1)
    if family == 0:
        return [("family", value)]
    given = [("" if at % 2 else "given", pieces[at]) for at in range(family)]
    return [*given, ("family", "".join(pieces[family:]))]


def _names(value: str) -> Names | None:
    """The names of the script that a value is in; None where it is in several or another."""
    return next((names for names, other in _OTHER if not other.search(value)), None)


def _persons(names: Names, kind: str, part: str) -> Sequence[str]:
    if kind == "given":
        return names.women if _is_of_woman(part) else names.men
    woman = _plain(part).endswith(("α", "η", "υ", "ω", "а", "я"))
    return names.families_of_women if woman else names.families


def _is_given(word: str) -> bool:
    return _plain(word) in FIRST_NAMES


def _is_of_woman(given: str) -> bool:
    name = _plain(given)
    if name in WOMEN or name in MEN:
        return name in WOMEN
    return name.endswith(("a", "e", "α", "η", "ω", "а", "я"))


def _plain(word: str) -> str:
    """In lower case, without accents."""
    letters = unicodedata.normalize("NFD", word.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _in_case_of(value: str, name: str) -> str:
    """A name in capitals, or in small letters, where a value is."""
    if value == value.lower():
        return name.lower()
    return name.upper() if value == value.upper() else name

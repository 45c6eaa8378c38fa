"""Every table of identifiers against its table of values, through the matcher."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import groupby
from pkgutil import iter_modules

import pytest

from compliance.detection.identifiers import ALL
from compliance.detection.identifiers.identifier import Identifier
from compliance.detection.matching.bare import LANGUAGES
from compliance.detection.matching.matcher import Match, Matcher
from tests.compliance.detection import identifiers
from tests.compliance.detection.identifiers.values import Values

LEAST_VALUES = 10
LEAST_ALIKE = 5

ROWS: dict[str, list[Identifier]] = {
    entity: list(rows)
    for entity, rows in groupby(sorted(ALL, key=lambda row: row.entity), lambda row: row.entity)
}


def _tables() -> Iterator[tuple[str, Values]]:
    for module in iter_modules(identifiers.__path__):
        found = import_module(f"{identifiers.__name__}.{module.name}")
        yield from sorted(getattr(found, "VALUES", {}).items())


TABLES = {entity: values for entity, values in _tables() if entity in ROWS}


_home: list[str | None] = [None]
"""The language that texts are taken to be in: one of the identifier's country."""


@cache
def matcher() -> Matcher:
    return Matcher(ALL, lambda _: _home[0])


def matches(entity: str, text: str) -> list[Match]:
    _home[0] = min(LANGUAGES.get(ROWS[entity][0].country, {""}))
    return matcher().found(text)


def found(entity: str, text: str) -> list[str]:
    hits = matches(entity, text)
    return [text[m.start : m.end] for m in hits if m.identifier.entity == entity]


def found_or_its_like(entity: str, text: str) -> list[str]:
    """Also what another country with the same language has by the same word and form."""
    kinds = {row.kind for row in ROWS[entity]}
    hits = matches(entity, text)
    return [text[m.start : m.end] for m in hits if m.identifier.kind in kinds]


def words(entity: str) -> list[str]:
    """The first word of each row: what its authority calls it."""
    return list(dict.fromkeys(row.words[0].rstrip("*") for row in ROWS[entity] if row.words))


@pytest.mark.parametrize("entity", TABLES)
def test_valid_values_are_found_beside_their_word_and_others_are_not(entity):
    values = TABLES[entity]
    sentences = {
        value: [f"{word}: {value}" for word in words(entity)] or [value]
        for value in (*values.valid, *values.invalid)
    }
    missed = [
        value
        for value in values.valid
        if not any(
            value in found_or_its_like(entity, sentence) for sentence in sentences[value]
        )
    ]
    assert missed == []
    wrong = [
        (value, hits)
        for value in values.invalid
        for sentence in sentences[value]
        if (hits := found(entity, sentence))
    ]
    assert wrong == []


@pytest.mark.parametrize("entity", TABLES)
def test_what_only_looks_alike_is_not_found(entity):
    taken = {text: hits for text in TABLES[entity].alike if (hits := found(entity, text))}
    assert taken == {}


@pytest.mark.parametrize("entity", TABLES)
def test_letters_with_accents_fail_no_check(entity):
    for word in words(entity) or [""]:
        for value in TABLES[entity].valid[:3]:
            for at, character in enumerate(value):
                for other in "\u0130\u0131\u012cö" if character.isalpha() else "":
                    matches(entity, f"{word}: {value[:at]}{other}{value[at + 1 :]}")


def test_a_table_of_values_is_no_shorter_than_it_must_be():
    short = [
        entity
        for entity, values in TABLES.items()
        if min(len(set(values.valid)), len(set(values.invalid))) < LEAST_VALUES
        or len(set(values.alike)) < LEAST_ALIKE
    ]
    assert short == []

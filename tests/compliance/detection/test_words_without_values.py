"""Texts that speak of passports, tax and number plates, and hold other numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from compliance.detection.identifiers import ALL
from compliance.detection.identifiers.written import (
    is_one_code,
    is_past,
    is_past_in_some_century,
    plain,
)
from compliance.detection.matching.matcher import Matcher

TEXTS = Path(__file__).with_name("words_without_values.txt").read_text("utf-8").splitlines()


@cache
def matcher() -> Matcher:
    return Matcher(ALL, lambda _: None)


@pytest.mark.parametrize("text", TEXTS)
def test_prices_dates_laws_and_models_beside_the_word_of_an_identifier_are_none(text):
    hits = [hit for hit in matcher().found(text) if hit.identifier.country]
    assert [(hit.identifier.entity, text[hit.start : hit.end]) for hit in hits] == []


@pytest.mark.parametrize("value", ["P 1234567", "m-ab 1234", "w12345a", "12 345 678"])
def test_letters_and_digits_written_together_or_in_capitals_are_one_code(value):
    assert is_one_code(value)


@pytest.mark.parametrize("value", ["no 1234567", "NR 1234567", "am 12 Uhr", "van 123"])
def test_a_word_with_a_number_behind_it_is_no_code(value):
    assert not is_one_code(value)


def test_separators_are_no_part_of_a_value():
    assert plain("ab-12 34/5.c") == "AB12345C"


def test_a_birth_lies_in_the_past_on_a_day_that_exists():
    assert is_past(1985, 7, 30)
    assert not is_past(1985, 2, 30)
    assert not is_past(1800, 1, 1)
    assert not is_past(9000, 1, 1)
    assert is_past_in_some_century(99, 12, 31)
    assert not is_past_in_some_century(99, 13, 31)

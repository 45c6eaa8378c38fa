"""Numbers of any country under their English names, and days of birth among other days."""

from __future__ import annotations

from functools import cache

import pytest

from compliance.detection.identifiers import ALL
from compliance.detection.matching.matcher import Matcher


@cache
def _matcher() -> Matcher:
    return Matcher(ALL, lambda _: "en")


def masked(text: str) -> list[str]:
    return [text[m.start : m.end] for m in _matcher().found(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("My national ID is 00101830501, born in Ghent.", "00101830501"),
        ("hi here is my national ID 150879-3159 thanks", "150879-3159"),
        ("my national ID is 200870-589D and I wait", "200870-589D"),
        ("national identification number: 58994975552", "58994975552"),
        ("The customer's tax ID (37757440) differs.", "37757440"),
        ("VAT ID: B56769128", "B56769128"),
        ("VAT number 78268920R", "78268920R"),
        ("Her SSN is 28 17655099 69.", "28 17655099 69"),
        ("social security number\n287637798629\n", "287637798629"),
        ('{"personal_id_number": "226245676"}', "226245676"),
        ("national ID 33733834 2 ZZ9", "33733834 2 ZZ9"),
        ("tax id: 10170924786", "10170924786"),
    ],
)
def test_a_number_counts_beside_an_english_name_of_what_it_is_for(text, value):
    assert masked(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "tax_id: str = Field(max_length=13)  # see RFC 7807 section 3",
        "The tax ID changed in 2023, national IDs in 2024.",
        "The national ID is 8 characters long.",
        "Bună ziua, am sunat ieri pentru cerere. 266565844. Mulțumesc.",
    ],
)
def test_years_and_lengths_beside_such_a_name_are_no_numbers_of_persons(text):
    assert masked(text) == []


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("geb. 12.03.1961 in Köln, aufgenommen am 3. Mai 2024", ["12.03.1961"]),
        ("Née le 5 juin 1982, hospitalisée le 12 mars 2023", ["5 juin 1982"]),
        ("Geburtsdatum\n23.11.1968\nAusstellungsdatum\n01.02.2020", ["23.11.1968"]),
        ("Meeting on 12.05.2024. My birthday is 3 March 1990.", ["3 March 1990"]),
        (
            "born,hired\n1980-02-03,2021-05-06\n1990-02-03,2022-05-06",
            ["1980-02-03", "1990-02-03"],
        ),
        (
            "Dates of birth: 1.2.2010, 3.4.2012 and 5.6.2014.",
            ["1.2.2010", "3.4.2012", "5.6.2014"],
        ),
        ("Müller, Hans, *12.05.1978", ["12.05.1978"]),
        ("on 12.05.1978 she was born in Graz", ["12.05.1978"]),
    ],
)
def test_the_day_next_to_a_word_of_birth_is_one_of_birth_and_no_day_further_on(text, days):
    assert masked(text) == days

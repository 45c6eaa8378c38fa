"""Names, towns and addresses that a label tells of, where no sentence does."""

from __future__ import annotations

import pytest

from compliance.detection.identifiers.fields import IDENTIFIERS
from compliance.detection.matching.matcher import Matcher


@pytest.fixture(scope="module")
def matcher():
    return Matcher(IDENTIFIERS, lambda _: None)


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ('{"id": 4, "city": "Leitir Ceanainn"}', "LOCATION", "Leitir Ceanainn"),
        ("{'homeTown': 'Tullamore'}", "LOCATION", "Tullamore"),
        ("billing_city=Šiauliai", "LOCATION", "Šiauliai"),
        ("Name: A\nWohnort: Bad Tölz\nAlter: 40", "LOCATION", "Bad Tölz"),
        ("<city>Ogre</city>", "LOCATION", "Ogre"),
        ("id;town\n17;Utena", "LOCATION", "Utena"),
        ("| id | town |\n|---|---|\n| 17 | Utena |", "LOCATION", "Utena"),
        ('"id","town"\n"17","Utena"', "LOCATION", "Utena"),
        ("- Wniosek, nazwisko: Żak-Nowak", "PERSON", "Żak-Nowak"),
        ("cliente => apellidos: García Lorca;", "PERSON", "García Lorca"),
        ("Podnositelj: X, adresa: Dolac 3a, Split", "ADDRESS", "Dolac 3a, Split"),
        ("id;street\n17;Félinering 6", "ADDRESS", "Félinering 6"),
        ("adresă: Strada Pop, Strehaia", "ADDRESS", "Strada Pop, Strehaia"),
        ("morada: Travessa de Macedo, S/N", "ADDRESS", "Travessa de Macedo, S/N"),
    ],
)
def test_a_label_tells_what_its_value_is(matcher, text, entity, value):
    assert [(m.identifier.entity, text[m.start : m.end]) for m in matcher.found(text)] == [
        (entity, value)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "In this city: Opera and theatre in one house.",  # no field begins there
        'CITY: "City"',
        "address: Optional[str] = None",
        "IP address: 10.0.0.1",
        "e-mail address: Invalid",
        "street food is sold here",
        "id;town\n17;see below, please ask",
    ],
)
def test_what_is_no_value_of_a_field_is_not_found(matcher, text):
    assert matcher.found(text) == []

"""What people call a number of any country in English, whatever its authority calls it.

"My national ID is …" is written of the identity number of every country, "tax ID" of numbers
that are a national one at home, "social security number" of all three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

_PERSON = (
    *("national id", "national id number", "national identification number", "id card number"),
    *("national identity number", "national insurance number", "personal id number"),
    *("personal id", "personal identification number", "personal identity number"),
    *("personal identity code", "identity number", "citizen id", "citizen number"),
)
_TAX = (
    *("tax id", "tax id number", "tax number", "tax identification number", "tin"),
    *("taxpayer id", "taxpayer identification number", "taxpayer number", "tax code"),
)
_SOCIAL = (
    *("social security number", "social security no", "social security id", "ssn"),
    *("social insurance number", "insurance number"),
)
_HEALTH = (
    *("health insurance number", "health insurance id", "health card number"),
    *("health number", "patient number", "patient id", "medical card number"),
)
_CARD = (
    *("identity card", "identity card number", "id card", "id card number"),
    *("identity document", "id document", "national id card", "national id"),
)
_VAT = (
    "vat number",
    "vat id",
    "vat no",
    "vat registration number",
    "vat identification number",
)

_WORDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.NATIONAL_ID: (*_PERSON, *_TAX, *_SOCIAL, *_HEALTH),
    Kind.TAX_ID: (*_TAX, *_PERSON, *_VAT),
    Kind.SOCIAL_SECURITY: (*_SOCIAL, *_HEALTH, *_PERSON),
    Kind.HEALTH_INSURANCE: (*_HEALTH, *_SOCIAL),
    Kind.IDENTITY_CARD: _CARD,
    Kind.PASSPORT: ("passport", "passport number", "passport no", "travel document"),
    Kind.DRIVING_LICENCE: (
        *("driving licence", "driving license", "driver's licence", "driver's license"),
        *("drivers license", "driver license", "driving licence number", "licence number"),
    ),
    Kind.VAT: (*_VAT, *_TAX),
    Kind.NUMBER_PLATE: (
        *("number plate", "licence plate", "license plate", "registration plate"),
        *("plate number", "vehicle registration", "car registration"),
    ),
}
"""Of each kind; no word is one that people also use of orders, products or accounts."""

_OWN: Mapping[Kind, tuple[str, ...]] = {
    Kind.NATIONAL_ID: _PERSON,
    Kind.TAX_ID: _TAX,
    Kind.SOCIAL_SECURITY: _SOCIAL,
}
"""Of numbers of persons those that say which one is meant."""

_CHECKED = ("id number", "identification number", "id no")
"""Words of much else too: only beside a value whose check few others pass."""


_FEW_DIGITS = ("1234", "12345")


def generally(row: Identifier) -> Identifier:
    """A row with the general words for its kind behind its own.

    What has no check takes the words of its own kind alone, and none if a year has its form.
    """
    words = _WORDS.get(row.kind, ())
    if not row.country or not words:
        return row
    if row.holds is None:
        if any(re.fullmatch(row.pattern, few, re.IGNORECASE) for few in _FEW_DIGITS):
            return row
        words = _OWN.get(row.kind, words)
    elif row.kind in _OWN and row.strength is not Strength.FORM:
        words += _CHECKED
    return replace(row, words=tuple(dict.fromkeys((*row.words, *words))))

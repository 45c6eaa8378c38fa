"""Why each kind of finding matters: the category of every entity that is looked for."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.detection.identifiers import ALL
from compliance.detection.identifiers.identifier import Kind
from compliance.detection.secrets import credentials
from compliance.detection.special import special
from compliance.vocabulary import Category

_PAYMENT = ("IBAN_CODE", "CREDIT_CARD", "CRYPTO")
_INDIRECT = ("BIC", "LEI", "ORGANIZATION", "DATE_TIME")
_NAMED = ("PERSON", "LOCATION", "ADDRESS", "PHONE_NUMBER")

CATEGORIES: Mapping[str, Category] = {
    **{row.entity: Category.PERSONAL for row in ALL},
    **dict.fromkeys(_NAMED, Category.PERSONAL),
    **dict.fromkeys(_PAYMENT, Category.PAYMENT),
    **dict.fromkeys(_INDIRECT, Category.INDIRECT),
    **dict.fromkeys(credentials.ENTITIES, Category.CREDENTIAL),
    **special.ENTITIES,
}
"""The category of every entity type that is looked for; for some values it is another."""


PERSONS = frozenset({"PERSON", "EMAIL_ADDRESS"}) | {
    row.entity
    for row in ALL
    if row.kind in {Kind.NATIONAL_ID, Kind.SOCIAL_SECURITY, Kind.HEALTH_INSURANCE}
}
"""The entities whose value is one person's: what is said beside it is said of her."""


def category(entity: str, *, country: bool = False) -> Category:
    """The category of a finding: a location that is a country says little of anybody."""
    return Category.INDIRECT if country else CATEGORIES[entity]


def pairs(entity: str) -> set[tuple[Category, str]]:
    """Every category that findings of an entity may have."""
    found = {(CATEGORIES[entity], entity)}
    return found | {(Category.INDIRECT, entity)} if entity == "LOCATION" else found

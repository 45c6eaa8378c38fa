"""What is known of one kind of identifier: a row of a country's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an identifier is for; of each country there is at most a handful per kind."""

    NATIONAL_ID = "national or personal identity number"
    TAX_ID = "tax identification number"
    SOCIAL_SECURITY = "social security number"
    HEALTH_INSURANCE = "health insurance number"
    PASSPORT = "passport number"
    IDENTITY_CARD = "identity card number"
    DRIVING_LICENCE = "driving licence number"
    VAT = "VAT number"
    NUMBER_PLATE = "vehicle registration"
    OTHER = "other"


class Strength(StrEnum):
    """What a value of the right form, whose check holds, says by itself."""

    CERTAIN = "certain"  # of random values of this form at most one in a hundred passes
    LIKELY = "likely"  # counts beside a context word, or in a text in its country's language
    FORM = "form"  # counts beside a context word only: many another number looks the same


@dataclass(frozen=True, slots=True)
class Identifier:
    """One kind of identifier.

    `pattern` is a regular expression in the subset that `hyperscan` and `regex` share: no
    look-around, no back reference, no unbounded quantifier, no anchors. It is matched without
    regard to case, and only where no letter or digit stands right before or behind; separators
    that people write (space, hyphen, dot, slash) are part of it, each optional where they are.

    `holds` tells whether a match is a possible value, separators included; it never raises.
    None where the form is all that is known. `words` are context words, in lower case, in the
    country's languages and English; hyphens, underscores, inner capitals and accents written as
    base letters match too. A word that ends with `*` is the stem of its inflections.

    `trigger` is for a pattern too large for Hyperscan: a short expression that stands in every
    value. Then `pattern` is matched by `regex` alone, from 120 characters before it to `reach`
    behind, and may use all that `regex` knows, as long as it is linear. `begins` says that
    every value begins with its trigger, so that nothing is tried anywhere else.

    `field` says that a value counts only in a column that a word heads, or as what a word at
    the beginning of a field labels (`"city": "Sligo"`, `Wohnort: Bad Tölz`).

    `single` says that a word tells of the value next to it and of none further on.
    """

    entity: str  # "AT_SOCIAL_SECURITY"; Presidio's own name where it has one
    country: str  # ISO 3166-1 alpha-2; "" for what belongs to no country
    kind: Kind
    name: str  # what its authority calls it, and in English: "Sozialversicherungsnummer (…)"
    format: str  # as people read it: "NNNC DDMMYY, check digit modulo 11"
    pattern: str
    words: tuple[str, ...]
    strength: Strength
    source: str  # the authority's page or the standard that says so
    holds: Callable[[str], bool] | None = None
    trigger: str = ""
    begins: bool = False
    reach: int = 600
    field: bool = False
    single: bool = False

"""Identifiers that belong to no country: those of payment, networks, places and births.

Its own are the European health insurance card and the identifier of legal entities.
"""

from __future__ import annotations

from stdnum import lei

from compliance.detection.identifiers import (
    addresses,
    births,
    crypto,
    fields,
    network,
    payment,
    phones,
    places,
)
from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

_ISSUERS = frozenset(
    # ISO 3166-1 numeric: the EU, Iceland, Liechtenstein, Norway, Switzerland, United Kingdom
    "040 056 100 191 196 203 208 233 246 250 276 300 348 372 380 428 440 442 470 528 616 620"
    " 642"
    " 703 705 724 752 352 438 578 756 826".split()
)


def _is_health_card(value: str) -> bool:
    """80 for health, then the country that issued the card."""
    digits = "".join(filter(str.isdigit, value))
    return digits[:2] == "80" and digits[2:5] in _ISSUERS


def _is_lei(value: str) -> bool:
    """Letters and digits, as all that are issued have, and the two check digits."""
    return any(map(str.isalpha, value)) and lei.is_valid(value)


_OWN = (
    Identifier(
        entity="EU_HEALTH_INSURANCE",
        country="",
        kind=Kind.HEALTH_INSURANCE,
        name="European Health Insurance Card (EHIC)",
        format="20 digits: 80, country (ISO 3166-1 numeric), institution and card",
        pattern=r"80[ \-]?\d{3}(?:[ \-]?\d){15}",
        words=(
            *(
                "ehic",
                "european health insurance card",
                "health insurance*",
                "eekv",
                "ceam",
                "tse",
            ),
            *("europäische krankenversicherungskarte", "krankenversicherung*", "team", "ekuz"),
            *("carte européenne d'assurance maladie", "tarjeta sanitaria europea", "tessera"),
            *("tessera sanitaria", "cesd", "ezvk", "eukz", "euskz", "kartennummer", "ezk"),
        ),
        strength=Strength.CERTAIN,
        source="Decision S2 of the Administrative Commission (OJ C 106, 24.4.2010); EN 1867",
        holds=_is_health_card,
    ),
    Identifier(
        entity="LEI",
        country="",
        kind=Kind.OTHER,
        name="LEI (Legal Entity Identifier)",
        format="18 letters or digits and two check digits modulo 97",
        pattern=r"[0-9a-z]{18}\d{2}",
        words=("lei", "legal entity identifier", "lei code", "lei-code"),
        strength=Strength.CERTAIN,
        source="ISO 17442",
        holds=_is_lei,
    ),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    *payment.IDENTIFIERS,
    *crypto.IDENTIFIERS,
    *network.IDENTIFIERS,
    *phones.IDENTIFIERS,
    *births.IDENTIFIERS,
    *places.IDENTIFIERS,
    *addresses.IDENTIFIERS,
    *fields.IDENTIFIERS,
    *_OWN,
)
"""Every row that belongs to no country."""

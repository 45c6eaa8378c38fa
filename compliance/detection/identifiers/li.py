"""Identifiers of Liechtenstein: PEID, documents and plates.

The social security number is the AHV number that Switzerland's module has: both countries share
the register. Sources: Steuerverwaltung (PEID, MWST), Ausländer- und Passamt, Amt für
Strassenverkehr, PRADO.
"""

from __future__ import annotations

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code

_TAX_WORDS = (
    *("peid", "personenidentifikationsnummer", "personen-identifikationsnummer", "pid-nr"),
    *("peid-nr", "peid-nummer", "pers-id"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="LI_TAX_ID",
        country="LI",
        kind=Kind.TAX_ID,
        name="Personenidentifikationsnummer, PEID (tax number)",
        format="four to seven digits",
        pattern=r"\d{4,7}",
        words=_TAX_WORDS,
        strength=Strength.FORM,
        source="Steuerverwaltung, PEID; stdnum.li.peid",
    ),
    Identifier(
        entity="LI_TAX_ID",
        country="LI",
        kind=Kind.TAX_ID,
        name="Personenidentifikationsnummer, PEID (tax number)",
        format="eight to twelve digits",
        pattern=r"\d{8,12}",
        words=_TAX_WORDS,
        strength=Strength.FORM,
        source="Steuerverwaltung, PEID; stdnum.li.peid",
    ),
    Identifier(
        entity="LI_VAT",
        country="LI",
        kind=Kind.VAT,
        name="Mehrwertsteuernummer (VAT number)",
        format="five digits",
        pattern=r"(?:LI[ \-]?)?\d{5}",
        words=(
            "mwst-nr",
            "mwst-nummer",
            "mwst.-nr",
            "mehrwertsteuernummer",
            "mwstnr",
            "mwst nr",
        ),
        strength=Strength.FORM,
        source="Steuerverwaltung, MWST-Nummer",
    ),
    Identifier(
        entity="LI_PASSPORT",
        country="LI",
        kind=Kind.PASSPORT,
        name="Reisepass (passport)",
        format="one letter and five or six digits",
        pattern=r"[A-Z][ ]?\d{5,6}",
        words=(
            "reisepass*",
            "passnummer",
            "passport*",
            "pass-nr",
            "liechtensteiner pass",
        ),
        strength=Strength.FORM,
        source="Ausländer- und Passamt; PRADO, LIE-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="LI_ID_CARD",
        country="LI",
        kind=Kind.IDENTITY_CARD,
        name="Identitätskarte (identity card)",
        format="ID and six to nine digits or letters",
        pattern=r"ID[ ]?\d{6,9}",
        words=(
            "identitätskarte*",
            "id-karte",
            "ausweis*",
            "identity card",
            "id card",
            "ausweisnummer",
        ),
        strength=Strength.FORM,
        source="Ausländer- und Passamt; PRADO, LIE-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="LI_NUMBER_PLATE",
        country="LI",
        kind=Kind.NUMBER_PLATE,
        name="Kontrollschild (vehicle registration)",
        format="FL and one to six digits",
        pattern=r"FL[ \-·]{0,3}\d{1,3}(?:[ ']?\d{1,3})?",
        words=(
            "kontrollschild*",
            "autonummer",
            "kennzeichen",
            "nummernschild*",
            "auto",
            "fahrzeug*",
        ),
        strength=Strength.FORM,
        source="Amt für Strassenverkehr, Kontrollschilder",
        holds=is_one_code,
    ),
)
"""Every identifier of Liechtenstein."""

"""Identifiers of Luxembourg: matricule, TVA, documents and plates.

Sources: Law of 19 June 2013 on the identification of natural persons (matricule),
Administration de l'enregistrement, des domaines et de la TVA, Société nationale de circulation
automobile (plates), PRADO.
"""

from __future__ import annotations

import datetime as dt

from stdnum import luhn, verhoeff
from stdnum.lu import tva

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code


def _born(digits: str) -> bool:
    try:
        year = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year
    except ValueError:
        return False
    return 1850 <= year <= 2050


def _plain(value: str) -> str:
    return "".join(character for character in value if character.isdigit())


def _matricule(value: str) -> bool:
    """A date of birth, a serial number, then a Luhn and a Verhoeff digit, each over eleven."""
    digits = _plain(value)
    if len(digits) != 13 or not _born(digits):
        return False
    return luhn.is_valid(digits[:12]) and verhoeff.is_valid(digits[:11] + digits[12])


def _old_matricule(value: str) -> bool:
    return _born(_plain(value))


def _alphanumeric(value: str) -> bool:
    """A document number has digits, at least three, and a letter: what a word has not."""
    return 3 <= sum(map(str.isdigit, value)) < len(value)


_MATRICULE_WORDS = (
    *("matricule", "numéro de matricule", "matricule national", "numéro d'identification"),
    *("identification nationale", "sozialversécherungsnummer", "matrikel", "matrikelnummer"),
    *("sozialversicherungsnummer", "cns", "ccss", "national identification number"),
)
_VAT_WORDS = (
    *("tva", "numéro de tva", "n° tva", "no tva", "id tva", "identifiant tva", "tva intracom*"),
    *("mwst-nummer", "mwst", "tva-nummer", "vat", "vat number", "vat id"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="LU_NATIONAL_ID",
        country="LU",
        kind=Kind.NATIONAL_ID,
        name="Matricule national (identity, social security and tax number)",
        format="YYYYMMDDNNNCC, check digits by Luhn's and Verhoeff's rules",
        pattern=(
            r"(?:18|19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])"
            r"[ -]?\d{3}[ -]?\d[ -]?\d"
        ),
        words=_MATRICULE_WORDS,
        strength=Strength.CERTAIN,
        source="Law of 19 June 2013 on the identification of natural persons; stdnum.verhoeff",
        holds=_matricule,
    ),
    Identifier(
        entity="LU_NATIONAL_ID",
        country="LU",
        kind=Kind.NATIONAL_ID,
        name="Matricule before 2014",
        format="YYYYMMDDNNN",
        pattern=(
            r"(?:18|19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}"
        ),
        words=_MATRICULE_WORDS,
        strength=Strength.FORM,
        source="Law of 30 March 1979 on the numerical identification of persons",
        holds=_old_matricule,
    ),
    Identifier(
        entity="LU_VAT",
        country="LU",
        kind=Kind.VAT,
        name="Numéro d'identification TVA (VAT number)",
        format="LU NNNNNNCC, check digits modulo 89",
        pattern=r"LU[ -]?\d{3}[ .]?\d{3}[ .]?\d{2}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.lu.tva",
        holds=lambda value: tva.is_valid(value.replace(".", "")),
    ),
    Identifier(
        entity="LU_VAT",
        country="LU",
        kind=Kind.VAT,
        name="Numéro d'identification TVA, without its country",
        format="NNNNNNCC, check digits modulo 89",
        pattern=r"\d{3}[ .]?\d{3}[ .]?\d{2}",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="Administration de l'enregistrement, des domaines et de la TVA; stdnum.lu.tva",
        holds=lambda value: (
            tva.is_valid(value.replace(".", "")) and any(_plain(value).strip("0"))
        ),
    ),
    Identifier(
        entity="LU_ID_CARD",
        country="LU",
        kind=Kind.IDENTITY_CARD,
        name="Carte d'identité (identity card number)",
        format="eight or nine letters and digits, the first a letter",
        pattern=r"[A-Z][A-Z0-9]{7,8}",
        words=(
            *("carte d'identité", "carte d’identité", "carte identité", "identitéitskaart"),
            *("identitéitskaart*", "personalausweis", "personalausweisnummer", "ausweisnummer"),
            *("identity card", "id card", "luxembourg id"),
        ),
        strength=Strength.FORM,
        source="Law of 19 June 2013; PRADO, LUX identity cards",
        holds=_alphanumeric,
    ),
    Identifier(
        entity="LU_PASSPORT",
        country="LU",
        kind=Kind.PASSPORT,
        name="Passeport (passport number)",
        format="eight letters and digits, the first a letter",
        pattern=r"[A-Z][A-Z0-9]{7}",
        words=(
            *("passeport", "numéro de passeport", "no passeport", "reisepass", "reisepass*"),
            *("pass-nummer", "passnummer", "passport", "passport number", "passport no"),
            *("luxembourg passport", "pass nummer"),
        ),
        strength=Strength.FORM,
        source="Ministry of Foreign and European Affairs; PRADO, LUX passports",
        holds=_alphanumeric,
    ),
    Identifier(
        entity="LU_DRIVING_LICENCE",
        country="LU",
        kind=Kind.DRIVING_LICENCE,
        name="Permis de conduire (driving licence number)",
        format="NNNNNN",
        pattern=r"\d{6}",
        words=(
            *("permis de conduire", "numéro de permis", "führerschein", "führerscheinnummer"),
            *("führerschäin", "no de permis", "driving licence", "driving license"),
            *("driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Société nationale de circulation automobile; PRADO, LUX driving licences",
    ),
    Identifier(
        entity="LU_NUMBER_PLATE",
        country="LU",
        kind=Kind.NUMBER_PLATE,
        name="Plaque d'immatriculation (vehicle registration)",
        format="AA NNNN",
        pattern=r"[A-Z]{2}[ -]?\d{4}",
        words=(
            *("plaque d'immatriculation", "plaque d’immatriculation", "immatriculation"),
            *("immatriculé*", "numéro d'immatriculation", "kennzeichen", "autosnummer"),
            *("umeldungsnummer", "number plate", "licence plate", "license plate", "plaque"),
            *("plaques", "plack"),
        ),
        strength=Strength.FORM,
        source="Société nationale de circulation automobile (SNCA)",
        holds=is_one_code,
    ),
)

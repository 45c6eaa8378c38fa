"""Identifiers of Poland: PESEL, NIP, REGON, documents and plates.

Sources: Act on the Population Register (PESEL), Act on the identification of taxpayers (NIP),
Statistics Poland (REGON), Ministry of the Interior and Administration (documents).
"""

from __future__ import annotations

from stdnum.pl import nip, pesel, regon

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past

_IDENTITY_CARD_WEIGHTS = (7, 3, 1, 9, 7, 3, 1, 7, 3)
_PASSPORT_WEIGHTS = (7, 3, 9, 1, 7, 3, 1, 7, 3)


def _weighted(value: str, weights: tuple[int, ...]) -> bool:
    """Letters count 10 to 35; the check digit, which follows the letters, has weight 9.

    No library has it; the rule is that of ICAO Doc 9303 (weights 7, 3, 1) over the number
    without its check digit, as the Ministry's forms verify it.
    """
    characters = [c for c in value if c.isalnum()]
    if not value.isascii():
        return False
    summed = sum(w * int(c, 36) for w, c in zip(weights, characters, strict=False))
    return len(characters) == len(weights) and summed % 10 == 0


def _born(value: str) -> bool:
    """As stdnum has it, of somebody who may be alive: it knows births until the year 2299."""
    if not pesel.is_valid(value):
        return False
    born = pesel.get_birth_date(value)
    return is_past(born.year, born.month, born.day)


def _identity_card(value: str) -> bool:
    return is_one_code(value) and _weighted(value, _IDENTITY_CARD_WEIGHTS)


def _passport(value: str) -> bool:
    return is_one_code(value) and _weighted(value, _PASSPORT_WEIGHTS)


def _nip(value: str) -> bool:
    return bool(nip.compact(value).strip("0")) and nip.is_valid(value)


def _regon(value: str) -> bool:
    return bool(regon.compact(value).strip("0")) and regon.is_valid(value)


def _plate(value: str) -> bool:
    """Two digits at least among capitals, or what is written without a space."""
    return sum(map(str.isdigit, value)) >= 2 and is_one_code(value)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="PL_PESEL",
        country="PL",
        kind=Kind.NATIONAL_ID,
        name="Numer PESEL (national identification number)",
        format="YYMMDDNNNNC, the century in the month, check digit modulo 10",
        pattern=(r"\d{2}(?:[02][1-9]|[13][0-2])(?:0[1-9]|[12]\d|3[01])[ -]?\d{4}[ -]?\d"),
        words=(
            *("pesel", "pesel*", "nr pesel", "numer pesel", "numer ewidencyjny"),
            *("powszechny elektroniczny system", "polish id", "national identification number"),
            "personal identification number",
        ),
        strength=Strength.CERTAIN,
        source="Act on the Population Register of 2010, Article 15; stdnum.pl.pesel",
        holds=_born,
    ),
    Identifier(
        entity="PL_TAX_ID",
        country="PL",
        kind=Kind.TAX_ID,
        name="Numer Identyfikacji Podatkowej, NIP (tax identification number)",
        format="NNN-NNN-NN-NC or NNN-NN-NN-NNC, check digit modulo 11",
        pattern=(r"\d{3}[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}|\d{3}[ -]\d{2}[ -]\d{2}[ -]\d{3}"),
        words=(
            *("nip", "nr nip", "numer nip", "nip-u", "nipu", "identyfikacji podatkowej"),
            *("numer podatkowy", "numer identyfikacji podatkowej", "podatnik", "podatnika"),
            *("tax identification number", "polish tax", "tax id", "tax number"),
        ),
        strength=Strength.LIKELY,
        source="Act of 13 October 1995 on the identification of taxpayers; stdnum.pl.nip",
        holds=_nip,
    ),
    Identifier(
        entity="PL_VAT",
        country="PL",
        kind=Kind.VAT,
        name="NIP UE (VAT number of the Union)",
        format="PL and the ten digits of the NIP",
        pattern=r"PL[ -]?\d{3}[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}|PL[ -]?\d{3}-\d{2}-\d{2}-\d{3}",
        words=(
            *("nip", "nip ue", "nip-ue", "vat ue", "vat-ue", "numer vat", "vat", "vat number"),
            *("vat id", "vies", "tax number"),
        ),
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.pl.nip",
        holds=_nip,
    ),
    Identifier(
        entity="PL_REGON",
        country="PL",
        kind=Kind.OTHER,
        name="Numer REGON (register of economic units, sole traders among them)",
        format="NNNNNNNNC, or with NNNNC of a local unit; check digits modulo 11",
        pattern=r"\d{9}|\d{14}",
        words=(
            *("regon", "nr regon", "numer regon", "regon*", "rejestr gospodarki narodowej"),
            "register of economic units",
        ),
        strength=Strength.FORM,
        source="Statistics Poland (GUS), REGON; stdnum.pl.regon",
        holds=_regon,
    ),
    Identifier(
        entity="PL_ID_CARD",
        country="PL",
        kind=Kind.IDENTITY_CARD,
        name="Dowód osobisty (identity card number)",
        format="AAA CNNNNN, check digit with weights 7, 3, 1",
        pattern=r"[A-Z]{3}[ -]?\d{6}",
        words=(
            *("dowód osobisty", "dowodu osobistego", "dowód", "dowodu", "dowod osobisty"),
            *("seria i numer", "nr dowodu", "dokument tożsamości", "identity card", "id card"),
            *("dowodem", "dowodzie", "dow. os"),
        ),
        strength=Strength.LIKELY,
        source="Act of 6 August 2010 on identity cards; PRADO, POL identity cards",
        holds=_identity_card,
    ),
    Identifier(
        entity="PL_PASSPORT",
        country="PL",
        kind=Kind.PASSPORT,
        name="Paszport (passport number)",
        format="AA CNNNNNN, check digit with weights 7, 3, 1",
        pattern=r"[A-Z]{2}[ -]?\d{7}",
        words=(
            *("paszport", "paszportu", "paszport*", "nr paszportu", "numer paszportu"),
            *("passport", "passport number", "passport no", "polish passport"),
        ),
        strength=Strength.LIKELY,
        source="Act of 27 January 2022 on passport documents; PRADO, POL passports",
        holds=_passport,
    ),
    Identifier(
        entity="PL_DRIVING_LICENCE",
        country="PL",
        kind=Kind.DRIVING_LICENCE,
        name="Prawo jazdy (driving licence number)",
        format="NNNNN/NN/NNNN",
        pattern=r"\d{5}[/ -]\d{2}[/ -]\d{4}|\d{11}",
        words=(
            *("prawo jazdy", "prawa jazdy", "prawem jazdy", "prawie jazdy", "praw jazdy"),
            *("uprawnienia do kierowania", "driving licence", "driving license"),
            *("driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Act of 5 January 2011 on vehicle drivers; PRADO, POL driving licences",
    ),
    Identifier(
        entity="PL_NUMBER_PLATE",
        country="PL",
        kind=Kind.NUMBER_PLATE,
        name="Numer rejestracyjny (vehicle registration)",
        format="two or three letters of the district, four or five letters and digits",
        pattern=r"[A-Z]{2,3}[ -]?[A-Z0-9]{4,5}",
        words=(
            *("numer rejestracyjny", "numeru rejestracyjnego", "nr rejestracyjny"),
            *("rejestracj*", "nr rej", "tablica rejestracyjna", "tablic*", "number plate"),
            *("licence plate", "license plate", "blach*", "rejestracyjn*"),
        ),
        strength=Strength.FORM,
        source="Road Traffic Act of 20 June 1997; regulation on the marking of vehicles",
        holds=_plate,
    ),
)

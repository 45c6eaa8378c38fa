"""Identifiers of Malta: identity card, tax, VAT, social security, documents and plates.

Sources: Identità agency (identity card number, documents), Malta Tax and Customs Administration
(tax and VAT numbers), Department of Social Security, Transport Malta, PRADO.
"""

from __future__ import annotations

from stdnum.mt import vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code


def _vat(value: str) -> bool:
    return vat.is_valid(value) and bool(vat.compact(value).strip("0"))


_VAT_WORDS = (
    *("vat", "vat number", "vat no", "vat reg", "vat registration number", "vat id"),
    *("numru tal-vat", "numru tat-taxxa", "taxxa fuq il-valur miżjud"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="MT_NATIONAL_ID",
        country="MT",
        kind=Kind.NATIONAL_ID,
        name="Numru tal-karta tal-identità (identity card number, tax number of nationals)",
        format="NNNNNNNA, A one of M, G, A, P, L, H, B, Z; leading zeros may be left out",
        pattern=(
            r"\d{3,7}[MGAPLHBZ]|\d{3,7}[ ]?[(][MGAPLHBZ][)]"
            r"|\d{3,5}[ ]?[(]\d{2}[)][ ]?[MGAPLHBZ]"
        ),
        words=(
            *("karta tal-identità", "karta tal-identita", "karta ta' l-identità", "kit"),
            *("numru tal-identità", "numru tal-karta", "identità", "id card", "identity card"),
            *("id number", "id no", "i.d. card", "k.i", "national id"),
        ),
        strength=Strength.FORM,
        source="Identity Card and other Identity Documents Act, Laws of Malta, chapter 258",
    ),
    Identifier(
        entity="MT_TAX_ID",
        country="MT",
        kind=Kind.TAX_ID,
        name="Numru ta' identifikazzjoni tat-taxxa (tax identification number)",
        format="NNNNNNNNN, or NNNNNNNA of those with an identity card",
        pattern=r"\d{9}|\d{7}[MGAPLHBZ]",
        words=(
            *("tax identification number", "income tax number", "tax number", "tin"),
            *("taxpayer number", "it number", "numru tat-taxxa", "taxxa fuq l-introjtu"),
            *("identifikazzjoni tat-taxxa", "numru tal-kontribwent", "income tax", "taxxa"),
            "tax id",
        ),
        strength=Strength.FORM,
        source="Malta Tax and Customs Administration; OECD, tax identification numbers, Malta",
    ),
    Identifier(
        entity="MT_SOCIAL_SECURITY",
        country="MT",
        kind=Kind.SOCIAL_SECURITY,
        name="Numru tas-sigurtà soċjali (social security number)",
        format="ANNNNNNNN",
        pattern=r"[A-Z][ ]?\d{6,8}",
        words=(
            *("sigurtà soċjali", "sigurta socjali", "numru tas-sigurtà soċjali"),
            *("sigurtà soċjal*", "social security number", "social security no", "ss number"),
            *("ssn", "ni number", "national insurance number"),
        ),
        strength=Strength.FORM,
        source="Social Security Act, chapter 318 of the Laws of Malta",
        holds=is_one_code,
    ),
    Identifier(
        entity="MT_VAT",
        country="MT",
        kind=Kind.VAT,
        name="Numru tal-VAT (VAT number)",
        format="MT NNNNNNCC, check digits modulo 37",
        pattern=r"MT[ -]?\d{4}[ -]?\d{4}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.mt.vat",
        holds=_vat,
    ),
    Identifier(
        entity="MT_VAT",
        country="MT",
        kind=Kind.VAT,
        name="Numru tal-VAT, without its country",
        format="NNNNNNCC, check digits modulo 37",
        pattern=r"\d{4}[ -]?\d{4}",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="Malta Tax and Customs Administration; stdnum.mt.vat",
        holds=_vat,
    ),
    Identifier(
        entity="MT_PASSPORT",
        country="MT",
        kind=Kind.PASSPORT,
        name="Passaport (passport number)",
        format="NNNNNNN or AANNNNNNN",
        pattern=r"(?:[A-Z]{2}[ ]?)?\d{7}",
        words=(
            *("passaport", "numru tal-passaport", "passaporti", "passaport malti", "passport"),
            *("passport number", "passport no", "maltese passport"),
        ),
        strength=Strength.FORM,
        source="Identità, Passport Office; PRADO, MLT passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="MT_DRIVING_LICENCE",
        country="MT",
        kind=Kind.DRIVING_LICENCE,
        name="Liċenzja tas-sewqan (driving licence number)",
        format="AA NNN NNN, or the identity card number",
        pattern=r"[A-Z]{2}[ ]?\d{3}[ ]?\d{3}|\d{7}[MGAPLHBZ]",
        words=(
            *("liċenzja tas-sewqan", "licenzja tas-sewqan", "liċenzja tas-sewqan*", "sewqan"),
            *("driving licence", "driving license", "driving licence number"),
            *("driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Transport Malta; PRADO, MLT driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="MT_NUMBER_PLATE",
        country="MT",
        kind=Kind.NUMBER_PLATE,
        name="Numru tar-reġistrazzjoni (vehicle registration)",
        format="AAA NNN",
        pattern=r"[A-Z]{3}[ -]?\d{3}",
        words=(
            *("numru tar-reġistrazzjoni", "pjanċa", "pjanċi", "pjanċa tar-reġistrazzjoni"),
            *("number plate", "licence plate", "license plate", "registration number"),
            *("registration plate", "car reg", "reg no"),
        ),
        strength=Strength.FORM,
        source="Transport Malta, Registration and Licensing of Motor Vehicles Regulations",
        holds=is_one_code,
    ),
)

"""Czechia: identifiers and their sources.

The birth number carries the date of birth and, since 1954, a remainder of 11 (`stdnum.cz.rc`);
it is the number of health and social insurance and a person's tax number too.
"""

from __future__ import annotations

from stdnum.cz import dic, rc

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past, plain

_BIRTH_WORDS = (
    *(
        "rodné číslo",
        "rodná čísla",
        "rodného čísla",
        "rodným číslem",
        "rodném čísle",
        "rč",
        "r.č",
        "rod. č",
    ),
    *("rodne cislo", "rodnecislo", "číslo pojištěnce", "čísla pojištěnce", "č. pojištěnce"),
    *("pojištěnec", "pojištěnce", "birth number", "personal number", "national id"),
    "rodné č",
)
_TAX_WORDS = (
    *("ičo", "ič", "identifikační číslo osoby", "identifikační číslo", "dič", "živnost*"),
    *("daňové identifikační číslo", "company id", "business id", "tax id", "tin"),
)
_CARD_WORDS = (
    *("občanský průkaz", "občanského průkazu", "občanským průkazem", "občanském průkazu"),
    *("číslo op", "č. op", "čop", "občanka", "občanky", "občanku", "op č", "identity card"),
    "id card",
)
_PASSPORT_WORDS = (
    *("cestovní pas", "cestovního pasu", "cestovním pasem", "cestovní doklad"),
    *("cestovního dokladu", "číslo pasu", "č. pasu", "pas číslo", "pas č", "pasu", "passport*"),
)
_LICENCE_WORDS = (
    *("řidičský průkaz", "řidičského průkazu", "řidičským průkazem", "řidičák*", "číslo řp"),
    *("č. řp", "řp č", "řp číslo", "řidičské oprávnění", "driving licence", "driving license"),
    "driver's license",
)
_VAT_WORDS = ("dič", "dph", "plátce dph", "daňové identifikační číslo", "vat", "vat number")
_PLATE_WORDS = (
    *("spz", "rz", "registrační značka", "registrační značky", "registrační značku"),
    *(
        "registrační značkou",
        "státní poznávací značka",
        "poznávací značka",
        "reg. zn",
        "espézetka",
    ),
    *("number plate", "licence plate", "license plate"),
)


def _born(number: str) -> bool:
    """Whether the first six digits are a day that is past; months of women are 50 higher.

    20 more where the numbers of a day had run out, since 2004.
    """
    year, month, day = (int(number[at : at + 2]) for at in (0, 2, 4))
    full = year + (1900 if len(number) == 9 or year >= 54 else 2000)
    month -= 50 if month > 50 else 0
    if month > 20 and full >= 2004:
        month -= 20
    return is_past(full, month, day)


def _is_birth_number(value: str) -> bool:
    number = plain(value)
    return len(number) == 10 and rc.is_valid(number) and _born(number)


def _is_old_birth_number(value: str) -> bool:
    number = plain(value)
    return rc.is_valid(number) and _born(number) and number[6:] != "000"


def _is_company(value: str) -> bool:
    number = plain(value)
    return len(number) == 8 and dic.is_valid(number)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="CZ_NATIONAL_ID",
        country="CZ",
        kind=Kind.NATIONAL_ID,
        name="Rodné číslo (birth number, also of health and social insurance)",
        format="YYMMDD/NNNC; month + 50 of women, remainder of 11",
        pattern=r"[0-9]{6}[ ]?/?[ ]?[0-9]{4}",
        words=_BIRTH_WORDS,
        strength=Strength.CERTAIN,
        source="Zákon č. 133/2000 Sb. § 13; stdnum.cz.rc",
        holds=_is_birth_number,
    ),
    Identifier(
        entity="CZ_NATIONAL_ID",
        country="CZ",
        kind=Kind.NATIONAL_ID,
        name="Rodné číslo until 1953 (birth number)",
        format="YYMMDD/NNN; month + 50 of women, no check digit",
        pattern=r"[0-9]{6}[ ]?/[ ]?[0-9]{3}",
        words=_BIRTH_WORDS,
        strength=Strength.LIKELY,
        source="Zákon č. 133/2000 Sb. § 13; stdnum.cz.rc",
        holds=_is_old_birth_number,
    ),
    Identifier(
        entity="CZ_NATIONAL_ID",
        country="CZ",
        kind=Kind.NATIONAL_ID,
        name="Rodné číslo (birth number), otherwise separated, or until 1953",
        format="YYMMDD-NNNC or YYMMDDNNN; month + 50 of women",
        pattern=r"[0-9]{6}[ ]?-?[ ]?[0-9]{3,4}",
        words=_BIRTH_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 133/2000 Sb. § 13; stdnum.cz.rc",
        holds=_is_old_birth_number,
    ),
    Identifier(
        entity="CZ_TAX_ID",
        country="CZ",
        kind=Kind.TAX_ID,
        name="Identifikační číslo osoby, IČO (number of a business, also of one person)",
        format="NNNNNNNC; check digit modulo 11",
        pattern=r"[0-9]{3}[ ]?[0-9]{2}[ ]?[0-9]{3}",
        words=_TAX_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 111/2009 Sb. § 25; stdnum.cz.dic",
        holds=_is_company,
    ),
    Identifier(
        entity="CZ_ID_CARD",
        country="CZ",
        kind=Kind.IDENTITY_CARD,
        name="Číslo občanského průkazu (identity card number)",
        format="NNNNNNNNN, formerly AANNNNNN",
        pattern=r"(?:[0-9]{9}|[a-z]{2}[ ]?[0-9]{6})",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 269/2021 Sb.; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="CZ_PASSPORT",
        country="CZ",
        kind=Kind.PASSPORT,
        name="Číslo cestovního pasu (passport number)",
        format="NNNNNNNN",
        pattern=r"[0-9]{8}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 329/1999 Sb.; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="CZ_DRIVING_LICENCE",
        country="CZ",
        kind=Kind.DRIVING_LICENCE,
        name="Číslo řidičského průkazu (driving licence number)",
        format="AA NNNNNN",
        pattern=r"[a-z]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 361/2000 Sb.; Directive 2006/126/EC, field 5",
        holds=is_one_code,
    ),
    Identifier(
        entity="CZ_VAT",
        country="CZ",
        kind=Kind.VAT,
        name="Daňové identifikační číslo, DIČ (VAT number)",
        format="CZ and 8 digits (companies), or 9 or 10 (persons); check digit modulo 11",
        pattern=r"CZ[ -]?(?:[0-9]{8,10}|[0-9]{6}/[0-9]{3,4})",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Zákon č. 280/2009 Sb. § 130; stdnum.cz.dic",
        holds=lambda value: dic.is_valid(plain(value)),
    ),
    Identifier(
        entity="CZ_NUMBER_PLATE",
        country="CZ",
        kind=Kind.NUMBER_PLATE,
        name="Registrační značka, SPZ (vehicle registration)",
        format="NAN NNNN or NAA NNNN; formerly AAA NN-NN; electric EL NNN AA",
        pattern=(
            r"(?:[0-9][a-z][0-9a-z][ -]?[0-9]{4}|[a-z]{2,3}[ -]?[0-9]{2}[ -]?[0-9]{2}"
            r"|EL[ -]?[0-9]{3}[ -]?[a-z]{2})"
        ),
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 56/2001 Sb.; vyhláška č. 343/2014 Sb.",
        holds=is_one_code,
    ),
)

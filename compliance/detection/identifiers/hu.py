"""Identifiers of Hungary: personal number, tax number, TAJ, documents and plates.

Sources: Act XX of 1996 on identification methods replacing the personal number, whose annexes
give the three check rules; National Tax and Customs Administration (NAV) for tax numbers;
PRADO for documents.
"""

from __future__ import annotations

import datetime as dt

from stdnum.hu import anum

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past

_TAX_EPOCH = dt.date(1867, 1, 1).toordinal()


def _digits(value: str) -> list[int]:
    return [int(character) for character in value if character.isdigit()]


def _personal(value: str) -> bool:
    """The personal number: weights 1 to 10 for those born until 1996, 10 to 1 for later ones.

    Its first digit tells sex and century, the next six the date of birth. No library has it;
    the rule is Annex I of Act XX of 1996.
    """
    digits = _digits(value)
    sex, check = digits[0], digits[10]
    century = {1: 1900, 2: 1900, 3: 2000, 4: 2000, 5: 1900, 6: 1900, 7: 2000, 8: 2000}.get(sex)
    if century is None:
        return False
    year, month, day = (10 * digits[i] + digits[i + 1] for i in (1, 3, 5))
    try:
        born = dt.date(century + year, month, day)
    except ValueError:
        return False
    weights = range(1, 11) if born.year < 1997 else range(10, 0, -1)
    return sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 == check


def _tax(value: str) -> bool:
    """The tax number of a person: 8, days since 1867-01-01, serial, check digit modulo 11.

    No library has it; the rule is Annex II of Act XX of 1996.
    """
    digits = _digits(value)
    return sum(place * d for place, d in enumerate(digits[:9], 1)) % 11 == digits[9]


def _tax_of_living(value: str) -> bool:
    """`_tax` of somebody who was born after 1915: a day of the calendar that has been."""
    days = int("".join(map(str, _digits(value)[1:6])))
    born = dt.date.fromordinal(_TAX_EPOCH + days)
    return born.year > 1915 and is_past(born.year, born.month, born.day) and _tax(value)


def _taj(value: str) -> bool:
    """The TAJ number: weights 3 and 7 in turn, modulo 10.

    No library has it; the rule is Annex III of Act XX of 1996.
    """
    digits = _digits(value)
    weighted = sum((3, 7)[place % 2] * d for place, d in enumerate(digits[:8]))
    return any(digits) and weighted % 10 == digits[8]


def _company(value: str) -> bool:
    plain = "".join(map(str, _digits(value)))[:8]
    return plain != "00000000" and anum.is_valid(plain)


_TAX_WORDS = (
    *("adóazonosító", "adóazonosító jel", "adóazonosító*", "adóazon. jel", "adókártya"),
    *("adójel", "adószám", "adóigazolvány", "tax id", "tax identification", "tin"),
    *("adóaz. jel", "tax number"),
)
_VAT_WORDS = (
    *("adószám", "adószáma", "adószámu*", "közösségi adószám", "eu adószám", "áfa"),
    *("cégadószám", "vat", "vat number", "vat id", "tax number"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="HU_NATIONAL_ID",
        country="HU",
        kind=Kind.NATIONAL_ID,
        name="Személyi azonosító (personal identification number)",
        format="G YYMMDD NNNC, check digit modulo 11",
        pattern=r"[1-8][ -]?\d{2}[ .]?(?:0[1-9]|1[0-2])[ .]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{4}",
        words=(
            *("személyi azonosító", "személyi azonosító*", "személyi szám", "személyi száma"),
            *("személyiszám", "személyazonosító", "szem. szám", "szemelyi szam"),
            *("personal identification number", "personal number", "national id"),
            "személyi sz",
        ),
        strength=Strength.CERTAIN,
        source="Act XX of 1996, Annex I",
        holds=_personal,
    ),
    Identifier(
        entity="HU_TAX_ID",
        country="HU",
        kind=Kind.TAX_ID,
        name="Adóazonosító jel (personal tax identification number)",
        format="8 DDDDD NNN C, days since 1867-01-01, check digit modulo 11",
        pattern=r"8\d{3}[ -]?\d{3}[ -]?\d{3}",
        words=_TAX_WORDS,
        strength=Strength.CERTAIN,
        source="Act XX of 1996, Annex II",
        holds=_tax_of_living,
    ),
    Identifier(
        entity="HU_TAX_ID",
        country="HU",
        kind=Kind.TAX_ID,
        name="Adóazonosító jel of those born before 1916",
        format="8 DDDDD NNN C, days since 1867-01-01, check digit modulo 11",
        pattern=r"8\d{3}[ -]?\d{3}[ -]?\d{3}",
        words=_TAX_WORDS,
        strength=Strength.LIKELY,
        source="Act XX of 1996, Annex II",
        holds=_tax,
    ),
    Identifier(
        entity="HU_SOCIAL_SECURITY",
        country="HU",
        kind=Kind.SOCIAL_SECURITY,
        name="TAJ-szám (social security and health insurance number)",
        format="NNN NNN NNC, check digit modulo 10",
        pattern=r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        words=(
            *("taj", "tajszám", "taj szám", "tajszáma", "taj kártya", "tajkártya", "tb-szám"),
            *("társadalombiztosítási azonosító", "társadalombiztosítási*", "biztosított"),
            *("social security number", "health insurance number", "tajazonosító"),
            "betegbiztosítási",
        ),
        strength=Strength.LIKELY,
        source="Act XX of 1996, Annex III; National Health Insurance Fund (NEAK)",
        holds=_taj,
    ),
    Identifier(
        entity="HU_VAT",
        country="HU",
        kind=Kind.VAT,
        name="Közösségi adószám (VAT number of the Union)",
        format="HU NNNNNNNC, check digit modulo 10",
        pattern=r"HU[ -]?\d{7}[ -]?\d",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.hu.anum",
        holds=_company,
    ),
    Identifier(
        entity="HU_VAT",
        country="HU",
        kind=Kind.VAT,
        name="Adószám (tax number of businesses, sole traders among them)",
        format="NNNNNNNC-V-KK, check digit modulo 10, kind of taxation, county",
        pattern=r"\d{8}-[1-5]-(?:0[2-9]|[1-4]\d|51)",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Act CL of 2017 on the rules of taxation; stdnum.hu.anum",
        holds=_company,
    ),
    Identifier(
        entity="HU_ID_CARD",
        country="HU",
        kind=Kind.IDENTITY_CARD,
        name="Személyazonosító igazolvány (identity card number)",
        format="NNNNNNAA; before 2000 AA NNNNNN",
        pattern=r"\d{6}[ -]?[A-Z]{2}|[A-Z]{2}-?\d{6}|(?-i:[A-Z]{2}) \d{6}",
        words=(
            *("személyi igazolvány", "személyi igazolvány*", "személyazonosító igazolvány*"),
            *("személyi", "szig", "szig. szám", "igazolványszám", "okmányszám", "szemelyi"),
            *("identity card", "id card", "okmányazonosító", "szem. ig", "szig. sz"),
        ),
        strength=Strength.FORM,
        source="Government Decree 414/2015; PRADO, HUN identity cards",
        holds=is_one_code,
    ),
    Identifier(
        entity="HU_PASSPORT",
        country="HU",
        kind=Kind.PASSPORT,
        name="Útlevél (passport number)",
        format="AANNNNNNN; older ones AANNNNNN",
        pattern=r"[A-Z]{2}[ -]?\d{6,7}",
        words=(
            *("útlevél", "útlevél*", "útlevele", "útlevelem", "útlevelé*", "útlevélszám"),
            *("utlevel*", "passport", "passport number", "passport no", "hungarian passport"),
        ),
        strength=Strength.FORM,
        source="Act XII of 1998 on travel abroad; PRADO, HUN passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="HU_DRIVING_LICENCE",
        country="HU",
        kind=Kind.DRIVING_LICENCE,
        name="Vezetői engedély (driving licence number)",
        format="AANNNNNN",
        pattern=r"[A-Z]{2}[ -]?\d{6}",
        words=(
            *("vezetői engedély", "vezetői engedély*", "jogosítvány", "jogosítvány*", "jogsi*"),
            *("vezetoi engedely", "driving licence", "driving license", "driver's license"),
            *("driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Government Decree 326/2011; PRADO, HUN driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="HU_NUMBER_PLATE",
        country="HU",
        kind=Kind.NUMBER_PLATE,
        name="Rendszám (vehicle registration)",
        format="AAA-NNN, and AA AA-NNN from 2022",
        pattern=r"[A-Z]{3}[ -]?\d{3}|[A-Z]{2}[ :-]?[A-Z]{2}[ -]?\d{3}",
        words=(
            *("rendszám", "rendszáma", "rendszámú", "rendszám*", "forgalmi rendszám*"),
            *("number plate", "licence plate", "license plate", "frsz", "rsz"),
        ),
        strength=Strength.FORM,
        source="Government Decree 326/2011 on road traffic administration",
        holds=is_one_code,
    ),
)

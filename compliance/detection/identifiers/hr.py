"""Croatia: identifiers and their sources.

The personal identification number (OIB) serves tax, social security and VAT; the register
number of Yugoslav times (MBG) is still on old documents.
"""

from __future__ import annotations

from stdnum.hr import oib
from stdnum.si import emso

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_OIB_WORDS = (
    *("oib", "osobni identifikacijski broj", "osobnog identifikacijskog broja"),
    *("identifikacijski broj", "porezni broj", "porezni identifikacijski broj"),
    *("osobni broj", "personal identification number", "tax number", "tax id", "tin"),
    "national id",
)
_MBG_WORDS = (
    *("jmbg", "mbg", "matični broj građana", "jedinstveni matični broj", "matični broj"),
    *("citizen number", "master citizen number"),
)
_HEALTH_WORDS = (
    *("mbo", "matični broj osiguranika", "matični broj osigurane osobe", "broj osiguranika"),
    *("hzzo", "zdravstvena iskaznica", "zdravstvene iskaznice", "zdravstvenog osiguranja"),
    *("zdravstveno osiguranje", "osiguranik*", "health insurance number"),
)
_CARD_WORDS = (
    *("osobna iskaznica", "osobne iskaznice", "osobnu iskaznicu", "osobnom iskaznicom"),
    *("broj osobne", "osobna br", "eoi", "iskaznica", "identity card", "id card"),
)
_PASSPORT_WORDS = (
    *("putovnica", "putovnice", "putovnicu", "putovnicom", "broj putovnice"),
    *("putna isprava", "putne isprave", "passport*"),
)
_LICENCE_WORDS = (
    *("vozačka dozvola", "vozačke dozvole", "vozačku dozvolu", "vozačkom dozvolom"),
    *("vozačka", "vozačke", "driving licence", "driving license", "driver's license"),
)
_VAT_WORDS = (
    *("pdv", "pdv id", "pdv broj", "pdv id broj", "porez na dodanu vrijednost", "vat"),
    *("vat number", "vat id"),
)
_PLATE_WORDS = (
    *("registarska oznaka", "registarske oznake", "registarskih oznaka", "registarskim"),
    *(
        "registracijska oznaka",
        "registracijske oznake",
        "registracija",
        "registracije",
        "registarske tablice",
    ),
    *(
        "tablice",
        "tablica",
        "reg. oznaka",
        "reg. oznake",
        "reg. tablica",
        "reg. br",
        "number plate",
        "licence plate",
    ),
    "license plate",
)
_TOWNS = frozenset(
    """
    BJ BM ČK CK DA DE DJ DU GS IM KA KC KR KT KŽ KZ MA NA NG OG OS PU PŽ PZ RI SB SK SL ST ŠI SI
    VK VT VU VŽ VZ ZD ZG ŽU ZU
    """.split()
)


def _is_croatian_mbg(value: str) -> bool:
    number = plain(value)
    return emso.is_valid(number) and number[7] == "3"


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="HR_NATIONAL_ID",
        country="HR",
        kind=Kind.NATIONAL_ID,
        name="Osobni identifikacijski broj, OIB (personal identification number, also of tax)",
        format="NNNNNNNNNNC; check digit ISO 7064 modulo 11, 10",
        pattern=r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}",
        words=(*_OIB_WORDS, *_MBG_WORDS),
        strength=Strength.LIKELY,
        source="Zakon o osobnom identifikacijskom broju; stdnum.hr.oib",
        holds=lambda value: oib.is_valid(plain(value)),
    ),
    Identifier(
        entity="HR_NATIONAL_ID",
        country="HR",
        kind=Kind.NATIONAL_ID,
        name="Matični broj građana, MBG, JMBG (register number of a citizen)",
        format="DDMMYYYRRNNNC; region RR 30–39, check digit modulo 11",
        pattern=r"[0-3][0-9][01][0-9]{4}[ ]?3[0-9][ ]?[0-9]{4}",
        words=(*_MBG_WORDS, *_OIB_WORDS),
        strength=Strength.CERTAIN,
        source="Zakon o matičnom broju; stdnum.si.emso",
        holds=_is_croatian_mbg,
    ),
    Identifier(
        entity="HR_HEALTH_INSURANCE",
        country="HR",
        kind=Kind.HEALTH_INSURANCE,
        name="Matični broj osiguranika, MBO (number of an insured person)",
        format="NNNNNNNNN",
        pattern=r"[0-9]{9}",
        words=_HEALTH_WORDS,
        strength=Strength.FORM,
        source="Hrvatski zavod za zdravstveno osiguranje",
    ),
    Identifier(
        entity="HR_ID_CARD",
        country="HR",
        kind=Kind.IDENTITY_CARD,
        name="Broj osobne iskaznice (identity card number)",
        format="NNNNNNNNN",
        pattern=r"[0-9]{9}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Zakon o osobnoj iskaznici; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="HR_PASSPORT",
        country="HR",
        kind=Kind.PASSPORT,
        name="Broj putovnice (passport number)",
        format="NNNNNNNNN",
        pattern=r"[0-9]{9}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Zakon o putnim ispravama hrvatskih državljana; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="HR_DRIVING_LICENCE",
        country="HR",
        kind=Kind.DRIVING_LICENCE,
        name="Broj vozačke dozvole (driving licence number)",
        format="NNNNNNNN",
        pattern=r"[0-9]{8}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Pravilnik o vozačkim dozvolama; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="HR_VAT",
        country="HR",
        kind=Kind.VAT,
        name="PDV identifikacijski broj (VAT number)",
        format="HR and an OIB; check digit ISO 7064 modulo 11, 10",
        pattern=r"HR[ -]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}",
        words=(*_VAT_WORDS, "oib"),
        strength=Strength.CERTAIN,
        source="Zakon o porezu na dodanu vrijednost; stdnum.hr.oib",
        holds=lambda value: oib.is_valid(plain(value)),
    ),
    Identifier(
        entity="HR_NUMBER_PLATE",
        country="HR",
        kind=Kind.NUMBER_PLATE,
        name="Registarska oznaka (vehicle registration)",
        format="town AA, then NNN-A, NNNN-AA or the like",
        pattern=r"[a-zčšž]{2}[ -]?[0-9]{3,4}[ -]?[a-z]{1,2}",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Pravilnik o registraciji i označavanju vozila",
        holds=lambda value: is_one_code(value) and value[:2].upper() in _TOWNS,
    ),
)

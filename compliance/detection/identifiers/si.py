"""Identifiers of Slovenia: EMŠO, davčna številka, ZZZS, documents and plates.

Sources: Zakon o centralnem registru prebivalstva (EMŠO), Zakon o davčnem postopku (davčna
številka), Zavod za zdravstveno zavarovanje Slovenije, Ministrstvo za notranje zadeve, PRADO.
"""

from __future__ import annotations

from stdnum.si import ddv, emso

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain


def _is_emso(value: str) -> bool:
    """Registers 50 to 59 are Slovenia's; the others belong to states south of it."""
    digits = plain(value)
    return digits[7] == "5" and emso.is_valid(digits)


def _is_tax(value: str) -> bool:
    return ddv.is_valid(plain(value).removeprefix("SI"))


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="SI_NATIONAL_ID",
        country="SI",
        kind=Kind.NATIONAL_ID,
        name="Enotna matična številka občana, EMŠO (unique citizen number)",
        format="DDMMYYY 5R NNN C, modulo 11",
        pattern=r"[0-3]\d[ .]?[01]\d[ .]?[09]\d{2}[ \-]?5\d[ \-]?\d{3}[ \-]?\d",
        words=(
            *(
                "emšo",
                "emso",
                "enotna matična številka*",
                "matična številka",
                "matične številke",
            ),
            *(
                "enotne matične številke",
                "e.m.š.o",
                "matično številko",
                "unique master citizen*",
            ),
            *("personal number", "national id"),
        ),
        strength=Strength.CERTAIN,
        source="Zakon o centralnem registru prebivalstva; stdnum.si.emso",
        holds=_is_emso,
    ),
    Identifier(
        entity="SI_TAX_ID",
        country="SI",
        kind=Kind.TAX_ID,
        name="Davčna številka (tax number)",
        format="NNNNNNNC, modulo 11",
        pattern=r"[1-9]\d{7}|[1-9]\d{2}[ .]\d{3}[ .]\d{2}|[1-9]\d[ .]\d{3}[ .]\d{3}",
        words=(
            *(
                "davčna številka",
                "davčne številke",
                "davčno številko",
                "davčna št",
                "dš",
                "davčn*",
            ),
            *(
                "davčni zavezanec",
                "davcna stevilka",
                "tax number",
                "tax id",
                "id za ddv",
                "davčna",
            ),
        ),
        strength=Strength.LIKELY,
        source="Zakon o davčnem postopku; stdnum.si.ddv",
        holds=_is_tax,
    ),
    Identifier(
        entity="SI_VAT",
        country="SI",
        kind=Kind.VAT,
        name="Identifikacijska številka za DDV (VAT number)",
        format="SI and the tax number",
        pattern=r"SI[ \-]?[1-9]\d{7}",
        words=(
            "ddv",
            "id za ddv",
            "identifikacijska številka",
            "vat",
            "vat number",
            "davčna številka",
        ),
        strength=Strength.CERTAIN,
        source="Zakon o davku na dodano vrednost; stdnum.si.ddv",
        holds=_is_tax,
    ),
    Identifier(
        entity="SI_HEALTH_INSURANCE",
        country="SI",
        kind=Kind.HEALTH_INSURANCE,
        name="Številka zdravstvenega zavarovanja, ZZZS (health insurance number)",
        format="nine digits",
        pattern=r"\d{9}|\d{3}[ ]\d{3}[ ]\d{3}",
        words=(
            *("zzzs", "zdravstven* zavarovanj*", "kartica zdravstvenega zavarovanja", "kzz"),
            *(
                "zavarovalna številka",
                "številka zavarovane osebe",
                "zavarovanc*",
                "zavarovan* oseb*",
            ),
            *("health insurance", "zz številka", "številka zavarovanca"),
        ),
        strength=Strength.FORM,
        source="Zavod za zdravstveno zavarovanje Slovenije, kartica",
    ),
    Identifier(
        entity="SI_PASSPORT",
        country="SI",
        kind=Kind.PASSPORT,
        name="Potni list (passport)",
        format="P, a letter and seven digits",
        pattern=r"P[A-Z][ ]?\d{7}",
        words=(
            "potni list",
            "potnega lista",
            "potnim listom",
            "potni",
            "passport*",
            "potni listi",
        ),
        strength=Strength.FORM,
        source="PRADO, SVN-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SI_ID_CARD",
        country="SI",
        kind=Kind.IDENTITY_CARD,
        name="Osebna izkaznica (identity card)",
        format="nine digits, or I, a letter and seven digits",
        pattern=r"\d{9}|I[A-Z][ ]?\d{7}",
        words=(
            *("osebna izkaznica", "osebne izkaznice", "osebno izkaznico", "osebni izkaznici"),
            *(
                "identity card",
                "id card",
                "os. izkaznica",
                "izkaznica",
                "osebn* izkaznic*",
            ),
        ),
        strength=Strength.FORM,
        source="Zakon o osebni izkaznici; PRADO, SVN-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SI_DRIVING_LICENCE",
        country="SI",
        kind=Kind.DRIVING_LICENCE,
        name="Vozniško dovoljenje (driving licence)",
        format="nine digits, at times after a letter",
        pattern=r"[A-Z]?\d{9}",
        words=(
            *(
                "vozniško dovoljenje",
                "vozniškega dovoljenja",
                "vozniškim dovoljenjem",
                "vozniš*",
            ),
            *("driving licence", "driver's license", "vozniski izpit", "vozniško"),
        ),
        strength=Strength.FORM,
        source="PRADO, SVN-FO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SI_NUMBER_PLATE",
        country="SI",
        kind=Kind.NUMBER_PLATE,
        name="Registrska oznaka (vehicle registration)",
        format="area, then five letters and digits with a hyphen",
        pattern=(
            r"(?:CE|GO|KK|KP|KR|LJ|MB|MS|NM|PO|SG)[ \-]?"
            r"(?:[A-Z0-9]{2}[ \-]?[A-Z0-9]{3}|[A-Z0-9]{3}[ \-]?[A-Z0-9]{2})"
        ),
        words=(
            *(
                "registrsk* oznak*",
                "registrska",
                "registrske",
                "tablica",
                "tablice",
                "registrac*",
            ),
            *("avto", "avtomobil*", "vozil*", "number plate", "license plate", "registrsko"),
        ),
        strength=Strength.FORM,
        source="Pravilnik o registraciji motornih in priklopnih vozil",
        holds=lambda value: any(map(str.isdigit, value)),
    ),
)
"""Every identifier of Slovenia."""

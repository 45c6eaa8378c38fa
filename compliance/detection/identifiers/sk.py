"""Identifiers of Slovakia: rodné číslo, DIČ, documents and plates.

Sources: Zákon č. 301/1995 Z. z. o rodnom čísle, Finančná správa (DIČ, IČ DPH), Ministerstvo
vnútra (občiansky preukaz, cestovný pas, vodičský preukaz, evidenčné čísla vozidiel), PRADO.
"""

from __future__ import annotations

from stdnum.sk import dph, rc

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_RC_WORDS = (
    *("rodné číslo", "rodného čísla", "rodným číslom", "rodne cislo", "r.č", "rč", "rod. č"),
    *(
        "rod. číslo",
        "rodnom čísle",
        "birth number",
        "slovak birth number",
        "r. č",
        "rodnecislo",
    ),
    *("national id", "poistenec", "poistenc*", "číslo poistenca"),
)


def _is_rc(value: str) -> bool:
    return rc.is_valid(plain(value))


def _is_vat(value: str) -> bool:
    return dph.is_valid(plain(value)[2:])


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="SK_NATIONAL_ID",
        country="SK",
        kind=Kind.NATIONAL_ID,
        name="Rodné číslo (birth number)",
        format="YYMMDD/NNNC, month + 50 for women, modulo 11",
        pattern=r"\d{2}[0156]\d[0-3]\d[ ]?/?[ ]?\d{4}",
        words=_RC_WORDS,
        strength=Strength.CERTAIN,
        source="Zákon č. 301/1995 Z. z.; stdnum.sk.rc",
        holds=_is_rc,
    ),
    Identifier(
        entity="SK_NATIONAL_ID",
        country="SK",
        kind=Kind.NATIONAL_ID,
        name="Rodné číslo given before 1954 (birth number)",
        format="YYMMDD/NNN, month + 50 for women",
        pattern=r"\d{2}[0156]\d[0-3]\d[ ]?/?[ ]?\d{3}",
        words=_RC_WORDS,
        strength=Strength.FORM,
        source="Zákon č. 301/1995 Z. z.; stdnum.sk.rc",
        holds=_is_rc,
    ),
    Identifier(
        entity="SK_TAX_ID",
        country="SK",
        kind=Kind.TAX_ID,
        name="Daňové identifikačné číslo, DIČ (tax identification number)",
        format="ten digits",
        pattern=r"[1-9]\d{9}",
        words=(
            *("dič", "dic", "daňové identifikačné číslo", "daňov* identifikačn*", "d.i.č"),
            *("daňové číslo", "tax identification number", "tax id", "daňovník*"),
        ),
        strength=Strength.FORM,
        source="Finančná správa Slovenskej republiky, DIČ",
    ),
    Identifier(
        entity="SK_VAT",
        country="SK",
        kind=Kind.VAT,
        name="Identifikačné číslo pre daň, IČ DPH (VAT number)",
        format="SK and ten digits, divisible by 11",
        pattern=r"SK[ \-]?[1-9]\d{9}",
        words=("ič dph", "ic dph", "dph", "ičdph", "vat", "vat number", "ič pre daň"),
        strength=Strength.CERTAIN,
        source="Finančná správa; stdnum.sk.dph",
        holds=_is_vat,
    ),
    Identifier(
        entity="SK_PASSPORT",
        country="SK",
        kind=Kind.PASSPORT,
        name="Cestovný pas (passport)",
        format="one or two letters and seven digits",
        pattern=r"[A-Z]{1,2}[ ]?\d{7}",
        words=(
            "cestovný pas",
            "cestovného pasu",
            "pas č",
            "passport*",
            "číslo pasu",
        ),
        strength=Strength.FORM,
        source="PRADO, SVK-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SK_ID_CARD",
        country="SK",
        kind=Kind.IDENTITY_CARD,
        name="Občiansky preukaz (identity card)",
        format="two letters and six digits",
        pattern=r"[A-Z]{2}[ ]?\d{3}[ ]?\d{3}",
        words=(
            *(
                "občiansky preukaz",
                "občianskeho preukazu",
                "občianskym preukazom",
                "č. op",
            ),
            *("číslo op", "obč. preukaz", "občiansky", "občianka*", "identity card", "id card"),
            *("obciansky preukaz", "občianske*"),
        ),
        strength=Strength.FORM,
        source="Zákon č. 395/2019 Z. z.; PRADO, SVK-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SK_DRIVING_LICENCE",
        country="SK",
        kind=Kind.DRIVING_LICENCE,
        name="Vodičský preukaz (driving licence)",
        format="one or two letters and six or seven digits",
        pattern=r"[A-Z][ ]?\d{7,8}|[A-Z]{2}[ ]?\d{6}",
        words=(
            *(
                "vodičský preukaz",
                "vodičského preukazu",
                "vodičák*",
                "vodičským preukazom",
            ),
            *("driving licence", "driver's license", "vodicsky preukaz", "vodičsk*"),
        ),
        strength=Strength.FORM,
        source="PRADO, SVK-FO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SK_HEALTH_INSURANCE",
        country="SK",
        kind=Kind.HEALTH_INSURANCE,
        name="Bezvýznamové identifikačné číslo, BIČ (number of an insured person)",
        format="ten digits",
        pattern=r"\d{10}",
        words=(
            *(
                "bič",
                "bezvýznamové identifikačné číslo",
                "číslo poistenca",
                "preukaz poistenca",
            ),
            *("preukazu poistenca", "zdravotná poisťovňa", "zdravotné poistenie", "poistenca"),
            *(
                "health insurance",
                "zdravotnej poisťovne",
                "zdravotného poistenia",
                "vszp",
                "všzp",
            ),
        ),
        strength=Strength.FORM,
        source="Zákon č. 580/2004 Z. z. o zdravotnom poistení",
    ),
    Identifier(
        entity="SK_NUMBER_PLATE",
        country="SK",
        kind=Kind.NUMBER_PLATE,
        name="Evidenčné číslo vozidla, EČV (vehicle registration)",
        format="two letters, three digits, two letters",
        pattern=r"[A-Z]{2}[ \-]?\d{3}[ \-]?[A-Z]{2}",
        words=(
            *(
                "evidenčné číslo",
                "evidenčným číslom",
                "ečv",
                "ečv",
                "špz",
                "spz",
                "auto",
                "vozidl*",
            ),
            *(
                "poznávaci* značk*",
                "evidenčného čísla",
                "license plate",
                "number plate",
                "autom",
            ),
            *("značka", "značkou", "vehicle"),
        ),
        strength=Strength.FORM,
        source="Zákon č. 8/2009 Z. z. o cestnej premávke; Ministerstvo vnútra",
        holds=is_one_code,
    ),
)
"""Every identifier of Slovakia."""

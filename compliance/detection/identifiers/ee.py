"""Estonia: identifiers and their sources.

The personal code carries sex, century, date of birth and a check digit (`stdnum.ee.ik`); it is
the number of tax, social and health insurance too.
"""

from __future__ import annotations

from stdnum.ee import ik, kmkr

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past, plain

_CODE_WORDS = (
    *("isikukood*", "isiku kood", "isikukoodi", "sotsiaalkindlustus*", "ravikindlustus*"),
    *("personal code", "personal identification code", "national id", "tax id", "id code"),
    *("личный код", "isikukoodiga"),
)
_CARD_WORDS = (
    *(
        "id kaart*",
        "id kaardi*",
        "isikutunnistus*",
        "dokumendi number",
        "dokumendi nr",
        "dokumendinumber",
        "elamisloakaart*",
    ),
    *("digi id", "identity card", "id card", "document number"),
)
_PASSPORT_WORDS = (
    *("pass", "passi", "passiga", "passi number", "passinumber", "reisidokument*"),
    *("välismaalase pass", "passport*"),
)
_LICENCE_WORDS = (
    *("juhiluba*", "juhiloa*", "juhiload", "juhilubade", "juhtimisõigus*", "juhiloa number"),
    *("driving licence", "driving license", "driver's license"),
)
_VAT_WORDS = (
    *("kmkr", "kmkr nr", "käibemaksukohustuslas*", "käibemaks*", "km nr", "vat"),
    "vat number",
)
_PLATE_WORDS = (
    *("registreerimisnumber", "registreerimisnumbri*", "registreerimismärk", "numbrimärk"),
    *(
        "numbrimärgi*",
        "auto number",
        "sõiduki number",
        "autonumber",
        "reg nr",
        "reg number",
        "number plate",
    ),
    *("licence plate", "license plate"),
)


def _is_code(value: str) -> bool:
    number = plain(value)
    if not ik.is_valid(number):
        return False
    born = ik.get_birth_date(number)
    return is_past(born.year, born.month, born.day)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="EE_NATIONAL_ID",
        country="EE",
        kind=Kind.NATIONAL_ID,
        name="Isikukood (personal code, also of tax, social security and health)",
        format="GYYMMDDNNNC; check digit modulo 11",
        pattern=r"[1-6][ ]?[0-9]{2}[ ]?[01][0-9][ ]?[0-3][0-9][ -]?[0-9]{3}[ ]?[0-9]",
        words=_CODE_WORDS,
        strength=Strength.CERTAIN,
        source="Rahvastikuregistri seadus; EVS 585:2007; stdnum.ee.ik",
        holds=_is_code,
    ),
    Identifier(
        entity="EE_ID_CARD",
        country="EE",
        kind=Kind.IDENTITY_CARD,
        name="Dokumendi number (number of an identity or residence card)",
        format="AANNNNNNN",
        pattern=r"[a-z]{2}[ ]?[0-9]{7}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Isikut tõendavate dokumentide seadus; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="EE_PASSPORT",
        country="EE",
        kind=Kind.PASSPORT,
        name="Passi number (passport number)",
        format="KNNNNNNN or AANNNNNNN",
        pattern=r"[a-z]{1,2}[ ]?[0-9]{7}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Isikut tõendavate dokumentide seadus; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="EE_DRIVING_LICENCE",
        country="EE",
        kind=Kind.DRIVING_LICENCE,
        name="Juhiloa number (driving licence number)",
        format="AANNNNNN",
        pattern=r"[a-z]{2}[ ]?[0-9]{6}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Liiklusseadus; Directive 2006/126/EC, field 5",
        holds=is_one_code,
    ),
    Identifier(
        entity="EE_VAT",
        country="EE",
        kind=Kind.VAT,
        name="Käibemaksukohustuslase number, KMKR (VAT number)",
        format="EENNNNNNNNC; check digit modulo 10",
        pattern=r"EE[ -]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Käibemaksuseadus; stdnum.ee.kmkr",
        holds=lambda value: kmkr.is_valid(plain(value)),
    ),
    Identifier(
        entity="EE_NUMBER_PLATE",
        country="EE",
        kind=Kind.NUMBER_PLATE,
        name="Registreerimisnumber (vehicle registration)",
        format="NNN AAA",
        pattern=r"[0-9]{2,3}[ -]?[a-z]{3}",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Liiklusseadus; Transpordiamet",
        holds=is_one_code,
    ),
)

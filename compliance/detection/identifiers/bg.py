"""Bulgaria: identifiers and their sources.

The civil number carries the date of birth and a check digit (`stdnum.bg.egn`); it is the
number of tax, social and health insurance too.
"""

from __future__ import annotations

from stdnum.bg import egn, pnf, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past, plain

_CIVIL_WORDS = (
    *("егн", "единен граждански номер", "единния граждански номер", "граждански номер"),
    *("осигурен*", "осигурителен номер", "личен номер", "egn", "uniform civil number"),
    *("edinen grazhdanski nomer", "civil number", "personal number", "national id"),
)
_FOREIGNER_WORDS = (
    *("лнч", "личен номер на чужденец", "чужденец", "lnch", "lnc", "foreigner number"),
    "foreigner's number",
)
_CARD_WORDS = (
    *(
        "лична карта",
        "личната карта",
        "лична карта №",
        "л.к",
        "лк №",
        "лк номер",
        "личен документ",
    ),
    *("документ за самоличност", "номер на документ", "lichna karta"),
    *("identity card", "id card"),
)
_PASSPORT_WORDS = ("паспорт*", "задграничен паспорт", "pasport", "passport*")
_LICENCE_WORDS = (
    *("свидетелство за управление", "шофьорска книжка", "шофьорската книжка", "сумпс"),
    *("шофьорска", "shofyorska knizhka", "driving licence", "driving license"),
    "driver's license",
)
_VAT_WORDS = (
    *("ддс", "ддс номер", "идентификационен номер по ддс", "зддс", "еик", "булстат"),
    *("vat", "vat number", "eik", "bulstat", "dds"),
)
_PLATE_WORDS = (
    *("регистрационен номер", "рег. номер", "рег №", "рег. №", "регистрационния номер"),
    *("регистрационна табела", "номер на автомобил*", "автомобил с номер", "номерен знак"),
    *("дкн", "number plate", "licence plate", "license plate", "registration number"),
)


def _is_civil_number(value: str) -> bool:
    number = plain(value)
    if not egn.is_valid(number):
        return False
    born = egn.get_birth_date(number)
    return is_past(born.year, born.month, born.day)


_PLATE = "[авекмнорстухabekmhopctyx]"

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="BG_NATIONAL_ID",
        country="BG",
        kind=Kind.NATIONAL_ID,
        name="Единен граждански номер, ЕГН (civil number, also of tax, social and health)",
        format="YYMMDDNNNC; month + 40 from 2000, check digit modulo 11",
        pattern=r"[0-9]{10}",
        words=(*_CIVIL_WORDS, *_FOREIGNER_WORDS),
        strength=Strength.CERTAIN,
        source="Закон за гражданската регистрация, чл. 11; stdnum.bg.egn",
        holds=_is_civil_number,
    ),
    Identifier(
        entity="BG_NATIONAL_ID",
        country="BG",
        kind=Kind.NATIONAL_ID,
        name="Единен граждански номер, ЕГН (civil number), of any century",
        format="YYMMDDNNNC; month + 20 before 1900, check digit modulo 11",
        pattern=r"[0-9]{6}[ -]?[0-9]{4}",
        words=(*_CIVIL_WORDS, *_FOREIGNER_WORDS),
        strength=Strength.FORM,
        source="Закон за гражданската регистрация, чл. 11; stdnum.bg.egn",
        holds=lambda value: egn.is_valid(plain(value)),
    ),
    Identifier(
        entity="BG_NATIONAL_ID",
        country="BG",
        kind=Kind.NATIONAL_ID,
        name="Личен номер на чужденец, ЛНЧ (personal number of a foreigner)",
        format="NNNNNNNNNC; check digit modulo 10",
        pattern=r"[0-9]{10}",
        words=(*_FOREIGNER_WORDS, *_CIVIL_WORDS),
        strength=Strength.FORM,
        source="Закон за чужденците в Република България; stdnum.bg.pnf",
        holds=pnf.is_valid,
    ),
    Identifier(
        entity="BG_ID_CARD",
        country="BG",
        kind=Kind.IDENTITY_CARD,
        name="Номер на лична карта (identity card number)",
        format="NNNNNNNNN, since 2024 AANNNNNNN",
        pattern=r"(?:[0-9]{9}|[a-zа-я]{2}[ ]?[0-9]{7})",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Закон за българските лични документи; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="BG_PASSPORT",
        country="BG",
        kind=Kind.PASSPORT,
        name="Номер на паспорт (passport number)",
        format="NNNNNNNNN, since 2024 AANNNNNNN",
        pattern=r"(?:[0-9]{9}|[a-zа-я]{2}[ ]?[0-9]{7})",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Закон за българските лични документи; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="BG_DRIVING_LICENCE",
        country="BG",
        kind=Kind.DRIVING_LICENCE,
        name="Номер на свидетелство за управление (driving licence number)",
        format="NNNNNNNNN",
        pattern=r"[0-9]{9}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Закон за българските лични документи; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="BG_VAT",
        country="BG",
        kind=Kind.VAT,
        name="Идентификационен номер по ДДС (VAT number)",
        format="BG and 9 digits (companies) or 10 (persons); check digit modulo 11",
        pattern=r"BG[ -]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{3,4}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Закон за данък върху добавената стойност, чл. 94; stdnum.bg.vat",
        holds=lambda value: vat.is_valid(plain(value)),
    ),
    Identifier(
        entity="BG_VAT",
        country="BG",
        kind=Kind.VAT,
        name="ЕИК, БУЛСТАТ (number of the commercial register)",
        format="9 digits; check digit modulo 11",
        pattern=r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="Закон за търговския регистър; stdnum.bg.vat",
        holds=lambda value: vat.is_valid(plain(value)),
    ),
    Identifier(
        entity="BG_NUMBER_PLATE",
        country="BG",
        kind=Kind.NUMBER_PLATE,
        name="Регистрационен номер (vehicle registration)",
        format="A NNNN AA or AA NNNN AA, of letters that Latin and Cyrillic share",
        pattern=_PLATE + r"{1,2}[ -]?[0-9]{4}[ -]?" + _PLATE + r"{1,2}",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Наредба № I-45 of the Ministry of the Interior",
        holds=is_one_code,
    ),
)

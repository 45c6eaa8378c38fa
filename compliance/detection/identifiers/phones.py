"""Phone numbers of all countries with their code, and of thirty-two states without it.

The numbering plans are those that `phonenumbers` carries; of the plans without a country code
one expression is made, since each of its own checks costs as much as reading a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import phonenumbers

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

REGIONS = (
    *("AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR"),
    *("HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE"),
    *("SI", "SK", "US"),
)
"""Where a number without a country code may be from."""

_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "personal_number", "voip", "uan")
_DATE = re.compile(
    r"\d{1,2}[ ./\-]+\d{1,2}[ ./\-]+\d{2}(?:\d{2})?|\d{4}[ ./\-]+\d\d[ ./\-]+\d\d"
)
_DATED = re.compile(
    r"\d{1,2}([./\-])\d{1,2}\1(?:19|20)\d\d(?!\d)|(?:19|20)\d\d([./\-])\d\d\2\d\d(?!\d)"
)
_RANGE = re.compile(r"(?:19|20)\d\d ?[\-/] ?(?:19|20)\d\d")


@cache
def _plans() -> re.Pattern[str]:
    """Every number of one of the regions as it is dialled there."""
    plans = []
    for region in REGIONS:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        assert plan is not None, region  # noqa: S101 -- the library has every country
        kinds = (getattr(plan, kind) for kind in _KINDS)
        numbers = "|".join(kind.national_number_pattern for kind in kinds if _has_numbers(kind))
        plans.append(f"(?:{plan.national_prefix or ''})?(?:{numbers})")
    return re.compile("|".join(plans))


def _has_numbers(kind: phonenumbers.PhoneNumberDesc | None) -> bool:
    return kind is not None and kind.national_number_pattern not in (None, "NA")


def _digits(value: str) -> str:
    """Those that are dialled first, without an extension."""
    return "".join(filter(str.isdigit, _EXTENSION.sub("", value)))


_EXTENSION_FORM = (
    r"[ ,]{0,2}[(]?(?:ext(?:ension)?|x|poste|wew|durchwahl|dw|anexo|extensión|toestel|linka)"
    r"\.?[ ]?\d{1,5}\b[)]?"
)
_EXTENSION = re.compile(_EXTENSION_FORM, re.IGNORECASE)


def _is_international(value: str) -> bool:
    """As long as its country's numbers; behind 00, which begins others too, one of its plan."""
    digits = _digits(value)
    if not value.lstrip("(").startswith("+"):
        digits = digits[2:]
    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return False
    if "+" in value:
        return phonenumbers.is_possible_number(number)
    known = phonenumbers.region_code_for_number(number) in REGIONS
    return known and phonenumbers.is_valid_number(number)


def _is_national(value: str) -> bool:
    """A number of one of the plans that is no date, and not one digit throughout."""
    value = _EXTENSION.sub("", value)
    if _DATE.fullmatch(value) or _DATED.match(value) or _RANGE.fullmatch(value):
        return False
    digits = _digits(value)
    return len(set(digits)) > 2 and _plans().fullmatch(digits) is not None


_AMOUNT = re.compile(r"[1-9]\d{0,2}(?:[ .]\d{3})+")
_GROUPS = re.compile(r"\d+")


def _is_told(value: str) -> bool:
    """A number of a plan; or what is written in groups as one, which a word calls a number."""
    if _is_national(value):
        return True
    value = _EXTENSION.sub("", value)
    digits = _digits(value)
    grouped = (
        len(_GROUPS.findall(value)) > 1 and 8 <= len(digits) <= 12 and len(set(digits)) > 2
    )
    dated = _DATE.fullmatch(value) or _DATED.match(value) or _RANGE.fullmatch(value)
    return grouped and not dated and _AMOUNT.fullmatch(value) is None


_DIGITS = r"(?:[ ()./\-–]{0,3}\d)"
_END = rf"(?:{_EXTENSION_FORM})?+(?!\w|[.,]\d|[\-/]\d)"
_WORDS = (
    *(
        "phone*",
        "telephone*",
        "tel",
        "mobile",
        "cell phone",
        "cellphone",
        "cell number",
        "call me",
    ),
    *(
        "call us",
        "reach me",
        "text me",
        "my number",
        "contact number",
        "fax",
        "whatsapp",
        "sms",
    ),
    *(
        "msisdn",
        "phone number",
        "dial",
        "hotline",
        "telefon*",
        "mob",
        "natel",
        "handy*",
        "mobil",
        "mobilnummer",
    ),
    *("rufnummer*", "erreichbar", "anrufen", "rufen sie", "durchwahl", "rückruf*", "ruf mich"),
    *("téléphone*", "portable", "appelez", "appeler", "rappel*", "joindre", "joignable", "gsm"),
    *("numéro de téléphone", "teléfono*", "móvil*", "celular", "llám*", "llame*", "llamar"),
    *("telefono*", "cellulare", "chiam*", "recapito", "numero di telefono", "telefoonnummer"),
    *("telefoon", "mobiel", "bel me", "bellen", "telefone*", "telemóvel*", "ligue", "ligar"),
    *(
        "contacto",
        "contactar",
        "puhelin*",
        "puhelimen*",
        "puh",
        "gsm",
        "matkapuhelin*",
        "soita*",
    ),
    *("mobilnr", "tlf", "ring mig", "ring meg", "ringa", "ring til", "mobiltelefon*", "telnr"),
    *("tfn", "telefonnummer*", "sími", "síma*", "farsím*", "komórk*", "zadzwoń*", "nr tel"),
    *("dzwoń*", "numer telefonu", "mobilní", "zavolej*", "volejte", "zavolajte", "mobilný"),
    *("volať", "hívj*", "hívható", "mobilszám", "telefonszám*", "tárcsázza", "mobitel*", "gsm"),
    *(
        "nazovite",
        "pokliči*",
        "pokličite",
        "telefonska",
        "sună*",
        "sunați",
        "mobilus",
        "skambin*",
    ),
    *("tālr*", "tālrun*", "zvan*", "helista*", "mobiil*", "telefoninumber", "τηλ", "τηλέφων*"),
    *(
        "κινητό*",
        "καλέστε",
        "тел",
        "телефон*",
        "мобил*",
        "обад*",
        "gsm",
        "fón",
        "guthán*",
        "ċempel",
    ),
    *("glao*", "mobajl", "numru tat-telefon", "telèfon*", "mòbil", "telefonoa", "teléfon"),
)


def _row(
    name: str, form: str, pattern: str, holds: Callable[[str], bool], trigger: str = ""
) -> Identifier:
    """A row; one without a trigger counts beside a word only."""
    return Identifier(
        entity="PHONE_NUMBER",
        country="",
        kind=Kind.OTHER,
        name=name,
        format=form,
        pattern=pattern,
        words=_WORDS,
        strength=Strength.CERTAIN if trigger else Strength.FORM,
        source="ITU-T E.164; the national numbering plans as of phonenumbers",
        holds=holds,
        trigger=trigger,
    )


IDENTIFIERS: tuple[Identifier, ...] = (
    _row(
        "phone number with its country code",
        "+49 170 1234567; 0033 1 42 68 53 00",
        rf"(?:(?<![\w+.])\(?\+|(?<![\w+.,/\-])00)[ ]?\(?[1-9]{_DIGITS}{{6,14}}+{_END}",
        _is_international,
        r"\+[ ]?[(]?[0-9]|00[ ]?[0-9]{2}",
    ),
    _row(
        "phone number written as one",
        "a leading zero or brackets, and a separator: 0171 1234567; (030) 901820",
        rf"(?<![\w+.,/\-])(?:\(?0[1-9]\d{{0,4}}\)?[ /\-–]|\(\d{{2,5}}\))"
        rf"{_DIGITS}{{5,10}}+{_END}",
        _is_national,
        r"0[1-9][0-9]{0,4}[)]?[ /\-][ (0-9]|[(][0-9]{2,5}[)][ ]?[0-9]",
    ),
    _row(
        "phone number",
        "7 to 13 digits of a numbering plan",
        rf"(?<![\w+.,/\-])(?<!\+\d{{1,4}}[ ])\(?\d{_DIGITS}{{6,12}}+{_END}",
        _is_told,
    ),
)
"""Every form of phone number."""

"""A person's identifiers as blind index values: found again, never kept in clear.

HMAC-SHA-256 under the key `subject-index`. Callers name persons, and strong identifiers found
in kept content join the same index. A person types an identifier in one of many spellings, so
what is found is indexed in one spelling, and what is typed is looked for in each that it may
have been found in.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterable

import phonenumbers

_ANYWHERE = frozenset(
    {
        *("EMAIL_ADDRESS", "IBAN_CODE", "PHONE_NUMBER", "CREDIT_CARD", "CRYPTO", "IMEI"),
        "EU_HEALTH_INSURANCE",
    }
)
_NATIONAL = re.compile(
    r"(?:AT|BE|BG|CH|CY|CZ|DE|DK|EE|ES|FI|FR|GR|HR|HU|IE|IS|IT|LI|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE"
    r"|SI|SK|UK)_[A-Z]"
)

COMPACT_MIN = 8  # letters and digits; shorter values are too often somebody else's too
_SEPARATORS = re.compile(r"[\s./\-()\u2010-\u2015]")
_TRUNK = re.compile(r"^(\+|00)(\d{1,3})\s*\(0\)")


def plain(identifier: str) -> str:
    """The spelling of a caller's own identifiers in the index: NFKC, folded, stripped."""
    return unicodedata.normalize("NFKC", identifier).casefold().strip()


def blind(key: bytes, identifier: str) -> str:
    """The index value of an identifier, lower-case hex."""
    return hmac.digest(key, plain(identifier).encode(), "sha256").hex()


def strong(entity: str) -> bool:
    """Whether values of an entity are one person's, or nearly so, and hence are indexed.

    So are all national identifiers, whose entities begin with their country; names are not.
    """
    return entity in _ANYWHERE or _NATIONAL.match(entity) is not None


def found(key: bytes, entities: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The index values of the strong ones among `entities` (entity, value), each once."""
    spelled = (spelling(entity, value) for entity, value in entities if strong(entity))
    return tuple(dict.fromkeys(blind(key, value) for value in spelled))


def spelling(entity: str, value: str) -> str:
    """The one spelling in which a strong identifier is indexed."""
    if entity == "EMAIL_ADDRESS":
        return plain(value)
    return _dialled(value) if entity == "PHONE_NUMBER" else _compact(value)


def typed(key: bytes, identifier: str, country: str) -> tuple[str, ...]:
    """The index values under which what a person typed may be found; its own comes first.

    `country` (ISO 3166-1) is where telephone numbers without a country code are from.
    """
    given = plain(identifier)
    spellings = [given]
    compact = _compact(given)
    if "@" not in given and len(compact) >= COMPACT_MIN and sum(map(str.isdigit, compact)) > 4:  # noqa: PLR2004 - as IBANs, cards and national numbers have
        spellings += [compact, *_numbers(given, country)]
    return tuple(dict.fromkeys(blind(key, value) for value in spellings))


def _compact(value: str) -> str:
    return _SEPARATORS.sub("", plain(value))


def _dialled(value: str) -> str:
    """A telephone number's digits, with `+` before a country code."""
    number = _SEPARATORS.sub("", _TRUNK.sub(r"\1\2", plain(value)))
    return f"+{number[2:]}" if number.startswith("00") else number


def _numbers(given: str, country: str) -> Iterable[str]:
    """The spellings of a telephone number, with and without the country code."""
    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException:
        return
    if not phonenumbers.is_valid_number(number):
        return
    yield _dialled(given)
    yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.country_code == phonenumbers.country_code_for_region(country):
        national = phonenumbers.PhoneNumberFormat.NATIONAL
        yield _dialled(phonenumbers.format_number(number, national))

"""What may be typed into a field, by its kind."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

from compliance.evidence.packs.law import FieldLaw
from compliance.models import Application

VALUE_MAX = 20_000  # characters
CELL_MAX = 1_000  # characters of a value that goes into a table for machines
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection)."""
SPECIAL = "#"
"""How the special values of xBRL-CSV begin, as `#empty` (xBRL-CSV 1.0, section 3.2.3)."""
LINES = frozenset({"text", "applications", "choices"})
"""The kinds that may have several lines."""
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_COUNTRY, _CURRENCY = re.compile(r"[A-Z]{2}"), re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]{1,15}")


class AnswerInvalid(ValueError):
    """What was typed cannot be taken. The message says what is wanted instead."""


def clean(law: FieldLaw, value: str) -> str:
    """The value as it is kept; raises `AnswerInvalid`, whose message does not repeat it."""
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    most = CELL_MAX if law.cell else VALUE_MAX
    if len(text) > most:
        raise AnswerInvalid(
            f"{law.label}: {len(text)} characters are too many; give at most {most}, and "
            "refer to a document for the rest."
        )
    if _UNSTORABLE.search(text):
        raise AnswerInvalid(f"{law.label}: the text has control characters; remove them.")
    if not text:
        return ""
    if law.cell:
        _cell(law, text)
    if "\n" in text and law.kind not in LINES:
        raise AnswerInvalid(f"{law.label}: give it on one line.")
    return _CHECKS[law.kind](law, text) if law.kind in _CHECKS else text


def moment(text: str, label: str = "The time") -> dt.datetime:
    """A moment with its time zone; raises `AnswerInvalid`."""
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise AnswerInvalid(
            f"{label}: give date, time and time zone, as in 2026-11-22T09:30+01:00."
        )
    return when


def is_lei(text: str) -> bool:
    """Whether it is a legal entity identifier with the right check digits.

    ISO 17442-1: 18 letters or digits and two check digits by ISO/IEC 7064, MOD 97-10: the
    number with each letter as 10 to 35 leaves 1 when it is divided by 97. Whether somebody
    holds it, only the Global LEI System knows.
    """
    if not _LEI.fullmatch(text):
        return False
    return int("".join(str(int(sign, 36)) for sign in text)) % 97 == 1


def plain(text: str) -> bool:
    """Whether a table for machines can hold it as it is, and no spreadsheet computes it."""
    return not text.startswith((*FORMULA, SPECIAL)) and not _UNSTORABLE.search(text)


def _cell(law: FieldLaw, text: str) -> None:
    if not plain(text):
        raise AnswerInvalid(
            f"{law.label}: it begins with one of = + - @ | % #, which a spreadsheet may "
            "compute or a machine read as a command. It goes into a table as it is typed, so "
            "begin it with a letter or a digit."
        )
    if "\n" in text:
        raise AnswerInvalid(f"{law.label}: it goes into a table; give it on one line.")


def _applications(law: FieldLaw, text: str) -> str:
    given = [name.strip() for name in text.split("\n") if name.strip()]
    known = set(Application.objects.filter(name__in=given).values_list("name", flat=True))
    if unknown := [name for name in given if name not in known]:
        raise AnswerInvalid(f"{law.label}: there is no application {unknown[0][:64]!r}.")
    return "\n".join(sorted(set(given)))


def _choice(law: FieldLaw, text: str) -> str:
    known = [code for code, _ in law.choices]
    given = text.split("\n")
    if set(given) - set(known) or (law.kind == "choice" and len(given) > 1):
        raise AnswerInvalid(f"{law.label}: choose from the list.")
    return "\n".join(code for code in known if code in given)


def _moment(law: FieldLaw, text: str) -> str:
    return moment(text, law.label).isoformat()


def _day(law: FieldLaw, text: str) -> str:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date().isoformat()
    except ValueError as error:
        raise AnswerInvalid(f"{law.label}: give a day as in 2026-11-22.") from error


def _lei(law: FieldLaw, text: str) -> str:
    given = text.replace(" ", "").upper()
    if not is_lei(given):
        raise AnswerInvalid(
            f"{law.label}: this is no LEI: 18 letters or digits and two check digits (ISO "
            "17442) that fit them. Compare it with gleif.org."
        )
    return given


def _shaped(pattern: re.Pattern[str], wanted: str) -> Callable[[FieldLaw, str], str]:
    def check(law: FieldLaw, text: str) -> str:
        given = text.upper()
        if not pattern.fullmatch(given):
            raise AnswerInvalid(f"{law.label}: give {wanted}.")
        return given

    return check


def _code(law: FieldLaw, text: str) -> str:
    if not re.fullmatch(law.pattern, text, re.ASCII):
        raise AnswerInvalid(f"{law.label}: it is not of the form that is asked for. {law.help}")
    return text


_CHECKS: Mapping[str, Callable[[FieldLaw, str], str]] = {
    "moment": _moment,
    "applications": _applications,
    "choice": _choice,
    "choices": _choice,
    "day": _day,
    "lei": _lei,
    "country": _shaped(_COUNTRY, "the two letters of a country (ISO 3166-1), as in DE"),
    "currency": _shaped(_CURRENCY, "the three letters of a currency (ISO 4217), as in EUR"),
    "number": _shaped(_NUMBER, "a whole number without signs or points, as in 12000"),
    "code": _code,
}

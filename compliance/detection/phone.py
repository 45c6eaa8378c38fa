"""Phone numbers, with and without a country code.

Presidio's recogniser runs the matcher of `phonenumbers` over the whole text once per country.
Here one linear pattern finds candidates and only these are held against the numbering plans.
"""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import regex
from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

REGIONS = (
    *("DE", "FR", "IT", "ES", "PL", "RO", "NL", "BE", "CZ", "GR", "PT", "SE", "HU", "AT", "BG"),
    *("DK", "FI", "SK", "IE", "HR", "LT", "SI", "LV", "EE", "CY", "LU", "MT"),
    *("GB", "CH", "NO", "US"),
)
"""Where a number without a country code may be from: the EU, GB, CH, NO, and the US."""

MAX_NATIONAL = 13  # digits, with the leading zero

CHECKED = 2_000
"""Candidates per text that are held against the plans; any more count without a check, so
that a text made of digits costs no more than the time to read it."""

NEAR = 60  # characters between a context word and a number
CONTEXT = (
    *("phone", "telephone", "tel", "mobile", "cell", "cellphone", "call", "fax", "whatsapp"),
    *("sms", "text me", "reach me", "telefon", "telefonnummer", "handy", "mobil", "rufnummer"),
    *("ruf", "téléphone", "portable", "teléfono", "móvil", "telefono", "cellulare", "telefoon"),
    *("telefone", "telemóvel", "puhelin", "puhelinnumero", "phone number", "number is"),
)


class Phone(LocalRecognizer):
    """Phone numbers that the numbering plan of their country allows.

    With a country code the plan alone decides. Without one, many a number of another kind
    looks the same: such a value counts when it is written like a phone number (a leading
    zero or brackets, and a separator) or stands near a context word.
    """

    _CANDIDATE = regex.compile(
        r"(?<![\w+.,/\-])(?:\+|00)?\(?\d(?:[ \u00a0()./\-]{0,3}+\d){6,16}+(?![\w]|[.,]\d)"
    )
    _WRITTEN_LIKE_ONE = regex.compile(r"\(?0[1-9]\d{0,5}\)?[ \u00a0/\-]|\(\d{2,5}\)")
    _WORDS = regex.compile(r"(?i)(?<!\w)\L<words>(?!\w)", words=list(CONTEXT))

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["PHONE_NUMBER"], supported_language="en", name="Phone"
        )

    def load(self) -> None:
        """Nothing to load: the numbering plans come with `phonenumbers`."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The phone numbers of a text, in order."""
        del nlp_artifacts
        return list(self._found(text)) if "PHONE_NUMBER" in entities else []

    def _found(self, text: str) -> Iterator[RecognizerResult]:
        left = CHECKED
        for match in self._CANDIDATE.finditer(text):
            value = match[0]
            digits = "".join(filter(str.isdigit, value))
            near = text[max(0, match.start() - NEAR) : match.start()]
            international = _international(value, digits)
            national = len(digits) <= MAX_NATIONAL and (
                self._WRITTEN_LIKE_ONE.match(value) or self._WORDS.search(near)
            )
            if not international and not national:
                continue
            left -= 1
            if left < 0:
                yield RecognizerResult("PHONE_NUMBER", *match.span(), 0.5)
            elif international and _valid(international, None):
                yield RecognizerResult("PHONE_NUMBER", *match.span(), 0.9)
            elif national and any(_valid(digits, region) for region in REGIONS):
                yield RecognizerResult("PHONE_NUMBER", *match.span(), 0.7)


def _international(value: str, digits: str) -> str | None:
    """The number in E.164 form when it is written with a country code."""
    if value.lstrip("(").startswith("+"):
        return "+" + digits
    return "+" + digits[2:] if digits.startswith("00") else None


def _valid(digits: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False

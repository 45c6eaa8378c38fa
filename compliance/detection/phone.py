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

MIN_DIGITS = 7
MAX_DIGITS = 15  # E.164


class Phone(LocalRecognizer):
    """Phone numbers that the numbering plan of their country allows.

    With a country code the plan alone decides. Without one, many a number of another kind
    looks the same: such a value counts when it is written like a phone number (a leading
    zero or brackets, and a separator) or stands near a context word.
    """

    CONTEXT = (
        *("phone", "telephone", "tel", "tel.", "mobile", "cell", "cellphone", "call", "fax"),
        *("whatsapp", "sms", "text me", "number", "telefon", "telefonnummer", "handy", "mobil"),
        *("rufnummer", "nummer", "téléphone", "portable", "teléfono", "móvil", "telefono"),
        *("cellulare", "telefoon", "telefone", "telemóvel", "puhelin", "puhelinnumero"),
    )
    _CANDIDATE = regex.compile(
        r"(?<![\w+.,/\-])(?:\+|00)?\(?\d(?:[ \u00a0()./\-]{0,3}+\d){6,16}+(?![\w]|[.,]\d)"
    )
    _WRITTEN_LIKE_ONE = regex.compile(r"\(?0[1-9]\d{0,5}\)?[ \u00a0/\-]|\(\d{2,5}\)")

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["PHONE_NUMBER"],
            supported_language="en",
            name="Phone",
            context=list(self.CONTEXT),
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
        for match in self._CANDIDATE.finditer(text):
            score = self._score(match[0])
            if score:
                yield RecognizerResult("PHONE_NUMBER", *match.span(), score)

    def _score(self, value: str) -> float:
        digits = "".join(filter(str.isdigit, value))
        if not MIN_DIGITS <= len(digits) <= MAX_DIGITS + 2:
            return 0.0
        if value.startswith(("+", "(+")):
            return 0.9 if _valid("+" + digits, None) else 0.0
        if digits.startswith("00") and _valid("+" + digits[2:], None):
            return 0.9
        if not any(_valid(digits, region) for region in REGIONS):
            return 0.0
        return 0.6 if self._WRITTEN_LIKE_ONE.match(value) else 0.3


def _valid(digits: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False

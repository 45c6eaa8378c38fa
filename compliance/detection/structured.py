"""Recognisers of identifiers: Presidio's own, made offline and linear, and phone numbers.

Three of Presidio's are changed: e-mail looked up the public suffix list online and was
quadratic; phone numbers ran a slow matcher over the whole text once per country; addresses
of the own machine counted as personal. The others are taken as they are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import cache

import phonenumbers
import regex
import tldextract
from presidio_analyzer import (
    EntityRecognizer,
    LocalRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from presidio_analyzer import predefined_recognizers as stock
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts

# --- Context words ------------------------------------------------------------------------

BEFORE = 80  # characters before a value in which a context word counts
AFTER = 30  # and after it
RAISED = 0.35  # what a context word adds to a score, as in Presidio
RAISED_TO = 0.5  # and the score it is raised to at least


class NearbyWords(ContextAwareEnhancer):
    """Raises the score of a value that has one of its recogniser's context words near it.

    Presidio's own enhancer walks the whole document for each finding; this one looks at a
    fixed window, hence is linear in the findings.
    """

    def __init__(self, recognisers: Sequence[EntityRecognizer]) -> None:
        super().__init__(RAISED, RAISED_TO, BEFORE, AFTER)
        self._words = {
            recogniser.id: regex.compile(
                r"(?i)(?<!\w)\L<words>(?!\w)",
                words=[word.strip().lower() for word in recogniser.context],
            )
            for recogniser in recognisers
            if recogniser.context
        }

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """The results, with scores raised in place."""
        del nlp_artifacts, recognizers, context
        for result in raw_results:
            identifier = result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]
            words = self._words.get(identifier)
            if words is not None and result.score < 1 and _near(words, text, result):
                result.score = min(1.0, max(result.score + RAISED, RAISED_TO))
        return raw_results


def _near(words: regex.Pattern[str], text: str, result: RecognizerResult) -> bool:
    before = text[max(0, result.start - BEFORE) : result.start]
    return bool(words.search(before) or words.search(text[result.end : result.end + AFTER]))


# --- E-mail, web and network addresses ----------------------------------------------------


@cache
def suffixes() -> tldextract.TLDExtract:
    """The public suffix list as bundled: never fetched, never written to a cache."""
    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)


class Email(stock.EmailRecognizer):
    """E-mail addresses under a public suffix; the local part has at most 64 characters."""

    PATTERNS = [
        Pattern(
            "address (RFC 5321)",
            r"(?<![\w.+\-])[\w!#$%&'*+\-/=?^`{|}~.]{1,64}+@(?:[\w\-]{1,63}+\.){1,8}[\w\-]{2,63}",
            0.5,
        ),
        Pattern(
            "address glued to other text",
            r"[\w.+\-]{1,64}+@(?:[\w\-]{1,63}+\.){1,8}[\w\-]{2,63}",
            0.5,
        ),
    ]

    def validate_result(self, pattern_text: str) -> bool:
        domain = pattern_text.rpartition("@")[2]
        found = suffixes()(domain, include_psl_private_domains=False)
        return bool(found.suffix and found.domain)


class IpAddress(stock.IpRecognizer):
    """Addresses that can belong to somebody's machine: not loopback, not unspecified."""

    def invalidate_result(self, pattern_text: str) -> bool:
        try:
            address = ipaddress.ip_interface(pattern_text).ip
        except ValueError:
            return True
        return (
            not any(map(str.isdigit, pattern_text))  # `a::b` is a name in many a language
            or address.is_loopback
            or address.is_unspecified
            or address.is_multicast
            or address.is_link_local
        )


class UserUrl(PatternRecognizer):
    """Web addresses that name a user: `user@` or a telling member of the query."""

    PATTERNS = [
        Pattern("user before host", r"https?://[^\s/@:\"'<>]{1,100}+@[^\s\"'<>]{3,500}", 0.7),
        Pattern(
            "user in query",
            r"https?://[^\s?\"'<>]{3,500}+\?(?:[^\s&=\"'<>]{1,60}+=[^\s&\"'<>]{0,300}+&){0,20}+"
            r"(?:user|username|userid|user_id|uid|login|email|mail|e-mail|phone|tel|name|firstname"
            r"|lastname|first_name|last_name|customer|customer_id|patient|member)"
            r"=[^\s\"'<>]{1,500}",
            0.7,
        ),
    ]

    def __init__(self) -> None:
        super().__init__(supported_entity="USER_URL", name="UserUrl", patterns=self.PATTERNS)


# --- Phone numbers ------------------------------------------------------------------------

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


# --- All of them --------------------------------------------------------------------------


def recognisers() -> list[EntityRecognizer]:
    """One of each; the identifiers of states are those that Presidio has for Europe."""
    return [
        Email(),
        IpAddress(),
        UserUrl(),
        Phone(),
        stock.MacAddressRecognizer(),
        stock.IbanRecognizer(),
        stock.CreditCardRecognizer(),
        stock.CryptoRecognizer(),
        stock.DeTaxIdRecognizer(supported_language="en"),
        stock.DeSocialSecurityRecognizer(supported_language="en"),
        stock.DeHealthInsuranceRecognizer(supported_language="en"),
        stock.DeIdCardRecognizer(supported_language="en"),
        stock.DePassportRecognizer(supported_language="en"),
        stock.DeFuehrerscheinRecognizer(supported_language="en"),
        stock.DeKfzRecognizer(supported_language="en"),
        stock.EsNifRecognizer(supported_language="en"),
        stock.EsNieRecognizer(supported_language="en"),
        stock.EsPassportRecognizer(supported_language="en"),
        stock.FiPersonalIdentityCodeRecognizer(supported_language="en"),
        stock.ItFiscalCodeRecognizer(supported_language="en"),
        stock.ItDriverLicenseRecognizer(supported_language="en"),
        stock.ItPassportRecognizer(supported_language="en"),
        stock.ItIdentityCardRecognizer(supported_language="en"),
        stock.PlPeselRecognizer(supported_language="en"),
        stock.SePersonnummerRecognizer(supported_language="en"),
        stock.NhsRecognizer(),
        stock.UkNinoRecognizer(),
    ]

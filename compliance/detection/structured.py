"""Recognisers of identifiers: Presidio's own, made offline and linear where they were not.

Changed are: e-mail (looked up the public suffix list online, quadratic), cards (knew no
Mastercard of the 2 series), IBAN (missed one before another number), phone numbers (a slow
matcher over the whole text per country; see `phone`), addresses of the own machine. The
others are taken as they are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import cache

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

from compliance.detection.phone import Phone

# --- Context words ------------------------------------------------------------------------

BEFORE = 80  # characters before a value in which a context word counts
AFTER = 30  # and after it
RAISED = 0.35  # what a context word adds to a score, as in Presidio
RAISED_TO = 0.5  # and the score it is raised to at least

NEEDS_WORD = frozenset({"UK_NHS"})
"""Entities whose check digit alone passes one in eleven of all numbers."""
ALONE = 0.3  # what such a value scores without a context word


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
            if words is None:
                continue
            if result.score < 1 and _near(words, text, result):
                result.score = min(1.0, max(result.score + RAISED, RAISED_TO))
            elif result.entity_type in NEEDS_WORD and not _near(words, text, result):
                result.score = min(result.score, ALONE)
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


# --- Payment ------------------------------------------------------------------------------


class Card(stock.CreditCardRecognizer):
    """Card numbers: an issuer's prefix, 13 to 19 digits, a right check digit (ISO/IEC 7812)."""

    PATTERNS = [
        Pattern("4-4-4-4", r"(?<![\d.])\d{4}([ .\-\u00a0]?)\d{4}\1\d{4}\1\d{4}(?!\d)", 0.3),
        Pattern("4-6-5 or 4-6-4", r"(?<![\d.])\d{4}([ .\-\u00a0]?)\d{6}\1\d{4,5}(?!\d)", 0.3),
        Pattern("in one", r"(?<![\d.])\d{13,19}(?!\d)", 0.3),
    ]
    _PREFIX = regex.compile(r"4|5[0-8]|3[04-9]|6|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)")

    def __init__(self) -> None:
        separators = [(separator, "") for separator in " .-\u00a0"]
        super().__init__(replacement_pairs=separators)

    def invalidate_result(self, pattern_text: str) -> bool:
        return self._PREFIX.match(pattern_text) is None


_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FO", "GL", "NL"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("PT",), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "PL"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
}
"""Characters of an IBAN per country (SWIFT IBAN registry)."""


class Iban(LocalRecognizer):
    """Account numbers with the length of their country and right check digits (ISO 13616)."""

    _START = regex.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \-.\u00a0]?[A-Za-z0-9])")
    _SEPARATORS = " -.\u00a0"

    def __init__(self) -> None:
        super().__init__(supported_entities=["IBAN_CODE"], supported_language="en", name="Iban")

    def load(self) -> None:
        """Nothing to load: the table above is all."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The account numbers of a text, in order."""
        del nlp_artifacts
        return list(self._found(text)) if "IBAN_CODE" in entities else []

    def _found(self, text: str) -> Iterator[RecognizerResult]:
        for match in self._START.finditer(text):
            length = _IBAN_LENGTHS.get(match[0][:2].upper(), 0)
            end, value = self._taken(text, match.start(), length)
            if length and len(value) == length and _mod_97(value) == 1:
                yield RecognizerResult("IBAN_CODE", match.start(), end, 1.0)

    def _taken(self, text: str, start: int, length: int) -> tuple[int, str]:
        """Up to `length` letters and digits from `start`, single separators between them."""
        value = ""
        position = end = start
        while position < len(text) and len(value) < length:
            character = text[position]
            if character.isascii() and character.isalnum():
                value += character
                end = position + 1
            elif character not in self._SEPARATORS or end != position:
                break
            position += 1
        glued = end < len(text) and text[end].isalnum()
        return end, "" if glued else value


def _mod_97(iban: str) -> int:
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97


# --- All of them --------------------------------------------------------------------------


def recognisers() -> list[EntityRecognizer]:
    """One of each; the identifiers of states are those that Presidio has for Europe."""
    return [
        Email(),
        IpAddress(),
        UserUrl(),
        Phone(),
        stock.MacAddressRecognizer(),
        Iban(),
        Card(),
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

"""Presidio, offline: the segments of a request -> a scan.

One `AnalyzerEngine` with the recognisers of `structured` and `credentials` and the English
names model. Nothing is fetched and nothing of a text is logged.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import regex
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from compliance.detection import credentials, structured
from compliance.detection.countries import is_country
from compliance.detection.english import EnglishNames
from compliance.detection.examined import Examined, joined
from compliance.detection.language import Languages
from compliance.detection.own import OwnEntities
from compliance.vocabulary import Category, DetectionFailed, Finding, Scan, Segment

THRESHOLD = 0.5
"""The score from which a finding counts; each recogniser's scores are set for it."""

MIN_LENGTH = 3
"""Characters below which a segment holds nothing that could be found."""

_SURROGATE = regex.compile(r"[\ud800-\udfff]")
"""The names model reads UTF-8, which has none; one character takes the place of one."""

_PERSONAL = (
    *("PERSON", "LOCATION", "EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS", "MAC_ADDRESS"),
    *("USER_URL", "DE_TAX_ID", "DE_SOCIAL_SECURITY", "DE_HEALTH_INSURANCE", "DE_ID_CARD"),
    *("DE_PASSPORT", "DE_FUEHRERSCHEIN", "DE_KFZ", "ES_NIF", "ES_NIE", "ES_PASSPORT"),
    *("FI_PERSONAL_IDENTITY_CODE", "IT_FISCAL_CODE", "IT_DRIVER_LICENSE", "IT_PASSPORT"),
    *("IT_IDENTITY_CARD", "PL_PESEL", "SE_PERSONNUMMER", "UK_NHS", "UK_NINO"),
)
_PAYMENT = ("IBAN_CODE", "CREDIT_CARD", "CRYPTO")

CATEGORIES: Mapping[str, Category] = {
    **dict.fromkeys(_PERSONAL, Category.PERSONAL),
    **dict.fromkeys(_PAYMENT, Category.PAYMENT),
    **dict.fromkeys(credentials.ENTITIES, Category.CREDENTIAL),
}
"""The category of every entity type that is looked for."""


class Detector:
    """Finds personal data, payment data and credentials. Not thread-safe; one per process."""

    def __init__(self) -> None:
        """Load everything; raises `DetectionFailed` when a model is missing."""
        # Presidio logs values that it could not validate.
        logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
        names = self._names = EnglishNames()
        names.load()
        structured.suffixes()("example.com")
        recognisers: list[EntityRecognizer] = [
            SpacyRecognizer(supported_entities=names.get_supported_entities()),
            *structured.recognisers(),
            *credentials.recognisers(),
        ]
        self._engine = AnalyzerEngine(
            registry=RecognizerRegistry(recognisers, supported_languages=["en"]),
            nlp_engine=names,
            supported_languages=["en"],
            default_score_threshold=THRESHOLD,
            context_aware_enhancer=structured.NearbyWords(recognisers),
        )
        self._entities = sorted({e for r in recognisers for e in r.supported_entities})
        self._languages = Languages()
        self.own = OwnEntities(())
        """What is looked for besides, as the policy in force defines it."""

    @property
    def coverage(self) -> frozenset[tuple[Category, str]]:
        """Every (category, entity type) that the loaded recognisers can find."""
        return frozenset((CATEGORIES[entity], entity) for entity in self._entities)

    def scan(self, segments: Sequence[Segment]) -> Scan:
        """What stands in the segments; raises `DetectionFailed` when a recogniser errs."""
        return joined([self.examine(segment.text) for segment in segments])

    def examine(self, text: str, seconds: float | None = None) -> Examined:
        """What stands in one text, whatever stands in others.

        Raises `DetectionFailed` when a recogniser errs, or `seconds` have passed.
        """
        self._names.allow(seconds)
        read = self._languages.read(text)
        return Examined(tuple(self._findings(text)), read.names_unchecked, read.languages)

    def _findings(self, original: str) -> Iterable[Finding]:
        if len(original) < MIN_LENGTH:
            return
        text = _SURROGATE.sub("\ufffd", original)
        try:
            results = self._engine.analyze(text, "en", entities=self._entities)
        except DetectionFailed:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the request is refused
            # The cause may quote the text: it is named, not chained.
            raise DetectionFailed(
                f"a recogniser failed with {type(error).__name__}; the request is refused"
            ) from None
        found = [finding(result) for result in results if _counts(result, text)]
        yield from resolved([*found, *self.own.find(text)])


def finding(result: RecognizerResult) -> Finding:
    """A result of Presidio's as a finding in the one text that was given."""
    return Finding(
        segment=0,
        start=result.start,
        end=result.end,
        entity=result.entity_type,
        category=CATEGORIES[result.entity_type],
        score=result.score,
        recogniser=_recogniser(result),
    )


def _recogniser(result: RecognizerResult) -> str:
    metadata = result.recognition_metadata or {}
    return str(metadata.get(RecognizerResult.RECOGNIZER_NAME_KEY, "unnamed"))


# --- What does not count ------------------------------------------------------------------

_NAME = regex.compile(r"[\p{L}\p{M}\p{Pd}\p{Zs}\t\r\n'\u2019.,&/0-9()]{2,100}")


def _counts(result: RecognizerResult, text: str) -> bool:
    value = text[result.start : result.end]
    if result.entity_type not in ("PERSON", "LOCATION"):
        return True
    if not _NAME.fullmatch(value) or not any(map(str.isalpha, value)):
        return False
    return result.entity_type == "PERSON" or not is_country(value)


# --- Overlaps -----------------------------------------------------------------------------


def resolved(findings: Iterable[Finding]) -> list[Finding]:
    """Findings sorted by start, none overlapping another, and no character of any left out.

    Of overlapping findings the strongest (category, score, length) gives its entity to all
    that they cover together: a shorter one inside a longer one must not leave a rest behind.
    """
    ordered = sorted(findings, key=lambda one: (one.start, -one.end))
    kept: list[Finding] = []
    for one in ordered:
        if kept and one.start < kept[-1].end:
            kept[-1] = _merged(kept[-1], one)
        else:
            kept.append(one)
    return kept


_WEIGHT = Counter(
    {
        Category.CREDENTIAL: 5,
        Category.SPECIAL: 4,
        Category.CRIMINAL: 4,
        Category.PAYMENT: 3,
        Category.PERSONAL: 2,
        Category.INDIRECT: 1,
    }
)


def _strength(one: Finding) -> tuple[int, float, int]:
    return (_WEIGHT[one.category], one.score, one.end - one.start)


def _merged(one: Finding, other: Finding) -> Finding:
    strongest = max(one, other, key=_strength)
    return replace(strongest, start=min(one.start, other.start), end=max(one.end, other.end))

"""Presidio, offline: texts -> what stands in them.

Each text is read in several ways (`views`); what the recognisers find in each is brought back
to the text as it was given, and of findings that overlap the strongest stands (`resolve`).
Nothing is fetched and nothing of a text is logged.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from time import monotonic
from typing import Any

import regex
from presidio_analyzer import AnalyzerEngine, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.nlp_engine.no_op_nlp_engine import NoOpNlpEngine

from compliance.detection.categories import PERSONS, category, pairs
from compliance.detection.identifiers import ALL
from compliance.detection.language import Languages
from compliance.detection.matching.edges import is_joined
from compliance.detection.matching.matcher import BESIDE, Seen
from compliance.detection.matching.passes import read
from compliance.detection.names.model import Names
from compliance.detection.names.spans import Name
from compliance.detection.own import OwnEntities
from compliance.detection.processes.examined import Examined, joined
from compliance.detection.reading.view import PLAIN, Edit
from compliance.detection.reading.views import Trust, View, views
from compliance.detection.recognisers import (
    CERTAIN,
    COUNTRY,
    WORD,
    Identifiers,
    Named,
    NoContext,
    Registry,
)
from compliance.detection.resolve import counts, is_guessed, resolved
from compliance.detection.secrets import credentials
from compliance.detection.special import special
from compliance.detection.special.special import SpecialCategories
from compliance.vocabulary import Category, DetectionFailed, Finding, Scan, Segment

MIN_LENGTH = 3
"""Characters below which a text holds nothing that could be found."""

LOOKS = 3  # how often at most a text is looked at again with what was found in it masked

_SURROGATE = regex.compile(r"[\ud800-\udfff]")
"""Models read UTF-8, which has none; one character takes the place of one."""


class Detector:
    """Finds personal data, payment data and credentials. Not thread-safe; one per process."""

    def __init__(self) -> None:
        """Load everything; raises `DetectionFailed` when a model is missing."""
        # Presidio logs values that it could not validate.
        logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
        self._languages = Languages()
        self._names = Names()
        self._language_of = lru_cache(maxsize=256)(self._language)
        self._identifiers = Identifiers(ALL, self._language_of)
        recognisers = [
            self._identifiers,
            *credentials.recognisers(),
            Named(self._names.entities),
        ]
        models = [{"lang_code": "en", "model_name": ""}]
        self._nlp = NoOpNlpEngine(models)
        self._nlp.load()
        self._engine = AnalyzerEngine(
            registry=Registry(recognisers, supported_languages=["en"]),
            nlp_engine=self._nlp,
            supported_languages=["en"],
            default_score_threshold=0.0,
            context_aware_enhancer=NoContext(),
        )
        self._entities = sorted({e for r in recognisers for e in r.supported_entities})
        self._special = SpecialCategories()
        self.own = OwnEntities(())
        """What is looked for besides, as the policy in force defines it."""

    @property
    def coverage(self) -> frozenset[tuple[Category, str]]:
        """Every (category, entity type) that the loaded recognisers can find."""
        entities = {*self._entities, *special.ENTITIES}
        return frozenset(pair for entity in entities for pair in pairs(entity))

    def scan(self, segments: Sequence[Segment]) -> Scan:
        """What stands in the segments; raises `DetectionFailed` when a recogniser errs."""
        return joined(self.examine_all([segment.text for segment in segments]))

    def examine(self, text: str, seconds: float | None = None) -> Examined:
        """What stands in one text, whatever stands in others; raises as `examine_all`."""
        return self.examine_all([text], seconds)[0]

    def examine_all(self, texts: Sequence[str], seconds: float | None = None) -> list[Examined]:
        """What stands in each of several texts, whatever stands in the others.

        Raises `DetectionFailed` when a recogniser errs, or `seconds` have passed.
        """
        until = float("inf") if seconds is None else monotonic() + seconds
        try:
            return self._examined(texts, until)
        except DetectionFailed:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the request is refused
            # The cause may quote the text: it is named, not chained.
            raise DetectionFailed(
                f"a recogniser failed with {type(error).__name__}; the request is refused"
            ) from None
        finally:
            read.cache_clear()  # no text is kept
            self._language_of.cache_clear()
            self._identifiers.seen.clear()

    def _examined(self, texts: Sequence[str], until: float) -> list[Examined]:
        ways = [views(text) if len(text) >= MIN_LENGTH else [] for text in texts]
        whole = [view for several in ways for view in several if view.trust is Trust.FULL]
        readable = [_SURROGATE.sub("\ufffd", view.text) for view in whole]
        names = dict(zip(map(id, whole), self._names.find(readable, _left(until)), strict=True))
        examined = []
        for text, several in zip(texts, ways, strict=True):
            results = [
                one
                for view in several
                for one in self._in_view(view, names.get(id(view), ()), until)
            ]
            if several and several[0].text != text:
                # A pattern may say how a value is written, which views make alike.
                results.extend(self.own.find(text, until))
            reading = self._languages.read(text)
            findings = resolved(results, text)
            is_plain = [view.text for view in several] == [text]
            if not is_plain or _may_change(findings, self._identifiers.seen):
                findings = self._with_what_masks_show(text, findings, until)
            examined.append(
                Examined(tuple(findings), reading.names_unchecked, reading.languages)
            )
            _left(until)
        return examined

    def _with_what_masks_show(
        self, text: str, findings: list[Finding], until: float
    ) -> list[Finding]:
        """The findings, and the values that are seen once those are masked.

        That is what was glued to one, and a number that counts once its neighbour is none, or
        once a street in another language is gone from beside it. So nothing is found in a text
        that was masked, but for names. What is guessed and tells of nobody by itself stays: it
        is rarely masked.
        """
        for _ in range(LOOKS):
            masked = [one for one in findings if not is_guessed(one)]
            if not _may_show_more(text, masked):
                break
            edits = [Edit(one.start, one.end, f"[{one.entity}]") for one in masked]
            view = View(text).edited(edits)
            more = [
                self._placed(view, one)
                for way in views(view.text)
                for one in self._in_view(way, (), until)
            ]
            if not more:
                break
            findings = resolved([*findings, *more], text)
        return findings

    @staticmethod
    def _placed(view: View, one: Finding) -> Finding:
        start, end = view.span(one.start, one.end)
        return replace(one, start=start, end=end)

    def _in_view(self, view: View, names: Sequence[Name], until: float) -> Iterator[Finding]:
        """What stands in one way to read a text; offsets are the text's own."""
        found = list(self._analysed(view, names))
        if view.trust is Trust.FULL:
            found.extend(self.own.find(view.text, until))
        if view.how == PLAIN:
            persons = _apart(one for one in found if one.entity in PERSONS)
            found.extend(self._special.find(view.text, persons))
        for one in found:
            if view.is_new(one.start, one.end):
                placed = self._placed(view, one)
                # Backwards, what begins outside the turned part comes from two places.
                whole = placed.end - placed.start == one.end - one.start
                if whole or view.trust is not Trust.CERTAIN:
                    yield placed

    def _analysed(self, view: View, names: Sequence[Name]) -> Iterator[Finding]:
        """What Presidio's engine finds in a view; offsets are the view's."""
        artifacts = NlpArtifacts(list(names), [], [], [], self._nlp, "en")  # type: ignore[arg-type]
        results = self._engine.analyze(
            view.text, "en", entities=self._entities, nlp_artifacts=artifacts
        )
        for one in results:
            metadata = one.recognition_metadata or {}
            if _is_trusted(metadata, view.trust) and counts(one.entity_type, one.score):
                yield Finding(
                    segment=0,
                    start=one.start,
                    end=one.end,
                    entity=one.entity_type,
                    category=category(one.entity_type, country=bool(metadata.get(COUNTRY))),
                    score=one.score,
                    recogniser=str(metadata[RecognizerResult.RECOGNIZER_NAME_KEY]),
                )

    def _language(self, piece: str) -> str | None:
        """The language of a piece of text, if it is in one."""
        languages = self._languages.read(piece).languages
        return next(iter(languages)) if len(languages) == 1 else None


_NUMBER = re.compile(r"\d(?:\D{0,3}\d){5}")


def _may_show_more(text: str, findings: Sequence[Finding]) -> bool:
    """Whether something is glued to a finding, or a longer number stands outside all."""
    if any(is_joined(text, one.start, one.end) for one in findings):
        return True
    ends = [0, *(one.end for one in findings)]
    starts = [*(one.start for one in findings), len(text)]
    gaps = zip(ends, starts, strict=True)
    return bool(findings) and any(_NUMBER.search(text, *gap) for gap in gaps)


def _may_change(findings: Sequence[Finding], seen: Iterable[Seen]) -> bool:
    """Whether what counts of all that was seen in a text may change once findings are masked.

    What holds and stands outside of all may begin to; of the rest, what is cut by one or stands
    right beside it.
    """
    masked = [one for one in findings if not is_guessed(one)]
    for one in seen if masked else ():
        at = bisect_right(masked, one.start, key=lambda finding: finding.end)
        near = masked[max(0, at - 1) : at + 1]
        if any(other.start <= one.start and one.end <= other.end for other in near):
            continue
        low, high = one.start - BESIDE, one.end + BESIDE
        if one.holds or any(low <= other.end and other.start <= high for other in near):
            return True
    return False


def _left(until: float) -> float | None:
    """The seconds that are left; raises `DetectionFailed` when none are."""
    if until == float("inf"):
        return None
    left = until - monotonic()
    if left <= 0:
        raise DetectionFailed("the text is too long to be checked in the time allowed")
    return left


def _apart(findings: Iterable[Finding]) -> list[tuple[int, int]]:
    """The places of findings, sorted, those that overlap as one."""
    places: list[tuple[int, int]] = []
    for one in sorted(findings, key=lambda one: one.start):
        if places and one.start < places[-1][1]:
            places[-1] = places[-1][0], max(places[-1][1], one.end)
        else:
            places.append((one.start, one.end))
    return places


def _is_trusted(metadata: Mapping[str, Any], trust: Trust) -> bool:
    """Whether a result is sure enough for a view that a guess was made for."""
    if trust is Trust.FULL or metadata.get(CERTAIN):
        return True
    return trust is Trust.WORD and bool(metadata.get(WORD))

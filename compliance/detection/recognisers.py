"""What `matcher` and the names model find, as recognisers of Presidio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import regex
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    LocalRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts

from compliance.detection.identifiers.identifier import Identifier, Strength
from compliance.detection.masks import masks, touches
from compliance.detection.matching.matcher import Match, Matcher, Seen

CERTAIN = "certain"
"""In a result's metadata: whether its value can hardly be anything else."""
WORD = "word"
"""In a result's metadata: whether a word beside its value says what it is."""
COUNTRY = "country"
"""In a result's metadata: whether the location is a country."""


class Identifiers(LocalRecognizer):
    """All identifiers, in one pass over the text."""

    def __init__(
        self, identifiers: Sequence[Identifier], language: Callable[[str], str | None]
    ) -> None:
        self._matcher = Matcher(identifiers, language)
        super().__init__(
            supported_entities=sorted({one.entity for one in identifiers}),
            supported_language="en",
            name="identifiers",
        )

    @property
    def seen(self) -> set[Seen]:
        """What was seen in the text analysed last, whether it counts or not."""
        return self._matcher.seen

    def load(self) -> None:
        """Nothing to load: the tables are all."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The values in a text, by start."""
        del nlp_artifacts
        wanted = set(entities)
        matches = self._matcher.found(text)
        return [_result(one) for one in matches if one.identifier.entity in wanted]


def _result(match: Match) -> RecognizerResult:
    identifier = match.identifier
    said = f"beside the word {match.word!r}" if match.word else "by itself"
    explanation = AnalysisExplanation(
        recognizer="identifiers",
        original_score=match.score,
        pattern_name=identifier.format,
        pattern=identifier.pattern,
        validation_result=match.checked and identifier.holds is not None,
        textual_explanation=f"{identifier.name}, {said}",
    )
    metadata = {
        RecognizerResult.RECOGNIZER_NAME_KEY: identifier.entity.lower(),
        CERTAIN: identifier.strength is Strength.CERTAIN,
        WORD: match.word is not None,
    }
    return RecognizerResult(
        identifier.entity, match.start, match.end, match.score, explanation, metadata
    )


_NAME = regex.compile(r"[\p{L}\p{M}\p{Pd}\p{Zs}\t\r\n'\u2019.,&/0-9()]{2,100}")

_WORD = regex.compile(r"\p{L}{3}")
_CODE = regex.compile(r"\p{L}\p{Pd}?\d|\d\p{L}|^\P{L}*$")

_NUMBERED = regex.compile(r"[\p{Pd}_]?\d|[ ]{1,2}[0-3]?\d[ ]\d\d:\d\d")
"""A number glued to a name, or a day and a time behind it, as logs begin with them."""


class Named(LocalRecognizer):
    """The names that the model found before, which come as the engine's artifacts."""

    def __init__(self, entities: Sequence[str]) -> None:
        super().__init__(
            supported_entities=sorted(entities), supported_language="en", name="names"
        )

    def load(self) -> None:
        """Nothing to load: the detector holds the model."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The names in a text, as they came."""
        found: Any = nlp_artifacts.entities if nlp_artifacts else ()  # `Name`s, not spans
        taken_out = masks(text)
        return [
            RecognizerResult(
                name.label,
                name.start,
                name.end,
                name.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: "names",
                    COUNTRY: name.country,
                },
            )
            for name in found
            if name.label in entities
            and not touches(taken_out, name.start, name.end)
            and _is_name(name.label, text, name.start, name.end)
        ]


def _is_name(label: str, text: str, start: int, end: int) -> bool:
    """Whether something has the form of a name at all: a code is none."""
    value = text[start:end]
    if label == "ADDRESS":
        return _WORD.search(value) is not None and any(map(str.isspace, value))
    if label not in {"PERSON", "LOCATION"}:
        return True
    if _NAME.fullmatch(value) is None or _CODE.search(value) is not None:
        return False
    return _NUMBERED.match(text, end) is None


class Registry(RecognizerRegistry):
    """The recognisers, all of them for every text, without a search for each entity."""

    def get_recognizers(
        self,
        language: str,
        entities: list[str] | None = None,
        all_fields: bool = False,
        ad_hoc_recognizers: list[EntityRecognizer] | None = None,
    ) -> list[EntityRecognizer]:
        """All recognisers."""
        del language, entities, all_fields
        return [*self.recognizers, *(ad_hoc_recognizers or ())]


class NoContext(ContextAwareEnhancer):
    """Leaves all scores as they are: each recogniser looked at its context words itself."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0, 0)

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """The results as they are."""
        del text, nlp_artifacts, recognizers, context
        return raw_results

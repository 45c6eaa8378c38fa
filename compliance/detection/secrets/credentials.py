"""Recognisers of passwords, keys and tokens.

Each has a form (see `credential`): a trigger, a pattern and, where these say too little, a
check of the value. `issued` has the forms that tell by themselves what they are, `assigned`
those that a word beside them tells of. Only the secret itself is found, not the name or the
header before it.

Every pattern is linear in the text: quantifiers are bounded or possessive, and runs are
entered only at their beginning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import regex
from presidio_analyzer import EntityRecognizer, LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from compliance.detection.matching.passes import Patterns, read
from compliance.detection.secrets import assigned, issued
from compliance.detection.secrets.credential import Form

BEFORE = 100  # characters before a trigger in which a match may begin
BEHIND = 300  # and behind it beyond what its pattern's bounds allow
_BOUND = regex.compile(r"\{(?:\d+,)?(\d+)\}")

SCORE = 0.95
"""Above every other recogniser's: what may be a secret is treated as one where two overlap."""


class Credentials(LocalRecognizer):
    """Finds all forms of credential: each only where its trigger stands."""

    def __init__(self, forms: Sequence[Form] | None = None) -> None:
        self._forms = [_Compiled(form) for form in (FORMS if forms is None else forms)]
        self._triggers = Patterns([one.form.trigger for one in self._forms])
        super().__init__(
            supported_entities=sorted({one.form.entity for one in self._forms}),
            supported_language="en",
            name="credentials",
        )

    def load(self) -> None:
        """Nothing to load: the patterns are all."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
    ) -> list[RecognizerResult]:
        """The secrets in a text."""
        del nlp_artifacts
        places: dict[int, list[int]] = defaultdict(list)
        for index, start, _ in self._triggers.hits(read(text)):
            places[index].append(start)
        wanted = set(entities)
        return [
            result
            for index, starts in places.items()
            if self._forms[index].form.entity in wanted
            for result in self._forms[index].found(text, starts)
        ]


class _Compiled:
    """A form, ready to be looked for."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._pattern = regex.compile(form.pattern)
        self._group = "value" if "value" in self._pattern.groupindex else 0
        self._reach = BEHIND + sum(map(int, _BOUND.findall(form.pattern)))

    def found(self, text: str, triggers: Iterable[int]) -> Iterator[RecognizerResult]:
        """The secrets near triggers."""
        for start, end in self._windows(triggers, len(text)):
            for match in self._pattern.finditer(text, start, end):
                if self.form.holds is None or self.form.holds(match[self._group]):
                    yield self._result(*match.span(self._group))

    def _windows(self, triggers: Iterable[int], length: int) -> list[tuple[int, int]]:
        merged: list[tuple[int, int]] = []
        for place in sorted(triggers):
            start, end = max(0, place - BEFORE), min(length, place + self._reach)
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], end
            else:
                merged.append((start, end))
        return merged

    def _result(self, start: int, end: int) -> RecognizerResult:
        name = self.form.entity.lower()
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: name}
        return RecognizerResult(
            self.form.entity, start, end, SCORE, recognition_metadata=metadata
        )


FORMS: tuple[Form, ...] = (*issued.FORMS, *assigned.FORMS)
"""Every form of credential."""


def recognisers() -> list[EntityRecognizer]:
    """The recogniser of all forms."""
    return [Credentials()]


ENTITIES: frozenset[str] = frozenset(form.entity for form in FORMS)
"""Every kind of credential."""

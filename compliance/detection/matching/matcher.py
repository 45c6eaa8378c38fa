"""Values of identifiers in a text: one pass for all forms and words, then checks and words.

A value counts

- beside one of its words, or in a column that one heads, if its check holds;
- by itself where few other numbers pass (see `bare`).

Where it passes for several identifiers, `deciding` says which has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.matching.bare import Bare
from compliance.detection.matching.deciding import Candidate, Decider, Match, is_figures
from compliance.detection.matching.edges import has_edges, is_part_of_more
from compliance.detection.matching.forms import (
    alone,
    begun,
    glued,
    in_fields,
    inside,
    near_trigger,
)
from compliance.detection.matching.nearest import Beside, next_to
from compliance.detection.matching.passes import Hit
from compliance.detection.matching.reader import OTHER, Read, Reader
from compliance.detection.matching.words import BEFORE, BROKEN_BY, Said, Spoken, windows

__all__ = ["Match", "Matcher"]

CHECKED = 20_000
"""Values without a word that are checked in one text; more of them count without a check, so
that a text made of numbers costs little more than the time to read it."""

SHORT = 4  # letters of a word that is one of other things in many a language
BESIDE = 4  # characters on either side that may make a value a part of more
CLOSE = 24  # characters to a value that has nothing but its form, within which it counts

_SENTENCE_ENDS = (". ", "! ", "? ")


class Seen(NamedTuple):
    """What could be a value at `[start, end)` if something else stood beside or within it."""

    start: int
    end: int
    holds: bool  # its form and check; if not, something within it must change


class Matcher:
    """Finds the values of a set of identifiers. Not thread-safe.

    `language` tells the language (ISO 639-1) of a piece of text; it is asked rarely.
    """

    def __init__(
        self, identifiers: Sequence[Identifier], language: Callable[[str], str | None]
    ) -> None:
        self._identifiers = tuple(identifiers)
        self._kinds = [{one.kind} for one in self._identifiers]
        self._bare = Bare(language)
        self._reader = Reader(self._identifiers)
        self._decider = Decider(self._identifiers, self._bare)
        self.seen: set[Seen] = set()
        """What was seen in the text of the last call of `found`, whether it counts or not."""

    def found(self, text: str) -> list[Match]:
        """The values in a text by start; none overlaps another."""
        read = self._reader.read(text)
        self.seen = {Seen(*row, holds=False) for row in read.tables.broken}
        candidates = [
            *self._forms(read),
            *self._in_passing(read, self._values(read)),
        ]
        self.seen.update(Seen(one.start, one.end, one.holds) for one in candidates)
        return list(self._decider.decided(read, candidates))

    def _values(self, read: Read) -> Iterator[Hit]:
        """Where something stands that has the form of a value of more than form."""
        yield from read.values
        for about, places in read.triggers.items():
            identifier = self._identifiers[about]
            if identifier.begins:
                whole = begun(identifier)
                tried = (whole.match(read.text, place.start) for place in places)
                yield from ((about, *match.span()) for match in tried if match)
                continue
            pattern = alone(identifier)
            for start, end in near_trigger(places, identifier.reach, len(read.text)):
                for match in pattern.finditer(read.text, start, end):
                    yield about, *match.span()

    # --- Beside a word --------------------------------------------------------------------

    def _forms(self, read: Read) -> Iterator[Candidate]:
        """Values beside their words of identifiers that have nothing but a form."""
        for about, words in read.spoken.of.items():
            if about == OTHER or self._identifiers[about].strength is not Strength.FORM:
                continue
            if self._identifiers[about].field:
                yield from self._in_fields(read, about, words)
            else:
                yield from self._of_form(read, about, words)

    def _of_form(self, read: Read, about: int, words: Sequence[Said]) -> Iterator[Candidate]:
        """The same of one identifier."""
        identifier = self._identifiers[about]
        beside = self._beside(read, about, words)
        if identifier.single:
            beside = next_to(beside, read.text)
        for span, distance, word in beside:
            yield self._tried(read, about, span, distance, word.word)
        stuck = glued(identifier)
        for word in words:
            behind = stuck.match(read.text, word.end)
            if behind:
                distance = behind.start("value") - word.end
                yield self._tried(read, about, behind.span("value"), distance, word.word)
        for heading, start, end in read.tables.cells(about):
            for match in alone(identifier).finditer(read.text, start, end):
                yield self._tried(read, about, match.span(), 0, heading)

    def _in_fields(self, read: Read, about: int, words: Sequence[Said]) -> Iterator[Candidate]:
        """Values that words label, or that stand in columns below them."""
        cells = read.tables.cells(about)
        for label, span in in_fields(self._identifiers[about], read.text, words, cells):
            yield self._tried(read, about, span, 0, label)

    def _beside(self, read: Read, about: int, words: Sequence[Said]) -> Iterator[Beside]:
        """What has the form of an identifier's values and stands near one of its words."""
        pattern = alone(self._identifiers[about])
        for start, end in windows(words, len(read.text)):
            for match in pattern.finditer(read.text, start, end):
                self.seen.add(Seen(*match.span(), holds=True))
                near = read.spoken.near(about, *match.span())
                if not near or self._is_told_before(read, about, near[1], match.span()):
                    continue
                if self._is_of(read, about, near[1], match.span()):
                    yield match.span(), *near

    def _is_told_before(
        self, read: Read, about: int, word: Said, span: tuple[int, int]
    ) -> bool:
        """Whether a word is of another sentence than the bare digits of a phone behind it."""
        if self._identifiers[about].country or not read.text[slice(*span)].isdigit():
            return False
        between = read.text[word.end : span[0]].partition(" ")[2]
        return any(end in between for end in _SENTENCE_ENDS)

    def _is_of(self, read: Read, about: int, word: Said, span: tuple[int, int]) -> bool:
        """Whether a value that many others look like belongs to a word near it."""
        start, end = span
        value = read.text[start:end]
        if not any(map(str.isdigit, value)) and not value.isupper():
            return False
        if start < word.end and word.start < end:
            return False  # "national ID 040315": a part of the word is none of the value
        unchecked = self._identifiers[about].holds is None
        if unchecked and value.islower() and any(map(str.isspace, value)):
            return False
        if word.start >= end:  # behind the value: not if it introduces the next one
            behind = read.text[word.end : word.end + 3].lstrip()[:1]
            between = read.text[end : word.start]
            return not (behind in {":", "=", '"'} or any(c in ",;\n" for c in between))
        if len(word.word) <= SHORT and start - word.end > CLOSE:
            return False
        kind = self._identifiers[about].kind
        return not any(
            word.end <= other.start and not self._speaks_of(other, kind, read.spoken)
            for other in read.spoken.right_before(start, BROKEN_BY)
        )

    def _speaks_of(self, word: Said, kind: Kind, spoken: Spoken) -> bool:
        """Whether a word is one of some identifier of a kind."""
        abouts = spoken.abouts[word]
        return any(about != OTHER and kind in self._kinds[about] for about in abouts)

    def _tried(
        self, read: Read, about: int, span: tuple[int, int], distance: int, word: str
    ) -> Candidate:
        identifier = self._identifiers[about]
        if identifier.holds is None or identifier.holds(read.text[slice(*span)]):
            return Candidate(about, *span, distance, word)
        within = inside(identifier, read.text, *span)
        if within is None:
            return Candidate(about, *span, distance, word, holds=False)
        return Candidate(about, *within, distance, word)

    # --- In passing -----------------------------------------------------------------------

    def _in_passing(self, read: Read, values: Iterator[Hit]) -> Iterator[Candidate]:
        """Values of identifiers that have more than a form, with a word or without."""
        left = CHECKED
        for about, start, end in values:
            word = self._word(read, about, start, end)
            if word is not None:
                yield self._tried(read, about, (start, end), *word)
                continue
            self.seen.add(Seen(start, end, holds=False))
            identifier = self._identifiers[about]
            if not has_edges(read.text, start, end):
                continue
            value = read.text[start:end]
            may = self._bare.may(identifier, value)
            if may is False:
                continue
            numeric = not identifier.trigger or is_figures(value)
            if numeric and is_part_of_more(read.text, start, end):
                continue
            left -= 1
            if left >= 0 and not (identifier.holds is None or identifier.holds(value)):
                continue
            if may or self._bare.is_at_home(identifier, read.text, (start, end)):
                yield Candidate(about, start, end, 2 * BEFORE, None, checked=left >= 0)
            else:
                self.seen.add(Seen(start, end, holds=True))

    def _word(self, read: Read, about: int, start: int, end: int) -> tuple[int, str] | None:
        heading = read.tables.word(about, start, end)
        if heading is not None:
            return 0, heading
        near = read.spoken.near(about, start, end)
        if near is not None and has_edges(read.text, start, end, near[1].end):
            return near[0], near[1].word
        return None

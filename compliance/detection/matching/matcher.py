"""Values of identifiers in a text: one pass for all forms and words, then checks and words.

A value counts

- beside one of its words, or in a column that one heads, if its check holds;
- by itself where few other numbers pass (see `bare`).

Where it passes for several identifiers, the one with the nearest word has it, then the
stronger, then the one of a country whose language the text is in. A number that stands beside
the word of one identifier and fails its check is none of another that has no word there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.masks import masks, touches
from compliance.detection.matching import columns
from compliance.detection.matching.bare import Bare
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
from compliance.detection.matching.others import OTHER_WORDS
from compliance.detection.matching.passes import Hit, Literals, Patterns, read
from compliance.detection.matching.words import (
    BEFORE,
    Said,
    Spoken,
    said,
    spaced,
    spellings,
    windows,
)

CHECKED = 20_000
"""Values without a word that are checked in one text; more of them count without a check, so
that a text made of numbers costs little more than the time to read it."""

BROKEN_BY = 16  # characters before a value in which a word of something else takes it

SHORT = 4  # letters of a word that is one of other things in many a language
CLOSE = 24  # characters to a value that has nothing but its form, within which it counts

BESIDE: Mapping[Strength, float] = {
    Strength.CERTAIN: 1.0,
    Strength.LIKELY: 0.9,
    Strength.FORM: 0.7,
}
"""What a value beside its word scores."""
ALONE = 0.6  # and one without
_RANK = {Strength.CERTAIN: 0, Strength.LIKELY: 1, Strength.FORM: 2}
_AS_NEAR = 4  # characters that make no difference between two words
_SENTENCE_ENDS = (". ", "! ", "? ")
_OTHER = -1  # what the words of numbers that are no person's are about


@dataclass(frozen=True, slots=True)
class Match:
    """A value of an identifier at `[start, end)`, in code points, and why it counts."""

    identifier: Identifier
    start: int
    end: int
    score: float  # in [0, 1]
    word: str | None  # the context word; None where it counts by itself
    checked: bool = True  # whether its check was made


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A value whose check holds, or (`holds` false) that stands beside its word and fails."""

    about: int
    start: int
    end: int
    distance: int  # to its word; as far as can be without one
    word: str | None
    holds: bool = True
    checked: bool = True


@dataclass(slots=True)
class _Read:
    """What the one pass over a text told."""

    text: str
    spoken: Spoken
    values: list[Hit]
    triggers: dict[int, list[Said]]
    tables: columns.Tables


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
        spoken: dict[str, set[int]] = defaultdict(set)
        for index, identifier in enumerate(self._identifiers):
            for word in identifier.words:
                spoken[word].add(index)
        for word in OTHER_WORDS:
            spoken[word].add(_OTHER)
        spelt: dict[tuple[bytes, bool], tuple[str, set[int]]] = {}
        for word, abouts in sorted(spoken.items()):
            for way in spellings(word):
                spelt.setdefault((way, word.endswith("*")), (word, set()))[1].update(abouts)
        self._words = [(word, frozenset(abouts)) for word, abouts in spelt.values()]
        self._spellings = Literals([way for way, _ in spelt])
        rows = [
            index
            for index, identifier in enumerate(self._identifiers)
            if identifier.strength is not Strength.FORM
        ]
        self._passed = [index for index in rows if not self._identifiers[index].trigger]
        self._triggered = [index for index in rows if self._identifiers[index].trigger]
        self._patterns = Patterns(
            [f"[^0-9](?:{self._identifiers[index].pattern})[^0-9]" for index in self._passed]
            + [self._identifiers[index].trigger for index in self._triggered]
        )

    def found(self, text: str) -> list[Match]:
        """The values in a text by start; none overlaps another."""
        read = self._read(text)
        candidates = [
            *self._forms(read),
            *self._in_passing(read, self._values(read)),
        ]
        return list(self._decided(read, candidates))

    def _read(self, text: str) -> _Read:
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
        return _Read(text, spoken, values, triggers, columns.of_words(text, spoken))

    def _values(self, read: _Read) -> Iterator[Hit]:
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

    def _forms(self, read: _Read) -> Iterator[_Candidate]:
        """Values beside their words of identifiers that have nothing but a form."""
        for about, words in read.spoken.of.items():
            if about == _OTHER or self._identifiers[about].strength is not Strength.FORM:
                continue
            if self._identifiers[about].field:
                yield from self._in_fields(read, about, words)
            else:
                yield from self._of_form(read, about, words)

    def _of_form(self, read: _Read, about: int, words: Sequence[Said]) -> Iterator[_Candidate]:
        """The same of one identifier."""
        identifier = self._identifiers[about]
        beside = self._beside(read, about, words)
        if identifier.single:
            beside = next_to(beside, read.text)
        for span, distance, word in beside:
            yield self._tried(read, about, span, distance, word.word)
        for word in words:
            behind = glued(identifier).match(read.text, word.end)
            if behind:
                distance = behind.start("value") - word.end
                yield self._tried(read, about, behind.span("value"), distance, word.word)
        for heading, start, end in read.tables.cells(about):
            for match in alone(identifier).finditer(read.text, start, end):
                yield self._tried(read, about, match.span(), 0, heading)

    def _in_fields(
        self, read: _Read, about: int, words: Sequence[Said]
    ) -> Iterator[_Candidate]:
        """Values that words label, or that stand in columns below them."""
        cells = read.tables.cells(about)
        for label, span in in_fields(self._identifiers[about], read.text, words, cells):
            yield self._tried(read, about, span, 0, label)

    def _beside(self, read: _Read, about: int, words: Sequence[Said]) -> Iterator[Beside]:
        """What has the form of an identifier's values and stands near one of its words."""
        pattern = alone(self._identifiers[about])
        for start, end in windows(words, len(read.text)):
            for match in pattern.finditer(read.text, start, end):
                near = read.spoken.near(about, *match.span())
                if not near or self._is_told_before(read, about, near[1], match.span()):
                    continue
                if self._is_of(read, about, near[1], match.span()):
                    yield match.span(), *near

    def _is_told_before(
        self, read: _Read, about: int, word: Said, span: tuple[int, int]
    ) -> bool:
        """Whether a word is of another sentence than the bare digits of a phone behind it."""
        if self._identifiers[about].country or not read.text[slice(*span)].isdigit():
            return False
        between = read.text[word.end : span[0]].partition(" ")[2]
        return any(end in between for end in _SENTENCE_ENDS)

    def _is_of(self, read: _Read, about: int, word: Said, span: tuple[int, int]) -> bool:
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
        return any(about != _OTHER and kind in self._kinds[about] for about in abouts)

    def _tried(
        self, read: _Read, about: int, span: tuple[int, int], distance: int, word: str
    ) -> _Candidate:
        identifier = self._identifiers[about]
        if identifier.holds is None or identifier.holds(read.text[slice(*span)]):
            return _Candidate(about, *span, distance, word)
        within = inside(identifier, read.text, *span)
        if within is None:
            return _Candidate(about, *span, distance, word, holds=False)
        return _Candidate(about, *within, distance, word)

    # --- In passing -----------------------------------------------------------------------

    def _in_passing(self, read: _Read, values: Iterator[Hit]) -> Iterator[_Candidate]:
        """Values of identifiers that have more than a form, with a word or without."""
        left = CHECKED
        for about, start, end in values:
            word = self._word(read, about, start, end)
            if word is not None:
                yield self._tried(read, about, (start, end), *word)
                continue
            identifier = self._identifiers[about]
            if not has_edges(read.text, start, end):
                continue
            numeric = not identifier.trigger or _is_figures(read.text[start:end])
            if numeric and is_part_of_more(read.text, start, end):
                continue
            if not self._bare.may(identifier, read.text, (start, end)):
                continue
            left -= 1
            if left < 0 or identifier.holds is None or identifier.holds(read.text[start:end]):
                yield _Candidate(about, start, end, 2 * BEFORE, None, checked=left >= 0)

    def _word(self, read: _Read, about: int, start: int, end: int) -> tuple[int, str] | None:
        heading = read.tables.word(about, start, end)
        if heading is not None:
            return 0, heading
        near = read.spoken.near(about, start, end)
        if near is not None and has_edges(read.text, start, end, near[1].end):
            return near[0], near[1].word
        return None

    # --- Which of them ---------------------------------------------------------------------

    def _decided(self, read: _Read, candidates: Sequence[_Candidate]) -> Iterator[Match]:
        """The best of the candidates for each value."""
        group: list[_Candidate] = []
        reach = 0
        for one in sorted(candidates, key=lambda one: (one.start, one.end)):
            if group and one.start >= reach:
                yield from self._best(read, group)
                group.clear()
            reach = max(reach, one.end) if group else one.end
            group.append(one)
        yield from self._best(read, group)

    def _best(self, read: _Read, group: Sequence[_Candidate]) -> Iterator[Match]:
        """Of candidates that overlap the best ones that do not."""
        failed = [one for one in group if not one.holds]
        standing = [
            one
            for one in group
            if one.holds
            and (
                one.word is not None
                or not (self._is_claimed(one, failed) or self._other(read, one))
            )
        ]
        standing = [one for one in standing if not self._is_within(one, standing)]
        taken: list[_Candidate] = []
        for one in sorted(standing, key=lambda one: self._order(read, one, standing)):
            if all(one.end <= other.start or other.end <= one.start for other in taken):
                taken.append(one)
        for one in sorted(taken, key=lambda one: one.start):
            identifier = self._identifiers[one.about]
            score = ALONE if one.word is None else BESIDE[identifier.strength]
            yield Match(identifier, one.start, one.end, score, one.word, one.checked)

    def _is_claimed(self, one: _Candidate, failed: Sequence[_Candidate]) -> bool:
        """Whether what fails beside a word has its place: not if that is a part of it only."""
        certain = self._is_certain(one)
        return any(not (certain and _holds_within(one, other)) for other in failed)

    def _is_within(self, one: _Candidate, among: Sequence[_Candidate]) -> bool:
        """Whether a longer value around it has a word about as near, or needs none.

        Behind "call" the last digits of an account are no phone's.
        """
        return any(
            _holds_within(other, one)
            and (other.distance <= one.distance + _AS_NEAR or self._is_certain(other))
            for other in among
        )

    def _is_certain(self, one: _Candidate) -> bool:
        return self._identifiers[one.about].strength is Strength.CERTAIN and one.checked

    def _other(self, read: _Read, one: _Candidate) -> bool:
        """Whether a value without a word is beside the word of a number of something else."""
        figures = _is_figures(read.text[one.start : one.end])
        if not self._identifiers[one.about].country and not figures:
            return False
        if read.tables.word(_OTHER, one.start, one.end) is not None:
            return True
        return any(
            _OTHER in read.spoken.abouts[word]
            for word in read.spoken.right_before(one.start, BROKEN_BY)
        )

    def _order(
        self, read: _Read, one: _Candidate, among: Sequence[_Candidate]
    ) -> tuple[float, ...]:
        identifier = self._identifiers[one.about]
        first = (one.distance, -len(one.word or ""), _RANK[identifier.strength])
        if len(among) == 1:
            return first
        span = one.start, one.end
        away = not self._bare.is_at_home(identifier, read.text, span)
        passing = self._bare.share(identifier, read.text[slice(*span)])
        return (*first, one.start - one.end, int(away), passing, one.about)


def _is_figures(value: str) -> bool:
    """Whether a value has no letter and no sign that tells what it is."""
    return not any(c.isalpha() or c in "+@" for c in value)


def _holds_within(one: _Candidate, other: _Candidate) -> bool:
    """Whether one is longer than the other, and around it."""
    longer = one.end - one.start > other.end - other.start
    return longer and one.start <= other.start and other.end <= one.end


def _may_end(text: str, end: int) -> bool:
    """Whether a value can end here: not within a word."""
    return end >= len(text) or not (text[end - 1].isalpha() and text[end].isalnum())

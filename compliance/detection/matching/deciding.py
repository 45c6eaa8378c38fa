"""Of the candidates for one place in a text, the one that it is.

The one with the nearest word has it, then the stronger, then the longer, then the one of a
country whose language the text is in. A number that stands beside the word of one identifier
and fails its check is none of another that has no word there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from compliance.detection.identifiers.identifier import Identifier, Strength
from compliance.detection.matching.bare import Bare
from compliance.detection.matching.reader import OTHER, Read
from compliance.detection.matching.words import BROKEN_BY

BESIDE: Mapping[Strength, float] = {
    Strength.CERTAIN: 1.0,
    Strength.LIKELY: 0.9,
    Strength.FORM: 0.7,
}
"""What a value beside its word scores."""
ALONE = 0.6  # and one without
_RANK = {Strength.CERTAIN: 0, Strength.LIKELY: 1, Strength.FORM: 2}
_AS_NEAR = 4  # characters that make no difference between two words


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
class Candidate:
    """A value whose check holds, or (`holds` false) that stands beside its word and fails."""

    about: int
    start: int
    end: int
    distance: int  # to its word; as far as can be without one
    word: str | None
    holds: bool = True
    checked: bool = True


class Decider:
    """Decides between candidates for the values of a set of identifiers. Not thread-safe."""

    def __init__(self, identifiers: Sequence[Identifier], bare: Bare) -> None:
        self._identifiers = identifiers
        self._bare = bare

    def decided(self, read: Read, candidates: Sequence[Candidate]) -> Iterator[Match]:
        """The best of the candidates for each value."""
        group: list[Candidate] = []
        reach = 0
        for one in sorted(candidates, key=lambda one: (one.start, one.end)):
            if group and one.start >= reach:
                yield from self._best(read, group)
                group.clear()
            reach = max(reach, one.end) if group else one.end
            group.append(one)
        yield from self._best(read, group)

    def _best(self, read: Read, group: Sequence[Candidate]) -> Iterator[Match]:
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
        taken: list[Candidate] = []
        for _, alike in groupby(sorted(standing, key=self._rank), self._rank):
            for one in self._likelier(read, [one for one in alike if _is_free(one, taken)]):
                if _is_free(one, taken):
                    taken.append(one)
        for one in sorted(taken, key=lambda one: one.start):
            identifier = self._identifiers[one.about]
            score = ALONE if one.word is None else BESIDE[identifier.strength]
            yield Match(identifier, one.start, one.end, score, one.word, one.checked)

    def _is_claimed(self, one: Candidate, failed: Sequence[Candidate]) -> bool:
        """Whether what fails beside a word has its place: not if that is a part of it only."""
        certain = self._is_certain(one)
        return any(not (certain and _holds_within(one, other)) for other in failed)

    def _is_within(self, one: Candidate, among: Sequence[Candidate]) -> bool:
        """Whether a longer value around it has a word about as near, or needs none.

        Behind "call" the last digits of an account are no phone's.
        """
        return any(
            _holds_within(other, one)
            and (other.distance <= one.distance + _AS_NEAR or self._is_certain(other))
            for other in among
        )

    def _is_certain(self, one: Candidate) -> bool:
        return self._identifiers[one.about].strength is Strength.CERTAIN and one.checked

    def _other(self, read: Read, one: Candidate) -> bool:
        """Whether a value without a word is beside the word of a number of something else."""
        figures = is_figures(read.text[one.start : one.end])
        if not self._identifiers[one.about].country and not figures:
            return False
        if read.tables.word(OTHER, one.start, one.end) is not None:
            return True
        return any(
            OTHER in read.spoken.abouts[word]
            for word in read.spoken.right_before(one.start, BROKEN_BY)
        )

    def _rank(self, one: Candidate) -> tuple[int, int, int, int]:
        strength = self._identifiers[one.about].strength
        return one.distance, -len(one.word or ""), _RANK[strength], one.start - one.end

    def _likelier(self, read: Read, alike: Sequence[Candidate]) -> Sequence[Candidate]:
        """Candidates of the same rank, those first that are less likely something else.

        To tell that takes long: as they are, where all say the same of the same place.
        """
        of = self._identifiers
        if len({(of[one.about].entity, one.start, one.end) for one in alike}) <= 1:
            return alike

        def likeness(one: Candidate) -> tuple[bool, float, int]:
            identifier, span = of[one.about], (one.start, one.end)
            away = not self._bare.is_at_home(identifier, read.text, span)
            return away, self._bare.share(identifier, read.text[slice(*span)]), one.about

        return sorted(alike, key=likeness)


def is_figures(value: str) -> bool:
    """Whether a value has no letter and no sign that tells what it is."""
    return not any(c.isalpha() or c in "+@" for c in value)


def _is_free(one: Candidate, taken: Sequence[Candidate]) -> bool:
    """Whether a candidate overlaps none of those taken."""
    return all(one.end <= other.start or other.end <= one.start for other in taken)


def _holds_within(one: Candidate, other: Candidate) -> bool:
    """Whether one is longer than the other, and around it."""
    longer = one.end - one.start > other.end - other.start
    return longer and one.start <= other.start and other.end <= one.end

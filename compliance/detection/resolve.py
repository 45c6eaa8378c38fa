"""What of all that recognisers found becomes a finding: thresholds and overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from compliance.vocabulary import Category, Finding

THRESHOLD = 0.5
"""The score from which a finding counts where `THRESHOLDS` does not say otherwise."""

THRESHOLDS: Mapping[str, float] = {}
"""By entity. Scores of identifiers are set in `deciding`, those of names in `names`."""

_WEIGHT: Mapping[Category, int] = {
    Category.CREDENTIAL: 5,
    Category.SPECIAL: 4,
    Category.CRIMINAL: 4,
    Category.PAYMENT: 3,
    Category.PERSONAL: 2,
    Category.INDIRECT: 1,
}
"""Which of overlapping findings says what they are together."""


NAMES = "names"
"""The recogniser of what the names model finds."""
LEAST = 2  # characters of what is left of a finding


def counts(entity: str, score: float) -> bool:
    """Whether a score is enough for an entity."""
    return score >= THRESHOLDS.get(entity, THRESHOLD)


def resolved(findings: Iterable[Finding], text: str = "") -> list[Finding]:
    """Findings of one text by start, none overlapping another.

    Of those that overlap, the strongest gives its entity to all that they cover together: a
    shorter one inside a longer one must not leave a rest behind. Two kinds give way instead and
    keep what others leave of them, less the signs and spaces at its ends where the `text` is
    given: what identifies only with other data, and the names model's, which has no check.
    """
    kept: list[Finding] = []
    for layer in _layers(findings):
        kept = sorted([*kept, *_left(_together(layer), kept, text)], key=lambda one: one.start)
    return kept


def is_guessed(one: Finding) -> bool:
    """Whether the names model found it and it identifies only with other data."""
    return one.recogniser == NAMES and one.category is Category.INDIRECT


def _layers(findings: Iterable[Finding]) -> tuple[list[Finding], ...]:
    """Those that each layer gives way to come before it."""
    checked: list[Finding] = []
    indirect: list[Finding] = []
    names: list[Finding] = []
    guessed: list[Finding] = []
    for one in findings:
        if one.recogniser == NAMES:
            (guessed if is_guessed(one) else names).append(one)
        else:
            (indirect if one.category is Category.INDIRECT else checked).append(one)
    return checked, indirect, names, guessed


def _together(findings: Iterable[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        if kept and one.start < kept[-1].end:
            kept[-1] = _merged(kept[-1], one)
        else:
            kept.append(one)
    return kept


def _merged(one: Finding, other: Finding) -> Finding:
    strongest = max(one, other, key=_strength)
    return replace(strongest, start=min(one.start, other.start), end=max(one.end, other.end))


def _strength(one: Finding) -> tuple[int, float, int]:
    return (_WEIGHT[one.category], one.score, one.end - one.start)


def _left(findings: Iterable[Finding], over: list[Finding], text: str) -> Iterator[Finding]:
    """What is left of findings where others, sorted too, do not cover them."""
    first = 0
    for one in findings:
        start = one.start
        while first < len(over) and over[first].end <= start:
            first += 1
        at = first
        while at < len(over) and over[at].start < one.end:
            if start < over[at].start:
                yield from _rest(one, start, over[at].start, text)
            start = max(start, over[at].end)
            at += 1
        if start == one.start:
            yield one
        elif start < one.end:
            yield from _rest(one, start, one.end, text)


def _rest(one: Finding, start: int, end: int, text: str) -> Iterator[Finding]:
    """A part of a finding without what stands around words; nothing if there are none."""
    if text:
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        if end - start < LEAST:
            return
    yield replace(one, start=start, end=end)

"""What of all that recognisers found becomes a finding: thresholds and overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from compliance.vocabulary import Category, Finding

THRESHOLD = 0.5
"""The score from which a finding counts where `THRESHOLDS` does not say otherwise."""

THRESHOLDS: Mapping[str, float] = {}
"""By entity. Scores of identifiers are set in `matcher`, those of names in `names`."""

_WEIGHT: Mapping[Category, int] = {
    Category.CREDENTIAL: 5,
    Category.SPECIAL: 4,
    Category.CRIMINAL: 4,
    Category.PAYMENT: 3,
    Category.PERSONAL: 2,
    Category.INDIRECT: 1,
}
"""Which of overlapping findings says what they are together."""


def counts(entity: str, score: float) -> bool:
    """Whether a score is enough for an entity."""
    return score >= THRESHOLDS.get(entity, THRESHOLD)


def resolved(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one text by start, none overlapping another, no character of any left out.

    Of overlapping ones the strongest gives its entity to all that they cover together: a
    shorter one inside a longer one must not leave a rest behind. What identifies only with
    other data gives way instead, and keeps what the others leave of it.
    """
    direct: list[Finding] = []
    indirect: list[Finding] = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        kept = indirect if one.category is Category.INDIRECT else direct
        if kept and one.start < kept[-1].end:
            kept[-1] = _merged(kept[-1], one)
        else:
            kept.append(one)
    return sorted([*direct, *_left(indirect, direct)], key=lambda one: one.start)


def _merged(one: Finding, other: Finding) -> Finding:
    strongest = max(one, other, key=_strength)
    return replace(strongest, start=min(one.start, other.start), end=max(one.end, other.end))


def _strength(one: Finding) -> tuple[int, float, int]:
    return (_WEIGHT[one.category], one.score, one.end - one.start)


def _left(findings: Iterable[Finding], over: list[Finding]) -> Iterator[Finding]:
    """What is left of findings where others, sorted too, do not cover them."""
    first = 0
    for one in findings:
        start = one.start
        while first < len(over) and over[first].end <= start:
            first += 1
        at = first
        while at < len(over) and over[at].start < one.end:
            if start < over[at].start:
                yield replace(one, start=start, end=over[at].start)
            start = max(start, over[at].end)
            at += 1
        if start < one.end:
            yield replace(one, start=start)

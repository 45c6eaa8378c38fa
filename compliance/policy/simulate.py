"""What another policy would decide on facts that were recorded, beside what this one does.

Both policies are asked anew about the same facts, so whatever differs is due to their rules.
`Tally` adds up what came out; it can be written down and read again, so that a long replay
goes on where it stopped.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from compliance.policy.decide import decide
from compliance.policy.rules import Policy
from compliance.vocabulary import DUTIES, Decision, Effect, Facts, Obligations

NOWHERE = "nowhere"
"""The outcome of a request that may go on and for which the policy leaves no site."""

OUTCOMES = (*(str(effect) for effect in Effect), NOWHERE)
EXAMPLES = 50
NOTHING_FOUND = "nothing found"

Pair = tuple[str, str]
"""An outcome before and after."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request that would be decided otherwise: its id, and when, in microseconds."""

    request: str
    application: str
    time: int
    before: str
    after: str
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    what: tuple[str, ...]


def outcome(decision: Decision) -> str:
    """One of `OUTCOMES`."""
    goes_on = decision.effect not in (Effect.BLOCK, Effect.HOLD)
    return NOWHERE if goes_on and decision.sites == () else str(decision.effect)


def changes(before: Decision, after: Decision) -> tuple[str, ...]:
    """In words, what differs between two decisions on the same facts; empty if nothing does.

    Of two that refuse, neither a treatment nor a place nor an obligation is compared: nothing
    comes of them.
    """
    one, other = outcome(before), outcome(after)
    if one != other:
        return (f"outcome: {one} becomes {other}",)
    if one in (str(Effect.BLOCK), NOWHERE):
        return ()
    return tuple(_details(before, after))


def _details(before: Decision, after: Decision) -> Iterator[str]:
    for entity in sorted(before.treatments.keys() | after.treatments.keys()):
        was, is_now = before.treatments.get(entity), after.treatments.get(entity)
        if was != is_now:
            yield f"{entity}: {was} becomes {is_now}"
    if before.sites != after.sites:
        yield f"sites: {_sites(before.sites)} becomes {_sites(after.sites)}"
    if before.obligations != after.obligations:
        yield from _duties(before.obligations, after.obligations)


def _sites(sites: tuple[str, ...] | None) -> str:
    return "any" if sites is None else ", ".join(sites)


def _duties(before: Obligations, after: Obligations) -> Iterator[str]:
    for name in ("content_days", "max_tokens", "models", *DUTIES, *ANSWERS):
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            one, other = _value(was, name), _value(is_now, name)
            yield f"{name.replace('_', ' ')}: {one} becomes {other}"


ANSWERS = ("mask_answers", "block_answers")


def _value(value: object, name: str = "") -> str:
    if value is None and name in ANSWERS:
        return "nothing"
    if value is None:
        return "unlimited"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


@dataclass(slots=True)
class Tally:
    """What a replay found so far. Days are of the UTC calendar (ISO 8601)."""

    seen: int = 0
    changed: int = 0
    outcomes: Counter[Pair] = field(default_factory=Counter)
    applications: dict[str, Counter[Pair]] = field(default_factory=dict)
    categories: dict[str, Counter[Pair]] = field(default_factory=dict)
    days: dict[str, list[int]] = field(default_factory=dict)  # seen, changed
    same_outcome: int = 0  # of the changed, those that differ only in treatment, place or duty
    examples: list[Example] = field(default_factory=list)

    def add(self, before: Policy, after: Policy, facts: Facts, request: str) -> None:
        """Ask both policies about one request."""
        first = decide(before, facts, frozenset())
        second = decide(after, facts, frozenset())
        pair = (outcome(first), outcome(second))
        what = changes(first, second)
        self.seen += 1
        self.outcomes[pair] += 1
        self.applications.setdefault(facts.application, Counter())[pair] += 1
        for category in _categories(facts):
            self.categories.setdefault(category, Counter())[pair] += 1
        day = dt.datetime.fromtimestamp(facts.time / 1_000_000, dt.UTC).date().isoformat()
        counted = self.days.setdefault(day, [0, 0])
        counted[0] += 1
        if what:
            counted[1] += 1
            self.changed += 1
            self.same_outcome += pair[0] == pair[1]
            if len(self.examples) < EXAMPLES:
                who = request, facts.application, facts.time
                self.examples.append(Example(*who, *pair, first.rules, second.rules, what))

    def written(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "seen": self.seen,
            "changed": self.changed,
            "same_outcome": self.same_outcome,
            "outcomes": _rows(self.outcomes),
            "applications": {name: _rows(pairs) for name, pairs in self.applications.items()},
            "categories": {name: _rows(pairs) for name, pairs in self.categories.items()},
            "days": self.days,
            "examples": [
                [
                    *(one.request, one.application, one.time, one.before, one.after),
                    *(list(one.rules_before), list(one.rules_after), list(one.what)),
                ]
                for one in self.examples
            ],
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """The inverse of `written`."""
        return cls(
            seen=written["seen"],
            changed=written["changed"],
            same_outcome=written["same_outcome"],
            outcomes=_pairs(written["outcomes"]),
            applications={name: _pairs(one) for name, one in written["applications"].items()},
            categories={name: _pairs(one) for name, one in written["categories"].items()},
            days={day: list(counted) for day, counted in written["days"].items()},
            examples=[
                Example(request, application, time, was, then, *map(tuple, rest))
                for request, application, time, was, then, *rest in written["examples"]
            ],
        )


def _categories(facts: Facts) -> Iterable[str]:
    found = {str(category) for (category, _entity), count in facts.entities.items() if count}
    return sorted(found) or (NOTHING_FOUND,)


def _rows(pairs: Counter[Pair]) -> list[list[Any]]:
    return [[*pair, count] for pair, count in sorted(pairs.items())]


def _pairs(rows: Iterable[tuple[str, str, int]]) -> Counter[Pair]:
    return Counter({(before, after): count for before, after, count in rows})

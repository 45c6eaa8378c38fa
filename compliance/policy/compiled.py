"""A version made ready for many requests: its rules by id, and by what they look at first.

Which rules can speak is found by the application and by the kinds of findings; only of those
the other members are asked. What was made ready is kept by the version's digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from compliance.policy.conditions import (
    Kind,
    PlaceTest,
    Test,
    concerns,
    place_tests,
    tests,
)
from compliance.policy.terms import NOTHING_ASKED, Condition, Policy, Rule
from compliance.vocabulary import Effect, Facts, Obligations

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

VERSIONS = 64  # that are kept ready
MANY = 1_024  # applications, kinds, or coverages that one version remembers

Spoken = tuple["Ready", Sequence[Kind] | None]
"""A rule that speaks, with the kinds found that it speaks of; None: of the whole request."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """One rule. `number` is its place among the version's rules by id."""

    number: int
    rule: Rule
    effect: Effect
    tests: tuple[Test, ...]
    at_least: int
    places: tuple[PlaceTest, ...] | None
    obligations: Obligations | None

    @property
    def id(self) -> str:
        """The rule's."""
        return self.rule.id


@dataclass(slots=True, eq=False)
class Compiled:
    """A version made ready. Its memories belong to it; racing threads write the same."""

    policy: Policy
    rules: tuple[Ready, ...]  # sorted by id
    _general: dict[str, tuple[Ready, ...]] = field(default_factory=dict)  # by application
    _special: dict[Kind, tuple[Ready, ...]] = field(default_factory=dict)
    _not_enforced: dict[frozenset[Kind], tuple[str, ...]] = field(default_factory=dict)

    def spoken(self, facts: Facts, present: Sequence[Kind]) -> list[Spoken]:
        """The rules that speak of a request in which the kinds `present` were found, by id."""
        speak: list[Spoken] = [
            (one, None) for one in self._of(facts.application) if _hold(one, facts)
        ]
        matched: dict[Ready, list[Kind]] = {}
        for kind in present:
            for one in self._about(kind):
                matched.setdefault(one, []).append(kind)
        for one, kinds in matched.items():
            if one.at_least > 1:
                counted = sum(facts.entities[kind] for kind in kinds)
                if counted < one.at_least:
                    continue
            if _hold(one, facts):
                speak.append((one, kinds))
        speak.sort(key=_number)
        return speak

    def not_enforced(self, coverage: frozenset[Kind]) -> tuple[str, ...]:
        """Ids, sorted, of the rules that no recogniser could ever trigger."""
        known = self._not_enforced.get(coverage)
        if known is None:
            found = coverage | self.policy.own_kinds
            known = tuple(
                one.id
                for one in self.rules
                if one.rule.when.about_findings
                and not any(concerns(one.rule.when, kind) for kind in found)
            )
            _remember(self._not_enforced, coverage, known)
        return known

    def _of(self, application: str) -> tuple[Ready, ...]:
        """The rules about whole requests that may speak of an application."""
        known = self._general.get(application)
        if known is None:
            known = tuple(
                one
                for one in self.rules
                if not one.rule.when.about_findings and _may_ask(one.rule.when, application)
            )
            _remember(self._general, application, known)
        return known

    def _about(self, kind: Kind) -> tuple[Ready, ...]:
        """The rules about findings that speak of a kind."""
        known = self._special.get(kind)
        if known is None:
            known = tuple(
                one
                for one in self.rules
                if one.rule.when.about_findings and concerns(one.rule.when, kind)
            )
            _remember(self._special, kind, known)
        return known


def _may_ask(when: Condition, application: str) -> bool:
    return (when.applications is None or application in when.applications) and (
        when.applications_except is None or application not in when.applications_except
    )


def _hold(one: Ready, facts: Facts) -> bool:
    # A loop is twice as fast as all() over a generator, and this runs for every rule.
    for test in one.tests:  # noqa: SIM110
        if not test(facts):
            return False
    return True


def _number(spoken: Spoken) -> int:
    return spoken[0].number


def _remember(memory: dict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
    """Keep a value; what was kept goes where it would be too much, and is made again."""
    if len(memory) >= MANY:
        memory.clear()
    memory[key] = value


_ready: dict[str, Compiled] = {}  # by digest; the oldest goes first


def compiled(policy: Policy) -> Compiled:
    """The version made ready; at once where it was asked for before."""
    known = _ready.get(policy.digest)
    if known is not None and (known.policy is policy or known.policy == policy):
        known.policy = policy  # so that the next look needs no comparison of all rules
        return known
    rules = sorted(policy.rules, key=lambda rule: rule.id)
    made = Compiled(policy, tuple(_made(policy, *one) for one in enumerate(rules)))
    while len(_ready) >= VERSIONS:
        _ready.pop(next(iter(_ready)), None)
    _ready[policy.digest] = made
    return made


def _made(policy: Policy, number: int, rule: Rule) -> Ready:
    return Ready(
        number,
        rule,
        rule.effect,
        tests(rule.when, policy.zone_name),
        rule.when.at_least or 1,
        None if rule.where is None else place_tests(rule.where, policy.regions),
        None if rule.obligations == NOTHING_ASKED else rule.obligations,
    )

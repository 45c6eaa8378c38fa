"""Whether data of a kind can be processed outside of a place, and what a policy asserts of it.

Processed means: a site that is not in the place is permitted, the request is not blocked, and
what was found reaches the model, itself or under a pseudonym. A masked text carries nothing.
What a rule holds for a person counts as approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compliance.policy import words
from compliance.policy.conditions import concerns, place_tests
from compliance.policy.prove import (
    Answer,
    Question,
    Undecided,
    Verdict,
    decided,
    permitted,
)
from compliance.policy.regions import NEWEST
from compliance.policy.solver import LIMIT
from compliance.policy.terms import Assertion, Condition, Never, Policy
from compliance.policy.told import example
from compliance.policy.universe import NOTHING_KNOWN, Kind, Known
from compliance.vocabulary import Effect, Facts

_CARRIED = frozenset({Effect.ALLOW, Effect.PSEUDONYMISE})


def leaves(
    policy: Policy,
    never: Never,
    *,
    since: int,
    known: Known = NOTHING_KNOWN,
    limit: int = LIMIT,
) -> Answer:
    """Whether some request, from `since` on (µs since the epoch), sends such data outside.

    The sites of `known` are taken as they are registered; any others may exist besides.
    Regions are those of the policy's edition, or of the newest where it names none. Raises
    `Disagreement` where the solver's example is none.
    """
    edition = policy.regions or NEWEST
    asked = Question(
        [policy],
        since=since,
        places=[(never.outside, edition)],
        entities=never.entities or (),
        known=known,
        limit=limit,
    )
    session, case = asked.session, asked.case
    try:
        meaning = asked.meaning(policy)
        carried = [
            session.all([found, session.no(meaning.treated[kind[1], Effect.MASK])])
            for kind, found in case.found.items()
            if _of(never, kind)
        ]
        outside = session.no(case.at(never.outside, edition))
        going = [session.any(carried), session.no(meaning.blocked), meaning.permitted, outside]
        facts = asked.example(lambda facts: _leaves(policy, never, facts, known), *going)
    except Undecided:
        return asked.undecided()
    if facts is None:
        said = (_kept(never), *_unweighed(policy, never))
        return Answer(Verdict.PROVED, said, spent=session.spent)
    decision = decided(policy, facts, known)
    shown = (example(policy, facts, decision, known),)
    return Answer(Verdict.COUNTEREXAMPLE, (_leaving(never),), shown, spent=session.spent)


def _of(never: Never, kind: Kind) -> bool:
    return concerns(Condition(never.categories, never.entities), kind)


def _leaves(policy: Policy, never: Never, facts: Facts, known: Known) -> bool:
    """Whether `decide` sends such data to the one candidate, and that is outside."""
    decision = decided(policy, facts, known)
    (candidate,) = facts.serving.candidates
    inside = all(
        test(candidate, facts.time)
        for test in place_tests(never.outside, policy.regions or NEWEST)
    )
    return (
        not inside
        and permitted(decision, candidate.site)
        and any(
            decision.treatments[kind[1]] in _CARRIED
            for kind, count in facts.entities.items()
            if count > 0 and _of(never, kind)
        )
    )


def _kept(never: Never) -> str:
    return (
        f"Proved: no request has {words.data(never)} processed anywhere but"
        f" {words.where(never.outside)}, unless it is masked. This holds for every application,"
        " every model and every site, also for those that are yet to come, as far as the"
        " recognisers find the data."
    )


def _unweighed(policy: Policy, never: Never) -> Iterator[str]:
    """What the policy ignores, since it may be such data and no rule sees it."""
    ids = [
        one.id
        for one in policy.ignored
        if one.entities is None or never.entities is None or one.entities & never.entities
    ]
    if ids:
        yield (
            f"Not weighed is what does not count by {words.all_of(ids)}: it goes wherever its"
            " request goes, whatever data it is."
        )


def _leaving(never: Never) -> str:
    return (
        f"Not so: there are requests that have {words.data(never)} processed elsewhere than"
        f" {words.where(never.outside)}. This is one of them."
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """One assertion, and the answer to whether the rules keep to it."""

    assertion: Assertion
    answer: Answer

    @property
    def holds(self) -> bool:
        """Whether it is proved; what is undecided does not hold."""
        return self.answer.verdict is Verdict.PROVED

    @property
    def words(self) -> tuple[str, ...]:
        """What came out, as sentences that name the assertion."""
        name, why = words.quoted(self.assertion.id), words.quoted(self.assertion.description)
        named = f"The assertion {name} ({why})"
        if self.holds:
            return (f"{named} is proved.", *self.answer.words[1:])
        if self.answer.verdict is Verdict.UNDECIDED:
            return (f"{named} could not be decided.", *self.answer.words)
        shown = tuple(example.words for example in self.answer.examples)
        return (f"{named} does not hold.", *self.answer.words, *shown)


def judged(
    policy: Policy, *, since: int, known: Known = NOTHING_KNOWN, limit: int = LIMIT
) -> tuple[Judged, ...]:
    """Every assertion of a policy with its answer; `limit` is for each of them."""
    return tuple(
        Judged(one, leaves(policy, one.never, since=since, known=known, limit=limit))
        for one in policy.assertions
    )


def violated(results: Iterable[Judged]) -> tuple[Judged, ...]:
    """Those that do not hold, or of which nobody knows; a policy with any must not count."""
    return tuple(one for one in results if not one.holds)

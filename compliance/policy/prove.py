"""Answers to questions about a policy, and what every question begins with.

A question is asked of everything that could happen, not of what did: its answer is a proof, or
a request that shows the opposite. Each example that the solver finds is decided by `decide`
before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from compliance.policy.decide import decide
from compliance.policy.example import Disagreement as Disagreement  # noqa: PLC0414 - from here
from compliance.policy.example import Example, Shows, plain, read
from compliance.policy.solver import LIMIT, Session, Term, Undecided
from compliance.policy.symbolic import Case, Meaning
from compliance.policy.terms import Policy
from compliance.policy.universe import NOTHING_KNOWN, Known, Place, universe
from compliance.vocabulary import Decision, Effect, Facts


class Verdict(StrEnum):
    """What came out of a question. `UNDECIDED` proves nothing, in either direction."""

    PROVED = "proved"
    COUNTEREXAMPLE = "counterexample"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question, in sentences, with the examples that show it.

    `spent` is the effort in the solver's units, which with the same version of the solver is
    the same on every machine. `subjects` are the ids of the rules, or the names of the
    applications, that the answer names, where the question is one about them.
    """

    verdict: Verdict
    words: tuple[str, ...]
    examples: tuple[Example, ...] = ()
    subjects: tuple[str, ...] = ()
    spent: int = 0


class Question:
    """A solver, and one case of the world in which the question is asked.

    `since` is in microseconds since the Unix epoch: the answer is about requests from then on.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        *,
        since: int,
        places: Sequence[Place] = (),
        entities: Iterable[str] = (),
        known: Known = NOTHING_KNOWN,
        limit: int = LIMIT,
    ) -> None:
        self.world = universe(
            policies, since=since, places=places, entities=entities, known=known
        )
        self.session = Session(limit)
        self.case = Case(self.world, self.session)

    def example(self, shows: Shows, *terms: Term) -> Facts | None:
        """A plain request for which the terms hold; None where there is none at all.

        Raises `Undecided`, and `Disagreement` where the request does not show what it should.
        """
        model = self.session.find(*terms)
        if model is None:
            return None
        return plain(self.world, read(self.case, model), shows)

    def meaning(self, policy: Policy) -> Meaning:
        """What a policy makes of the case, once persons approved all that it holds."""
        return Meaning(self.case, policy, approved=holds(policy))

    def undecided(self, examples: tuple[Example, ...] = ()) -> Answer:
        """That the limit was reached."""
        return Answer(Verdict.UNDECIDED, (GAVE_UP,), examples, spent=self.session.spent)


GAVE_UP = (
    "The solver gave up at its limit before the question was answered. Nothing is proved by"
    " this; ask about fewer rules at a time, or simplify those that name most."
)


def holds(policy: Policy) -> frozenset[str]:
    """The ids of the rules that hold requests for a person."""
    return frozenset(rule.id for rule in policy.rules if rule.effect is Effect.HOLD)


def decided(policy: Policy, facts: Facts, known: Known, *, approved: bool = True) -> Decision:
    """What the policy decides, with or without persons' approval of what it holds."""
    satisfied = holds(policy) if approved else frozenset[str]()
    return decide(policy, facts, known.coverage, satisfied)


def permitted(decision: Decision, site: str) -> bool:
    """Whether a request may be processed at a site."""
    return decision.effect is not Effect.BLOCK and (
        decision.sites is None or site in decision.sites
    )


__all__ = [
    "GAVE_UP",
    "Answer",
    "Disagreement",
    "Example",
    "Question",
    "Undecided",
    "Verdict",
    "decided",
    "holds",
    "permitted",
]

"""In what one decision is less strict than another, from what to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compliance.policy import words
from compliance.policy.prove import decided, permitted
from compliance.policy.terms import Policy
from compliance.policy.universe import Known
from compliance.vocabulary import (
    ANSWER_DUTIES,
    STRICTER_DUTIES,
    Category,
    Decision,
    Effect,
    Facts,
)

Change = tuple[str, str, str]
"""What became looser (one of `NAMES`), from what, to what."""

_Kept = tuple[int | None, int | None]
"""How many days each version lets content be kept, whatever its rules say."""

_Changed = Callable[[Decision, Decision, str, _Kept], Change | None]


def _named(duty: str) -> str:
    member, _, category = duty.partition(":")
    becomes = "is not masked" if member == "mask_answers" else "does not end it"
    kind = words.CATEGORIES[Category(category)]
    return f"of {kind}, what only the answer holds {becomes} any more"


NAMES: Mapping[str, str] = {
    "allowed": "requests that were blocked may go on",
    "held": "no person has to approve what was held before",
    "treatment": "what was found is treated less strictly",
    "place": "sites are permitted that were not",
    "content_days": "content may be kept for longer, in days",
    "max_tokens": "answers may be longer, in tokens",
    "mark_output": "answers are not marked any more",
    "review": "no person has to look at the answer any more",
    "withhold_reasoning": "how an answer came about is given out again",
    **{duty: _named(duty) for duty in ANSWER_DUTIES},
}
"""The ways of being looser, in words."""


def change(name: str, old: Policy, new: Policy, facts: Facts, known: Known) -> Change | None:
    """How `new` is looser than `old` for a request with one candidate; None where it is not.

    What the newer version blocks is not looser in any way.
    """
    one = decided(old, facts, known, approved=False)
    other = decided(new, facts, known, approved=False)
    if other.effect is Effect.BLOCK:
        return None
    if name == "allowed":
        return (name, "blocked", str(other.effect)) if one.effect is Effect.BLOCK else None
    if one.effect is Effect.BLOCK:
        return None
    kept = (old.retention.content_days, new.retention.content_days)
    return _CHANGES[name](one, other, facts.serving.candidates[0].site, kept)


def details(old: Policy, new: Policy) -> Change | None:
    """Whether details of events may be kept for longer, whatever the request."""
    return _more("details_days", old.retention.details_days, new.retention.details_days)


def _held(one: Decision, other: Decision, _site: str, _kept: _Kept) -> Change | None:
    return ("held", "", "") if one.held_by and not other.held_by else None


def _treatment(one: Decision, other: Decision, _site: str, _kept: _Kept) -> Change | None:
    for entity, before in sorted(one.treatments.items()):
        if other.treatments[entity].strictness < before.strictness:
            return "treatment", str(before), str(other.treatments[entity])
    return None


def _place(one: Decision, other: Decision, site: str, _kept: _Kept) -> Change | None:
    gained = permitted(other, site) and not permitted(one, site)
    return ("place", "", "") if gained else None


def _days(one: Decision, other: Decision, _site: str, kept: _Kept) -> Change | None:
    days = [
        _least(decision.obligations.content_days, bound)
        for decision, bound in zip((one, other), kept, strict=True)
    ]
    return _more("content_days", *days)


def _tokens(one: Decision, other: Decision, _site: str, _kept: _Kept) -> Change | None:
    return _more("max_tokens", one.obligations.max_tokens, other.obligations.max_tokens)


def _duty(name: str) -> _Changed:
    def changed(one: Decision, other: Decision, _site: str, _kept: _Kept) -> Change | None:
        had, has = (decision.obligations.asks(name) for decision in (one, other))
        return (name, "", "") if had and not has else None

    return changed


_CHANGES: Mapping[str, _Changed] = {
    "held": _held,
    "treatment": _treatment,
    "place": _place,
    "content_days": _days,
    "max_tokens": _tokens,
    **{name: _duty(name) for name in (*STRICTER_DUTIES, *ANSWER_DUTIES)},
}


def _least(*bounds: int | None) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def _more(name: str, before: int | None, after: int | None) -> Change | None:
    if before is None or (after is not None and after <= before):
        return None
    return name, str(before), "no bound" if after is None else str(after)

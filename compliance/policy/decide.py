"""One request's facts against one policy: what may happen, and why.

Every rule whose condition holds speaks. What the rules that speak ask for is combined by
operations that are associative, commutative and idempotent (each a meet of a semilattice, whose
order is strictness), so that neither the order of the rules nor a rule given twice matters:

=============  ====================================================================
effect         the strictest: allow < pseudonymise < mask < hold < block
treatment      of each kind found: the strictest that a rule speaking of it asks for,
               where a hold asks for allow
sites          those that every rule permits (intersection)
content_days   the least; `max_tokens` likewise
models         those that every rule permits (intersection)
mark_output    where any rule asks for it; `review`, `withhold_reasoning` and
               `realistic_pseudonyms` likewise
mask_answers   those that any rule names (union); `block_answers` likewise
=============  ====================================================================

Where no rule speaks of the request, or none of one of the kinds found in it, the answer is no
(default deny); so it is where reasoning must be withheld that cannot be told apart. So a rule
that is added to a policy makes nothing laxer for a request of which every part is spoken of
already, and a rule that blocks makes nothing laxer at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compliance.policy.compiled import Ready, Spoken, compiled
from compliance.policy.conditions import Kind
from compliance.policy.terms import NOTHING_ASKED, UNSPOKEN_ALLOWED, Policy
from compliance.vocabulary import (
    Candidate,
    Category,
    Decision,
    Effect,
    Endpoint,
    Facts,
    Obligations,
)

NO_RULE_SPOKE = "No rule of the policy speaks of something in this request."
MODEL_NOT_PERMITTED = "The rules that apply do not permit the model that was asked for."
NOT_APART = (
    "The policy withholds the model's reasoning, which cannot be told apart from what it "
    "writes here; ask in a chat (/v1/chat/completions)."
)

_EFFECTS: Sequence[Effect] = tuple(Effect)
_NOBODY: frozenset[str] = frozenset()


def decide(
    policy: Policy,
    facts: Facts,
    coverage: frozenset[Kind],
    satisfied: frozenset[str] = _NOBODY,
) -> Decision:
    """The policy's answer for one request.

    A rule about findings treats the kinds it matched; any other rule treats the whole request,
    hence every kind found. `coverage` is what the loaded recognisers can find. A hold rule
    whose id is in `satisfied` was approved by a person for this request: it asks for allow.
    """
    ready = compiled(policy)
    present = [kind for kind, count in facts.entities.items() if count > 0]
    spoke = ready.spoken(facts, present)
    treatments, unspoken = _treatments(spoke, present)
    obligations = _obligations([one.obligations for one, _ in spoke if one.obligations])
    held = tuple(
        one.id for one, _ in spoke if one.effect is Effect.HOLD and one.id not in satisfied
    )
    blocked = tuple(one.id for one, _ in spoke if one.effect is Effect.BLOCK)
    reasons = [one.rule.description for one, _ in spoke]
    effect = _strictest(spoke, satisfied)
    if effect is not Effect.BLOCK and (unspoken or not spoke):
        effect = Effect.BLOCK
        reasons.append(NO_RULE_SPOKE)
    if obligations.models is not None and facts.model not in obligations.models:
        effect = Effect.BLOCK
        reasons.append(MODEL_NOT_PERMITTED)
    if effect is not Effect.BLOCK and obligations.withhold_reasoning and _mixed(facts):
        effect = Effect.BLOCK
        reasons.append(NOT_APART)
    sites, excluded = _sites([one for one, _ in spoke if one.places is not None], facts)
    return Decision(
        effect=effect,
        treatments=treatments,
        rules=tuple(one.id for one, _ in spoke),
        reasons=tuple(reasons),
        policy=policy.name,
        version=policy.version,
        digest=policy.digest,
        sites=sites,
        not_enforced=ready.not_enforced(coverage),
        obligations=obligations,
        held_by=held,
        blocked_by=blocked,
        excluded=excluded,
    )


def _mixed(facts: Facts) -> bool:
    """Whether reasoning may be a part of the text.

    Engines tell it apart in chats only; what follows a prompt is all one.
    """
    return facts.serving.reasons and facts.endpoint is Endpoint.COMPLETIONS


def not_enforced(policy: Policy, coverage: frozenset[Kind]) -> tuple[str, ...]:
    """Ids, sorted, of the rules that no loaded recogniser could ever trigger."""
    return compiled(policy).not_enforced(coverage)


def _strictest(spoke: Sequence[Spoken], satisfied: frozenset[str]) -> Effect:
    """The strictest effect that any rule asks for; allow where none speaks."""
    strictest = 0
    for one, _kinds in spoke:
        if one.effect is not Effect.HOLD or one.id not in satisfied:
            strictest = max(strictest, one.effect.strictness)
    return _EFFECTS[strictest]


def _treatments(
    spoke: Sequence[Spoken], present: Sequence[Kind]
) -> tuple[dict[str, Effect], bool]:
    """What becomes of each entity found, and whether no rule speaks of some kind."""
    if not present:
        return {}, False
    every, special = -1, dict.fromkeys(present, -1)
    for one, kinds in spoke:
        strictness = 0 if one.effect is Effect.HOLD else one.effect.strictness
        if kinds is None:
            every = max(every, strictness)
        else:
            for kind in kinds:
                special[kind] = max(special[kind], strictness)
    unspoken = False
    strictest: dict[str, int] = {}
    for (category, entity), asked in special.items():
        least = 0 if spoke and category in UNSPOKEN_ALLOWED else -1
        strictness = max(asked, every, least)
        if (
            strictness < 0
        ):  # a kind of which no rule speaks is not allowed by rules about others
            unspoken, strictness = True, Effect.BLOCK.strictness
        strictest[entity] = max(strictest.get(entity, 0), strictness)
    return {entity: _EFFECTS[strictness] for entity, strictness in strictest.items()}, unspoken


def _obligations(asked: Sequence[Obligations]) -> Obligations:
    if not asked:
        return NOTHING_ASKED
    if len(asked) == 1:
        return asked[0]
    models = [one.models for one in asked if one.models is not None]
    return Obligations(
        content_days=_least(one.content_days for one in asked),
        mark_output=any(one.mark_output for one in asked),
        max_tokens=_least(one.max_tokens for one in asked),
        models=frozenset.intersection(*models) if models else None,
        review=any(one.review for one in asked),
        withhold_reasoning=any(one.withhold_reasoning for one in asked),
        realistic_pseudonyms=any(one.realistic_pseudonyms for one in asked),
        mask_answers=_any(one.mask_answers for one in asked),
        block_answers=_any(one.block_answers for one in asked),
    )


def _any(named: Iterable[frozenset[Category] | None]) -> frozenset[Category] | None:
    given = [one for one in named if one is not None]
    return frozenset().union(*given) if given else None


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _sites(
    narrow: Sequence[Ready], facts: Facts
) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    """The candidates that every rule permits, sorted, and by which rule another is left out."""
    if not narrow:
        return None, {}
    permitted: list[str] = []
    excluded: dict[str, str] = {}
    for candidate in facts.serving.candidates:
        rule = _excluding(narrow, candidate, facts.time)
        if rule is None:
            permitted.append(candidate.site)
        else:
            excluded[candidate.site] = rule
    return tuple(sorted(permitted)), excluded


def _excluding(narrow: Sequence[Ready], candidate: Candidate, time: int) -> str | None:
    """The first rule that leaves a candidate out."""
    for one in narrow:
        for test in one.places or ():
            if not test(candidate, time):
                return one.id
    return None

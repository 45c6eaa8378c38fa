"""One request's facts against one policy: what may happen, and why.

Rules are independent of their order: every rule whose condition holds speaks, the strictest
effect wins (deny overrides), and where no rule speaks the answer is no (default deny), for the
request as for each kind of finding in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from compliance.policy.rules import Condition, Policy, Rule
from compliance.vocabulary import Category, Decision, Effect, Facts

NO_RULE_SPOKE = "No rule of the policy speaks of something in this request."

Kind = tuple[Category, str]
"""A category and an entity type, as findings are counted and recognisers are listed."""

_STRICTNESS: Mapping[Effect, int] = {effect: effect.strictness for effect in Effect}


def decide(policy: Policy, facts: Facts, coverage: frozenset[Kind]) -> Decision:
    """The policy's answer for one request.

    A rule about findings treats the entities it matched; any other rule treats the whole
    request, hence every entity found. `coverage` is what the loaded recognisers can find.
    """
    present = frozenset(kind for kind, count in facts.entities.items() if count > 0)
    asked: list[Effect] = []
    treatments: dict[Kind, Effect] = {}
    spoke: list[Rule] = []
    for rule in policy.rules:
        kinds = _kinds_spoken_of(rule.when, facts, present)
        if kinds is None:
            continue
        spoke.append(rule)
        asked.append(rule.effect)
        for kind in kinds:
            treatments[kind] = _stricter(treatments.get(kind), rule.effect)
    for kind in present:
        # A kind of which no rule speaks is not allowed by rules about other kinds.
        if kind not in treatments:
            treatments[kind] = Effect.BLOCK
            asked.append(Effect.BLOCK)
    effect = max(asked, key=_STRICTNESS.__getitem__, default=Effect.BLOCK)
    reasons = tuple(rule.description for rule in spoke)
    if effect is Effect.BLOCK and not any(rule.effect is Effect.BLOCK for rule in spoke):
        reasons += (NO_RULE_SPOKE,)
    return Decision(
        effect=effect,
        treatments=_by_entity(treatments),
        rules=tuple(rule.id for rule in spoke),
        reasons=reasons,
        policy=policy.name,
        version=policy.version,
        digest=policy.digest,
        sites=_sites(spoke),
        not_enforced=not_enforced(policy, coverage),
    )


@lru_cache(maxsize=64)
def not_enforced(policy: Policy, coverage: frozenset[Kind]) -> tuple[str, ...]:
    """Ids, in the policy's order, of rules that no loaded recogniser could ever trigger."""
    return tuple(
        rule.id
        for rule in policy.rules
        if rule.when.about_findings and not any(_concerns(rule.when, kind) for kind in coverage)
    )


def _kinds_spoken_of(
    when: Condition, facts: Facts, present: frozenset[Kind]
) -> Iterable[Kind] | None:
    """The kinds found that a condition speaks of; None when it does not hold."""
    if when.applications is not None and facts.application not in when.applications:
        return None
    if when.applications_except is not None and facts.application in when.applications_except:
        return None
    if when.models is not None and facts.model not in when.models:
        return None
    if when.names_unchecked is not None and facts.names_unchecked != when.names_unchecked:
        return None
    if not when.about_findings:
        return present
    return [kind for kind in present if _concerns(when, kind)] or None


def _concerns(when: Condition, kind: Kind) -> bool:
    category, entity = kind
    return (when.categories is None or category in when.categories) and (
        when.entities is None or entity in when.entities
    )


def _stricter(one: Effect | None, other: Effect) -> Effect:
    if one is None:
        return other
    return one if _STRICTNESS[one] >= _STRICTNESS[other] else other


def _by_entity(treatments: Mapping[Kind, Effect]) -> dict[str, Effect]:
    """The strictest treatment per entity type; an entity may be found in two categories."""
    strictest: dict[str, Effect] = {}
    for (_category, entity), effect in sorted(treatments.items()):
        strictest[entity] = _stricter(strictest.get(entity), effect)
    return strictest


def _sites(spoke: Iterable[Rule]) -> tuple[str, ...] | None:
    """The sites that every rule leaves open, sorted; none at all is an empty tuple."""
    common: set[str] | None = None
    for rule in spoke:
        if rule.sites is not None:
            common = set(rule.sites) if common is None else common & set(rule.sites)
    return None if common is None else tuple(sorted(common))

"""What is wrong with a policy, or odd about it, though its document can be read.

`rules.parse` refuses what is no policy; here is what a person should see before proposing one.
What needs a proof over all requests (whether a rule can ever speak) is not looked for here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from compliance.policy import countries, words
from compliance.policy.conditions import Kind, concerns
from compliance.policy.regions import NEWEST
from compliance.policy.rules import stale
from compliance.policy.terms import Condition, Policy, Rule, Where
from compliance.vocabulary import Effect


@dataclass(frozen=True, slots=True)
class World:
    """What is known here; None where nothing is known, so that nothing is said of it.

    `countries` are those in which sites stand; `coverage` is what the loaded recognisers find.
    """

    applications: Collection[str] | None = None
    sites: Collection[str] | None = None
    countries: Collection[str] | None = None
    models: Collection[str] | None = None
    owners: Collection[str] | None = None
    purposes: Collection[str] | None = None
    licences: Collection[str] | None = None
    publishers: Collection[str] | None = None
    operators: Collection[str] | None = None
    certifications: Collection[str] | None = None
    coverage: Collection[Kind] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to mend, or to know. `at` is its place, as `rules[2].when.categories`.

    A policy with a `blocking` fault must not be proposed.
    """

    at: str
    words: str
    blocking: bool


NOTHING_KNOWN = World()
_Names: TypeAlias = Collection[str] | None


def faults(
    policy: Policy, world: World = NOTHING_KNOWN, newest: str = NEWEST
) -> tuple[Fault, ...]:
    """All faults, in the order of the document."""
    found: list[Fault] = []
    if said := stale(policy, newest):
        found.append(Fault("regions", said, blocking=True))
    found.extend(_without_path(policy, world))
    for index, rule in enumerate(policy.rules):
        at = f"rules[{index}]"
        found.extend(_unknown(rule, at, world, policy.own_kinds))
        found.extend(_contradictions(rule, at))
    found.extend(_duplicates(policy))
    return tuple(found)


def _unknown(rule: Rule, at: str, world: World, own: frozenset[Kind]) -> Iterator[Fault]:
    """Names that a rule speaks of and nobody here has."""
    for member, names, known, what in _names(rule, world):
        for name in sorted(set(names or ()) - set(known or ())) if known is not None else ():
            said = f"No {what} {words.quoted(name)}."
            yield Fault(f"{at}.{member}", said, blocking=False)
    if rule.where is not None and rule.where.countries and world.countries is not None:
        for code in sorted(rule.where.countries - set(world.countries)):
            said = f"No site stands in {countries.phrase(code)}."
            yield Fault(f"{at}.where.countries", said, blocking=False)
    if world.coverage is not None:
        yield from _unfound(rule, at, {*world.coverage, *own})


def _names(rule: Rule, world: World) -> Iterator[tuple[str, _Names, _Names, str]]:
    """Where a rule has names, the names, those that are known, and what has none of them."""
    when, where = rule.when, rule.where or Where()
    called = "application here is called"
    yield "when.applications", when.applications, world.applications, called
    yield "when.applications_except", when.applications_except, world.applications, called
    yield "when.purposes", when.purposes, world.purposes, "application here has the purpose"
    yield "when.owners", when.owners, world.owners, "application here belongs to"
    yield "when.models", when.models, world.models, "model here is called"
    yield "when.licences", when.licences, world.licences, "model here has the licence"
    yield "when.publishers", when.publishers, world.publishers, "model here was published by"
    permitted = rule.obligations.models
    yield "obligations.models", permitted, world.models, "model here is called"
    yield "where.sites", where.sites, world.sites, "site here is called"
    yield "where.operators", where.operators, world.operators, "site here is run by"
    certified = "site here has the certification"
    yield "where.certifications", where.certifications, world.certifications, certified


def _unfound(rule: Rule, at: str, coverage: Collection[Kind]) -> Iterator[Fault]:
    """Findings that no recogniser makes."""
    if not rule.when.about_findings:
        return
    if not any(concerns(rule.when, kind) for kind in coverage):
        member = "categories" if rule.when.categories is not None else "entities"
        said = "No loaded recogniser finds this, so the rule is not enforced."
        yield Fault(f"{at}.when.{member}", said, blocking=False)
        return
    known = {entity for _category, entity in coverage}
    for entity in sorted((rule.when.entities or frozenset()) - known):
        said = f"No loaded recogniser finds {words.quoted(entity)}."
        yield Fault(f"{at}.when.entities", said, blocking=False)


def _contradictions(rule: Rule, at: str) -> Iterator[Fault]:
    asked, permitted = rule.when.models, rule.obligations.models
    if asked is not None and permitted is not None and not asked & permitted:
        said = (
            f"The rule speaks of requests for {words.chosen(asked)} and permits only"
            f" {words.chosen(permitted)}: it would block all of them. Choose the effect"
            " block, or other models."
        )
        yield Fault(f"{at}.obligations.models", said, blocking=True)


def _duplicates(policy: Policy) -> Iterator[Fault]:
    """Rules that say what another one says already."""
    first: dict[Rule, str] = {}
    for index, rule in enumerate(policy.rules):
        bare = replace(rule, id="", description="")
        known = first.setdefault(bare, rule.id)
        if known != rule.id:
            said = f"It says the same as the rule {words.quoted(known)}; one of them can go."
            yield Fault(f"rules[{index}]", said, blocking=False)


def _without_path(policy: Policy, world: World) -> Iterator[Fault]:
    """Applications of which every request would be blocked, by what rules say of applications.

    Where no application is known, those that the rules name and any other are looked at.
    """
    named = {
        name
        for rule in policy.rules
        for name in (rule.when.applications or rule.when.applications_except or ())
    }
    asked: Mapping[str, str | None] = (
        {name: name for name in world.applications}
        if world.applications
        else {name: name for name in named} | {"": None}
    )
    shut = [name for name in sorted(asked) if not _may_pass(policy, asked[name])]
    if len(shut) == len(asked):
        said = "This policy would block every request of every application."
        yield Fault("rules", said, blocking=True)
        return
    for name in shut:
        said = (
            f"Every request of {words.quoted(name)} would be blocked."
            if name
            else ("Every request of an application that no rule names would be blocked.")
        )
        yield Fault("rules", said, blocking=False)


def _may_pass(policy: Policy, application: str | None) -> bool:
    speaking = [rule for rule in policy.rules if _speaks_of(rule.when, application)]
    shut = any(rule.effect is Effect.BLOCK and _of_whom_only(rule.when) for rule in speaking)
    return not shut and any(rule.effect is not Effect.BLOCK for rule in speaking)


def _speaks_of(when: Condition, application: str | None) -> bool:
    """Whether a condition can hold for an application; None is one that no rule names."""
    if when.applications is not None:
        return application in when.applications
    return when.applications_except is None or application not in when.applications_except


def _of_whom_only(when: Condition) -> bool:
    return replace(when, applications=None, applications_except=None) == Condition()

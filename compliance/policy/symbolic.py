"""What `decide` decides, written for the solver: the same law, a second time.

A `Case` is any request and any one site of a world at once; a `Meaning` is what a policy makes
of it. Both are terms, nothing is approximated, and a test holds them against `decide` itself.
Why one site is enough: whether a site is permitted depends on no other site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from compliance.policy.conditions import concerns
from compliance.policy.moments import holds
from compliance.policy.regions import members
from compliance.policy.solver import Session, Term
from compliance.policy.terms import UNSPOKEN_ALLOWED, Condition, Policy, Rule, Where
from compliance.policy.universe import NOWHERE, Kind, Universe
from compliance.policy.zones import zone
from compliance.vocabulary import Category, Effect, Endpoint


class Case:
    """Any request of a world, and any site that might serve it."""

    def __init__(self, world: Universe, session: Session) -> None:
        self.world, self.session = world, session
        self.choices: dict[str, dict[Any, Term]] = {}
        for name, values in world.choices.items():
            self.choices[name] = {value: session.fact(f"{name} {value}") for value in values}
            session.one(list(self.choices[name].values()))
        self.sets: dict[str, dict[str, Term]] = {
            name: {value: session.fact(f"{name} {value}") for value in values}
            for name, values in world.sets.items()
        }
        self.bits = world.counts.bit_length()
        self.numbers: dict[Kind, Term] = {}
        self.found: dict[Kind, Term] = {}
        for kind in world.kinds:
            self.found[kind] = self._finding(kind)
        self._sums: dict[tuple[Kind, ...], Term] = {}
        self._named: dict[object, Term] = {}
        for site in world.known.sites:
            self._pin(site.site, site)

    def _finding(self, kind: Kind) -> Term:
        what = f"{kind[0]} {kind[1]}"
        if self.bits == 1:
            return self.session.fact(what)
        self.numbers[kind] = self.session.number(what, self.bits)
        return self.session.let(what, self.numbers[kind] != 0)

    def _pin(self, name: str, site: Any) -> None:
        """What is registered of a known site holds of it."""
        alike = self.world.countries
        held = [
            self.choices["country"][alike.get(site.country, alike[NOWHERE])],
            self.choices["operator"][site.operator],
            *(
                term if value in site.certifications else self.session.no(term)
                for value, term in self.sets["certifications"].items()
            ),
        ]
        here = self.choices["site"][name]
        self.session.require(self.session.z3.Implies(here, self.session.all(held)))

    def among(self, name: str, holds: Callable[[Any], bool]) -> Term:
        """That a choice is one of the values for which something holds."""
        values = self.choices[name]
        chosen = tuple(value for value in values if holds(value))
        key = (name, chosen)
        if key not in self._named:
            # The shorter of the two lists, since exactly one value is chosen.
            if len(chosen) * 2 <= len(values):
                term = self.session.any(values[value] for value in chosen)
            else:
                rest = (term for value, term in values.items() if value not in chosen)
                term = self.session.no(self.session.any(rest))
            self._named[key] = self.session.let(name, term)
        return self._named[key]

    def any_of(self, name: str, values: Iterable[str]) -> Term:
        """That a set holds at least one of these values."""
        return self.session.any(self.sets[name][value] for value in sorted(values))

    def all_of(self, name: str, values: Iterable[str]) -> Term:
        """That a set holds all of these values."""
        return self.session.all(self.sets[name][value] for value in sorted(values))

    def findings(self, when: Condition) -> Term:
        """That so many findings are there as a condition asks for."""
        key = (when.categories, when.entities, when.at_least)
        if key not in self._named:
            kinds = tuple(kind for kind in self.world.kinds if concerns(when, kind))
            self._named[key] = self.session.let("findings", self._enough(when, kinds))
        return self._named[key]

    def _enough(self, when: Condition, kinds: tuple[Kind, ...]) -> Term:
        least = when.at_least or 1
        if least == 1:
            return self.session.any(self.found[kind] for kind in kinds)
        if len(kinds) * self.world.counts < least:
            return self.session.false
        wide = (len(self.world.kinds) * self.world.counts).bit_length() + 1
        total = self.session.z3.BitVecVal(0, wide, self.session.context)
        for category in Category:
            part = tuple(kind for kind in kinds if kind[0] is category)
            if part:
                total = total + self._sum(part, wide)
        return self.session.z3.UGE(total, least)

    def _sum(self, kinds: tuple[Kind, ...], wide: int) -> Term:
        if kinds not in self._sums:
            z3, session = self.session.z3, self.session
            parts = [z3.ZeroExt(wide - self.bits, self.numbers[kind]) for kind in kinds]
            total = session.number("findings", wide)
            session.require(total == z3.Sum(*parts) if len(parts) > 1 else total == parts[0])
            self._sums[kinds] = total
        return self._sums[kinds]

    def holds(self, when: Condition, policy: Policy) -> Term:
        """That a condition of a policy holds."""
        return self.session.all(self._parts(when, policy))

    def _parts(self, when: Condition, policy: Policy) -> Iterable[Term]:
        for member, fact in _LISTS.items():
            if (names := getattr(when, member)) is not None:
                yield self.among(fact, names.__contains__)
        for member in _FLAGS:
            if (flag := getattr(when, member)) is not None:
                yield self.among(member, flag.__eq__)
        for member in ("declared", "subject_countries", "tools"):
            if (names := getattr(when, member)) is not None:
                yield self.any_of(member, names)
        yield from self._others(when, policy)

    def _others(self, when: Condition, policy: Policy) -> Iterable[Term]:
        if (spared := when.applications_except) is not None:
            yield self.session.no(self.among("application", spared.__contains__))
        if when.tools_offered is not None:
            offered = self.any_of("tools", self.sets["tools"])
            yield offered if when.tools_offered else self.session.no(offered)
        if (hours := when.hours) is not None:
            clock = zone(policy.zone_name)
            yield self.among("time", lambda time: holds(hours, clock, time))
        if when.about_findings:
            yield self.findings(when)

    def at(self, where: Where, regions: str | None) -> Term:
        """That the site is one of those that a place asks for."""
        return self.session.all(self._places(where, regions))

    def _places(self, where: Where, regions: str | None) -> Iterable[Term]:
        spots = []
        if where.sites is not None:
            spots.append(self.among("site", where.sites.__contains__))
        if where.countries is not None:
            spots.append(self._in(dict.fromkeys(self.world.times.all, where.countries)))
        for region in sorted(where.regions or ()):
            edition = str(regions)
            spots.append(
                self._in(
                    {time: members(region, edition, time) for time in self.world.times.all}
                )
            )
        if spots:
            yield self.session.any(spots)
        if where.operators is not None:
            yield self.among("operator", where.operators.__contains__)
        if where.certifications is not None:
            yield self.all_of("certifications", where.certifications)
        for name in ("attested", "witnessed"):
            if (within := getattr(where, f"{name}_within")) is not None:
                yield self._proved(name, within)

    def _proved(self, name: str, within: int) -> Term:
        return self.among(name, lambda age: age is not None and age <= within)

    def _in(self, countries: Mapping[int, frozenset[str]]) -> Term:
        """That the site is in one of the countries of the time."""
        alike: dict[frozenset[str], set[int]] = {}
        for time, codes in countries.items():
            alike.setdefault(codes, set()).add(time)
        parts = []
        for codes, times in alike.items():
            here = self.among("country", codes.__contains__)
            when = self.among("time", times.__contains__)
            parts.append(self.session.all([when, here]) if len(alike) > 1 else here)
        return self.session.any(parts)


_LISTS = {
    "applications": "application",
    "models": "model",
    "purposes": "purpose",
    "legal_bases": "legal_basis",
    "owners": "owner",
    "licences": "licence",
    "publishers": "publisher",
}
_FLAGS = ("names_unchecked", "high_risk", "restricted", "request_class")


class Meaning:
    """What a policy decides of a case.

    `approved` says whether persons have approved what the hold rules held. `enabled` gives for
    rules, by id, when they are part of the policy at all; others always are.
    """

    def __init__(
        self,
        case: Case,
        policy: Policy,
        *,
        approved: frozenset[str] = frozenset(),
        enabled: Mapping[str, Term] | None = None,
    ) -> None:
        self.case, self.policy, self.approved = case, policy, approved
        session = case.session
        self.spoke: dict[str, Term] = {
            rule.id: session.let(
                f"rule {rule.id}",
                session.all(
                    [case.holds(rule.when, policy), (enabled or {}).get(rule.id, session.true)]
                ),
            )
            for rule in policy.rules
        }
        self.held_by = tuple(
            rule.id
            for rule in policy.rules
            if rule.effect is Effect.HOLD and rule.id not in approved
        )
        self._spoken: dict[tuple[str, ...], Term] = {}
        self._whole = [rule for rule in policy.rules if not rule.when.about_findings]
        self._wide = [r for r in policy.rules if r.when.about_findings and not r.when.entities]
        self._narrow: dict[str, list[Rule]] = {}
        for rule in policy.rules:
            for entity in rule.when.entities or ():
                self._narrow.setdefault(entity, []).append(rule)
        self.treated: dict[tuple[str, Effect], Term] = {}
        for entity in dict.fromkeys(kind[1] for kind in case.world.kinds):
            for effect in (Effect.PSEUDONYMISE, Effect.MASK, Effect.BLOCK):
                self.treated[entity, effect] = session.let(
                    f"{entity} at least {effect}", self._treatment(entity, effect)
                )
        self.permitted = session.let("permitted", session.all(self._places()))
        self.blocked = session.let("blocked", session.any(self._blocks()))
        self.held = session.let("held", self.any_spoke(self.held_by))

    def any_spoke(self, rules: Iterable[str]) -> Term:
        """That at least one of these rules spoke."""
        key = tuple(rules)
        if key not in self._spoken:
            term = self.case.session.any(self.spoke[rule] for rule in key)
            self._spoken[key] = self.case.session.let("spoke", term)
        return self._spoken[key]

    def at_least(self, effect: Effect) -> Term:
        """That the request's effect is as strict as this one, or stricter."""
        session = self.case.session
        if effect is Effect.ALLOW:
            return session.true
        if effect is Effect.BLOCK:
            return self.blocked
        strict = [self.blocked, self.held]
        if effect is not Effect.HOLD:
            strict.append(self.any_spoke(self._asking(self.policy.rules, effect)))
        return session.any(strict)

    def _asking(self, rules: Iterable[Rule], effect: Effect) -> tuple[str, ...]:
        """The rules that ask for a treatment as strict as this one, or stricter."""
        return tuple(
            rule.id
            for rule in rules
            if rule.effect is not Effect.HOLD and rule.effect.strictness >= effect.strictness
        )

    def _about(self, kind: Kind) -> tuple[list[Rule], list[Rule], list[Rule]]:
        wide = [rule for rule in self._wide if concerns(rule.when, kind)]
        narrow = [r for r in self._narrow.get(kind[1], ()) if concerns(r.when, kind)]
        return self._whole, wide, narrow

    def _treatment(self, entity: str, effect: Effect) -> Term:
        """That what is found of an entity is treated as strictly as this, or more so."""
        session = self.case.session
        parts = []
        for kind in (one for one in self.case.world.kinds if one[1] == entity):
            rooms = self._about(kind)
            strict = [self.any_spoke(self._asking(room, effect)) for room in rooms]
            unspoken = self._unspoken(kind, rooms)
            parts.append(session.all([self.case.found[kind], session.any([*strict, unspoken])]))
        return session.any(parts)

    def _unspoken(self, kind: Kind, rooms: Iterable[list[Rule]]) -> Term:
        """That no rule speaks of a kind that is not allowed then."""
        if kind[0] in UNSPOKEN_ALLOWED:
            return self.case.session.no(self.any_spoke(self.spoke))
        return self.case.session.no(self._mentioned(rooms))

    def _mentioned(self, rooms: Iterable[list[Rule]]) -> Term:
        return self.case.session.any(self.any_spoke(rule.id for rule in room) for room in rooms)

    def _blocks(self) -> Iterable[Term]:
        session = self.case.session
        yield self.any_spoke(self._asking(self.policy.rules, Effect.BLOCK))
        yield session.no(self.any_spoke(self.spoke))
        for kind, found in self.case.found.items():
            yield session.all([found, self._unspoken(kind, self._about(kind))])
        for rule in self.policy.rules:
            if (models := rule.obligations.models) is not None:
                other = session.no(self.case.among("model", models.__contains__))
                yield session.all([self.spoke[rule.id], other])
        mixed = [self.case.choices["endpoint"][Endpoint.COMPLETIONS]]
        mixed.append(self.case.choices["reasons"][True])
        yield session.all([self.obliged("withhold_reasoning"), *mixed])

    def _places(self) -> Iterable[Term]:
        session = self.case.session
        for rule in self.policy.rules:
            if rule.where is not None:
                here = self.case.at(rule.where, self.policy.regions)
                yield session.any([session.no(self.spoke[rule.id]), here])

    def at_most(self, name: str, most: int) -> Term:
        """That an obligation in numbers (`content_days`, `max_tokens`) is this or less."""
        return self.any_spoke(
            rule.id
            for rule in self.policy.rules
            if (asked := getattr(rule.obligations, name)) is not None and asked <= most
        )

    def obliged(self, name: str) -> Term:
        """That a duty (one of `DUTIES` or `ANSWER_DUTIES`) is asked for."""
        return self.any_spoke(
            rule.id for rule in self.policy.rules if rule.obligations.asks(name)
        )

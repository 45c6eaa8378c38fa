"""A policy document, read and checked member by member.

A document is JSON: `{"name", "version", "rules": [{"id", "description", "when", "effect",
"where", "obligations"}], "regions", "zone", "retention", "assertions", "own_entities",
"ignored"}`; docs/policies.md says what each member means, `schema` gives its shape. What is
wrong is refused by name; what no person could mean (a place for a request that is blocked, two
lists that exclude each other) is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compliance.policy import reading
from compliance.policy.canonical import canonical, document, policy, rule_document
from compliance.policy.ignored import ignored_of
from compliance.policy.own import own_of
from compliance.policy.reading import Reader
from compliance.policy.regions import EDITIONS, NEWEST
from compliance.policy.terms import (
    MAX_ASSERTIONS,
    MAX_COUNT,
    MAX_DAYS,
    MAX_RULES,
    MAX_SECONDS,
    MAX_TOKENS,
    MAX_VERSION,
    NOTHING_ASKED,
    NOTHING_SAID,
    Assertion,
    Condition,
    Hours,
    Never,
    Policy,
    PolicyRefused,
    Retention,
    Rule,
    Where,
)
from compliance.policy.zones import ZONES
from compliance.vocabulary import Category, Effect, Obligations, RequestClass

__all__ = [
    "MAX_DAYS",
    "MAX_RULES",
    "MAX_VERSION",
    "NOTHING_ASKED",
    "NOTHING_SAID",
    "Assertion",
    "Condition",
    "Hours",
    "Never",
    "Policy",
    "PolicyRefused",
    "Retention",
    "Rule",
    "Where",
    "assertion_of",
    "canonical",
    "document",
    "never_of",
    "parse",
    "policy",
    "rule_document",
    "rule_of",
    "stale",
]

CONDITIONS: Mapping[str, Reader] = {
    "categories": reading.choices(Category),
    "entities": reading.names,
    "at_least": reading.whole(1, MAX_COUNT),
    "names_unchecked": reading.flag,
    "applications": reading.names,
    "applications_except": reading.names,
    "purposes": reading.names,
    "legal_bases": reading.names,
    "owners": reading.names,
    "declared": reading.choices(Category),
    "subject_countries": reading.country_codes,
    "high_risk": reading.flag,
    "models": reading.names,
    "licences": reading.names,
    "publishers": reading.names,
    "restricted": reading.flag,
    "request_class": reading.choice(RequestClass),
    "tools_offered": reading.flag,
    "tools": reading.names,
    "hours": reading.hours,
}
"""The members that `when` may have, each with its reader."""

PLACES: Mapping[str, Reader] = {
    "sites": reading.names,
    "countries": reading.country_codes,
    "regions": reading.region_names,
    "operators": reading.names,
    "certifications": reading.names,
    "attested_within": reading.whole(1, MAX_SECONDS, "a number of seconds"),
    "witnessed_within": reading.whole(1, MAX_SECONDS, "a number of seconds"),
}
"""The members that `where` may have, each with its reader."""

OBLIGATIONS: Mapping[str, Reader] = {
    "content_days": reading.whole(0, MAX_DAYS, "a number of days"),
    "mark_output": reading.demand,
    "max_tokens": reading.whole(1, MAX_TOKENS),
    "models": reading.names,
    "review": reading.demand,
    "withhold_reasoning": reading.demand,
    "realistic_pseudonyms": reading.demand,
    "mask_answers": reading.choices(Category),
    "block_answers": reading.choices(Category),
}
"""The members that `obligations` may have, each with its reader."""

RETENTION: Mapping[str, Reader] = {
    "content_days": reading.whole(0, MAX_DAYS, "a number of days"),
    "details_days": reading.whole(1, MAX_DAYS, "a number of days"),
}
"""The members that `retention` may have, each with its reader."""

_DATA = {"categories": CONDITIONS["categories"], "entities": CONDITIONS["entities"]}
_OPTIONAL = ("regions", "retention", "zone", "assertions", "own_entities", "ignored")


def parse(document: bytes | str) -> Policy:
    """Read a policy document; raises `PolicyRefused` naming the member that is wrong."""
    found = reading.members(
        reading.json_value(document),
        "policy",
        required=("name", "version", "rules"),
        optional=_OPTIONAL,
    )
    name = reading.text(found["name"], "name")
    version = found["version"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise PolicyRefused("version: must be an integer from 1 up")
    if not 1 <= version <= MAX_VERSION:
        raise PolicyRefused("version: must be an integer from 1 up")
    rules = _rules(found["rules"])
    retention = NOTHING_SAID
    if "retention" in found:
        retention = Retention(**reading.some(found["retention"], "retention", RETENTION))
    assertions = _assertions(found["assertions"]) if "assertions" in found else ()
    own = own_of(found["own_entities"]) if "own_entities" in found else ()
    ignored = ignored_of(found["ignored"]) if "ignored" in found else ()
    places = [rule.where for rule in rules] + [one.never.outside for one in assertions]
    regions = _regions(found.get("regions"), places, given="regions" in found)
    zone = _zone(found["zone"]) if "zone" in found else None
    return policy(
        name,
        version,
        rules,
        retention,
        regions=regions,
        zone=zone,
        assertions=assertions,
        own_entities=own,
        ignored=ignored,
    )


def rule_of(value: Any, at: str = "rule") -> Rule:
    """One rule of its JSON value; raises `PolicyRefused`."""
    found = reading.members(
        value,
        at,
        required=("id", "description", "when", "effect"),
        optional=("where", "obligations"),
    )
    effect = reading.choice(Effect)(found["effect"], f"{at}.effect")
    for member in ("where", "obligations"):
        if member in found and effect is Effect.BLOCK:
            raise PolicyRefused(
                f"{at}.{member}: contradicts the effect block, after which nothing is"
                " processed; remove it or choose another effect"
            )
    where, obligations = None, NOTHING_ASKED
    if "where" in found:
        where = Where(**reading.some(found["where"], f"{at}.where", PLACES))
    if "obligations" in found:
        asked = reading.some(found["obligations"], f"{at}.obligations", OBLIGATIONS)
        obligations = Obligations(**asked)
    return Rule(
        id=reading.identifier(found["id"], f"{at}.id"),
        description=reading.text(found["description"], f"{at}.description"),
        when=_condition(found["when"], f"{at}.when"),
        effect=effect,
        where=where,
        obligations=obligations,
    )


def stale(policy: Policy, newest: str = NEWEST) -> str | None:
    """In words, that a newer edition of the region data is known; None where none is."""
    if policy.regions is None or policy.regions >= newest:
        return None
    return (
        f"The list of regions of {policy.regions} is out of date: that of {newest} is known. "
        "Look at what changed and name the newer one."
    )


def _rules(value: Any) -> tuple[Rule, ...]:
    if not isinstance(value, list) or not value:
        raise PolicyRefused("rules: must be a list with at least one rule")
    if len(value) > MAX_RULES:
        raise PolicyRefused(f"rules: {len(value)} are given, at most {MAX_RULES} are possible")
    rules = tuple(rule_of(item, f"rules[{index}]") for index, item in enumerate(value))
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            raise PolicyRefused(
                f"rules[{index}].id: {rule.id!r} is already used; choose another"
            )
        seen.add(rule.id)
    return rules


def _condition(value: Any, at: str) -> Condition:
    found = reading.members(value, at, optional=CONDITIONS)
    read = {name: CONDITIONS[name](given, f"{at}.{name}") for name, given in found.items()}
    if "applications" in read and "applications_except" in read:
        raise PolicyRefused(
            f"{at}.applications_except: give either this or applications, not both"
        )
    if "at_least" in read and "categories" not in read and "entities" not in read:
        raise PolicyRefused(
            f"{at}.at_least: counts findings; say of which categories or entities"
        )
    if "tools" in read and read.get("tools_offered") is False:
        raise PolicyRefused(f"{at}.tools: contradicts tools_offered, which is false")
    return Condition(**read)


def _assertions(value: Any) -> tuple[Assertion, ...]:
    items = reading.listed(value, "assertions", "assertion")
    if len(items) > MAX_ASSERTIONS:
        raise PolicyRefused(
            f"assertions: {len(items)} are given, at most {MAX_ASSERTIONS} are possible"
        )
    read = tuple(assertion_of(item, f"assertions[{n}]") for n, item in enumerate(items))
    seen: set[str] = set()
    for index, assertion in enumerate(read):
        if assertion.id in seen:
            raise PolicyRefused(
                f"assertions[{index}].id: {assertion.id!r} is already used; choose another"
            )
        seen.add(assertion.id)
    return read


def assertion_of(value: Any, at: str = "assertion") -> Assertion:
    """One assertion of its JSON value; raises `PolicyRefused`."""
    found = reading.members(value, at, required=("id", "description", "never"))
    return Assertion(
        id=reading.identifier(found["id"], f"{at}.id"),
        description=reading.text(found["description"], f"{at}.description"),
        never=never_of(found["never"], f"{at}.never"),
    )


def never_of(value: Any, at: str = "never") -> Never:
    """What must never happen, of its JSON value; raises `PolicyRefused`."""
    never = reading.members(value, at, required=("outside",), optional=_DATA)
    if not never.keys() & _DATA.keys():
        raise PolicyRefused(f"{at}: must say of which categories or entities")
    data = {
        name: _DATA[name](what, f"{at}.{name}") for name, what in never.items() if name in _DATA
    }
    outside = Where(**reading.some(never["outside"], f"{at}.outside", PLACES))
    return Never(data.get("categories"), data.get("entities"), outside)


def _regions(edition: Any, places: Sequence[Where | None], *, given: bool) -> str | None:
    named = any(where is not None and where.regions for where in places)
    if not given:
        if named:
            raise PolicyRefused(
                "regions: missing, and a rule names a region, or an assertion does; the"
                f" newest edition is {NEWEST}"
            )
        return None
    if edition not in EDITIONS:
        known = ", ".join(EDITIONS)
        raise PolicyRefused(f"regions: must be a known edition of the region data: {known}")
    if not named:
        raise PolicyRefused(
            "regions: no rule names a region, and no assertion does; leave it out"
        )
    return str(edition)


def _zone(value: Any) -> str:
    if not isinstance(value, str) or value not in ZONES:
        raise PolicyRefused("zone: must be the name of a time zone (IANA), as Europe/Berlin")
    return value

"""A policy as pages show it: sentences, checks, and what differs from another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from compliance.admin import policy_world
from compliance.admin.coverage import known
from compliance.models import PolicyVersion
from compliance.policy import regions, words
from compliance.policy.checks import faults
from compliance.policy.decide import not_enforced
from compliance.policy.difference import Difference, differences
from compliance.policy.rules import Policy, PolicyRefused, Rule, parse
from compliance.versions import own

RULE = re.compile(r"rules\[(\d+)\]")
OWN = re.compile(r"own_entities\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule in a sentence; `enforced` is None where nobody knows.

    `mark` is that of the draft's rule, to tell whether it was changed meanwhile.
    """

    rule: Rule
    sentence: str
    enforced: bool | None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found, with the way to where it is mended (of a draft)."""

    words: str
    blocking: bool
    place: str = ""  # "Rule" and its id, or "Entity" and its name
    url: str = ""


def shown(policy: Policy, marks: dict[str, str] | None = None) -> list[Shown]:
    """The rules of a policy, in the order of its document."""
    coverage = known()
    idle = None if coverage is None else set(not_enforced(policy, coverage))
    marks = marks or {}
    return [
        Shown(
            rule,
            words.rule(rule),
            None if idle is None else rule.id not in idle,
            marks.get(rule.id, ""),
        )
        for rule in policy.rules
    ]


def checks(policy: Policy, draft: int | None = None) -> list[Check]:
    """What is wrong with it or odd about it, the blocking ones first."""
    found = [
        Check(fault.words, fault.blocking, *_place(policy, fault.at, draft))
        for fault in (*faults(policy, policy_world.world()), *own.faults(policy))
    ]
    return sorted(found, key=lambda check: not check.blocking)


def _place(policy: Policy, at: str, draft: int | None) -> tuple[str, str]:
    """The rule or entity that a fault is in, and the page where a draft's is edited."""
    if (entity := OWN.match(at)) is not None:
        name = policy.own_entities[int(entity[1])].name
        address = reverse("admin:policy_part", args=[draft, "own-entities"]) if draft else ""
        place = f"Entity {name}"
        return place, f"{address}?{urlencode({'name': name})}" if draft else ""
    matched = RULE.match(at)
    if matched is None:
        return "", reverse("admin:policy_settings", args=[draft]) if draft and at else ""
    rule = policy.rules[int(matched[1])].id
    if not draft:
        return f"Rule {rule}", ""
    address = reverse("admin:policy_rule", args=[draft])
    return f"Rule {rule}", f"{address}?{urlencode({'id': rule})}"


def compared(policy: Policy, version: PolicyVersion | None) -> list[Difference] | None:
    """How it differs from a stored version, in words; None where that cannot be read."""
    if version is None:
        return None
    try:
        return list(differences(parse(version.document), policy))
    except PolicyRefused:
        return None


def context(policy: Policy, draft: int | None = None, **more: Any) -> dict[str, Any]:
    """What the templates of a policy's rules, settings and checks take."""
    found = checks(policy, draft)
    stale = bool(policy.regions) and policy.regions != regions.NEWEST
    return {
        "policy": policy,
        "bounds": words.bounds(policy),
        "newer": regions.NEWEST if stale else "",
        "checks": found,
        "blocking": sum(check.blocking for check in found),
        "coverage": known(),
        **more,
    }

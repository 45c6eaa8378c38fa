"""A policy as the bytes that its digest is of: canonical JSON (RFC 8785).

Only strings, integers, booleans, lists and objects occur, so that the form is the same in every
language. What a policy leaves out is not written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compliance.policy.ignored import ignored_document
from compliance.policy.own import entity_document
from compliance.policy.terms import (
    NOTHING_SAID,
    Assertion,
    Hours,
    Ignored,
    Never,
    Policy,
    Retention,
    Rule,
    given,
)
from compliance.vocabulary import OwnEntity


def policy(
    name: str,
    version: int,
    rules: tuple[Rule, ...],
    retention: Retention = NOTHING_SAID,
    *,
    regions: str | None = None,
    zone: str | None = None,
    assertions: tuple[Assertion, ...] = (),
    own_entities: tuple[OwnEntity, ...] = (),
    ignored: tuple[Ignored, ...] = (),
) -> Policy:
    """A policy with its digest. `rules.parse` is the way in for documents from outside."""
    unsigned = Policy(
        name, version, rules, "", retention, regions, zone, assertions, own_entities, ignored
    )
    return replace(unsigned, digest=hashlib.sha256(canonical(unsigned)).hexdigest())


def canonical(policy: Policy) -> bytes:
    """The version's document in canonical JSON; sets are written sorted."""
    return _canonical(document(policy)).encode("utf-8")


def document(policy: Policy) -> dict[str, Any]:
    """The version as JSON values, in the order in which a person would write them."""
    written: dict[str, Any] = {"name": policy.name, "version": policy.version}
    if policy.regions is not None:
        written["regions"] = policy.regions
    if policy.zone is not None:
        written["zone"] = policy.zone
    written["rules"] = [rule_document(rule) for rule in policy.rules]
    if bounds := _members(given(policy.retention)):
        written["retention"] = bounds
    if policy.assertions:
        written["assertions"] = [assertion_document(one) for one in policy.assertions]
    if policy.own_entities:
        written["own_entities"] = [entity_document(one) for one in policy.own_entities]
    if policy.ignored:
        written["ignored"] = [ignored_document(one) for one in policy.ignored]
    return written


def rule_document(rule: Rule) -> dict[str, Any]:
    """One rule as JSON values."""
    written: dict[str, Any] = {
        "id": rule.id,
        "description": rule.description,
        "when": _members(given(rule.when)),
        "effect": str(rule.effect),
    }
    if rule.where is not None:
        written["where"] = _members(given(rule.where))
    if obligations := _members(given(rule.obligations)):
        written["obligations"] = obligations
    return written


def rule_digest(policy: Policy, rule: Rule) -> str:
    """SHA-256, lower-case hex, of what one rule of a version says.

    Rules of two versions with the same digest say the same: their local time and their regions
    are the version's, and count where a rule speaks of them.
    """
    said = rule_document(rule)
    if rule.when.hours is not None:
        said["zone"] = policy.zone_name
    if rule.where is not None and rule.where.regions is not None:
        said["regions"] = policy.regions or ""
    return hashlib.sha256(_canonical(said).encode("utf-8")).hexdigest()


def assertion_document(assertion: Assertion) -> dict[str, Any]:
    """One assertion as JSON values."""
    return {
        "id": assertion.id,
        "description": assertion.description,
        "never": never_document(assertion.never),
    }


def never_document(never: Never) -> dict[str, Any]:
    """What must never happen, as JSON values."""
    data = {name: what for name, what in given(never).items() if name != "outside"}
    return {**_members(data), "outside": _members(given(never.outside))}


def clock(minutes: int) -> str:
    """Minutes since midnight as a time of day, such as 08:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _members(said: Mapping[str, object]) -> dict[str, Any]:
    return {name: _value(what) for name, what in said.items()}


def _value(what: object) -> Any:
    if isinstance(what, Hours):
        hours: dict[str, Any] = {}
        if what.days is not None:
            hours["days"] = sorted(what.days)
        if what.start is not None and what.end is not None:
            hours |= {"from": clock(what.start), "to": clock(what.end)}
        return hours
    if isinstance(what, frozenset):
        return sorted(map(str, what))
    return what if isinstance(what, bool | int) else str(what)


def _canonical(value: Any) -> str:
    """RFC 8785 for objects, lists, strings, booleans and integers.

    Members are sorted by their UTF-16 code units (section 3.2.3); strings are escaped as
    ECMAScript does, which is what `json.dumps` does with `ensure_ascii=False`.
    """
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        members = (f"{json.dumps(n, ensure_ascii=False)}:{_canonical(value[n])}" for n in names)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

"""A draft's document while it is edited: JSON values, of which one rule changes at a time.

Two people may edit one draft. Each form carries the `mark` of what it was drawn with; where
that part is stored unchanged, the form's change joins whatever else was changed meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from compliance.policy import regions
from compliance.policy.rules import Policy, PolicyRefused, parse

Document = dict[str, Any]
SETTINGS = ("name", "zone", "regions", "retention")


def read(text: str) -> Document:
    """A stored text as values; what cannot be read is empty, and `parse` says why."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def written(document: Document) -> str:
    """As it is stored: indented, for whoever reads the text."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def mark(value: Any) -> str:
    """Tells one state of a part from another; "" stands for none."""
    if value is None:
        return ""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def ids(document: Document) -> list[str]:
    """Of the rules, in their order."""
    return [str(rule.get("id", "")) for rule in _rules(document)]


def rule_of(document: Document, name: str) -> dict[str, Any] | None:
    """The rule of this id."""
    return next((rule for rule in _rules(document) if rule.get("id") == name), None)


def settings_of(document: Document) -> dict[str, Any]:
    """What is said of the whole policy."""
    return {name: document[name] for name in SETTINGS if name in document}


def with_rule(document: Document, rule: Mapping[str, Any], original: str) -> Document:
    """With `rule` in the place of the one called `original`; at the end where there is none."""
    rules = [dict(rule) if one.get("id") == original else one for one in _rules(document)]
    if rule_of(document, original) is None:
        rules.append(dict(rule))
    return with_edition({**document, "rules": rules})


def without(document: Document, name: str) -> Document:
    """Without the rule of this id."""
    return {**document, "rules": [one for one in _rules(document) if one.get("id") != name]}


def parts(document: Document, member: str) -> list[dict[str, Any]]:
    """The definitions of a member that is a list of them, in their order."""
    listed = document.get(member)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def part(document: Document, member: str, key: str, name: str) -> dict[str, Any] | None:
    """The definition of a member whose `key` is this name."""
    return next((one for one in parts(document, member) if one.get(key) == name), None)


def with_part(
    document: Document, member: str, key: str, given: Mapping[str, Any], original: str
) -> Document:
    """With `given` in the place of the one called `original`; at the end where none is."""
    listed = [
        dict(given) if one.get(key) == original else one for one in parts(document, member)
    ]
    if part(document, member, key, original) is None:
        listed.append(dict(given))
    return {**document, member: listed}


def without_part(document: Document, member: str, key: str, name: str) -> Document:
    """Without the definition of this name; without the member where it was the last."""
    rest = {other: value for other, value in document.items() if other != member}
    listed = [one for one in parts(document, member) if one.get(key) != name]
    return rest | ({member: listed} if listed else {})


def with_edition(document: Document) -> Document:
    """With the newest edition of the regions where one is named and no edition is given."""
    named = any(place.get("regions") for place in _places(document))
    if not named or document.get("regions"):
        return document
    return {**document, "regions": regions.NEWEST}


def _places(document: Document) -> Iterator[dict[str, Any]]:
    """Of rules, and of what the policy asserts."""
    asserted = document.get("assertions")
    for one in asserted if isinstance(asserted, list) else []:
        yield one.get("never", {}).get("outside", {})
    for rule in _rules(document):
        yield rule.get("where", {})


def alone(document: Document, rule: Mapping[str, Any]) -> Policy:
    """A policy of this one rule; raises `PolicyRefused` for what is wrong with the rule."""
    return parse(json.dumps(with_edition({**document, "rules": [dict(rule)]})))


def policy_of(text: str) -> tuple[Policy | None, str]:
    """The policy, or what is wrong with the text."""
    try:
        return parse(text), ""
    except PolicyRefused as error:
        return None, str(error)


def _rules(document: Document) -> list[dict[str, Any]]:
    rules = document.get("rules")
    return [one for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []

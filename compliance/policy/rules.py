"""A policy: rules as frozen values, read from a document that is checked member by member.

A document is JSON: `{"name", "version", "rules": [{"id", "description", "when", "effect",
"sites"}], "retention": {"content_days", "details_days"}}`; `sites`, `retention` and either of
its members may be absent. Only strings, integers and booleans occur, so that its canonical
form (RFC 8785) is the same in every language; the SHA-256 of that form is the version's
digest, which every decision and every signature names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compliance.vocabulary import Category, Effect

MAX_RULES = 1_000
MAX_DAYS = 3_660  # ten years
MAX_VERSION = 2**53 - 1  # what RFC 8785 numbers can hold exactly


class PolicyRefused(ValueError):
    """A policy document is not one. The message names the member and what it must be."""


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule speaks: all given members must hold; a condition without any always holds.

    `categories` and `entities` hold when a finding of the request is of one of them (both
    given: one and the same finding must satisfy both). `applications` are names; with
    `applications_except` the rule speaks for every application but these.
    """

    categories: frozenset[Category] | None = None
    entities: frozenset[str] | None = None
    names_unchecked: bool | None = None
    applications: frozenset[str] | None = None
    applications_except: frozenset[str] | None = None
    models: frozenset[str] | None = None

    @property
    def about_findings(self) -> bool:
        """Whether the condition speaks of findings, hence its effect of certain entities."""
        return self.categories is not None or self.entities is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows when a condition holds.

    `sites` narrows where the request may be processed (names); None leaves it open.
    """

    id: str
    description: str
    when: Condition
    effect: Effect
    sites: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days a version lets anything be kept, at most; None leaves it open.

    `content_days` bounds prompts and answers (0: none is kept), `details_days` the details of
    events. What an application asks for counts where it is less; see `audit.retention`.
    """

    content_days: int | None = None
    details_days: int | None = None


NOTHING_SAID = Retention()


@dataclass(frozen=True, slots=True)
class Policy:
    """One immutable version. `digest` is the SHA-256 of `canonical(policy)`, lower-case hex."""

    name: str
    version: int
    rules: tuple[Rule, ...]
    digest: str
    retention: Retention = NOTHING_SAID

    def __hash__(self) -> int:
        """The digest stands for the whole version; hashing its rules would be slow."""
        return hash(self.digest)


def policy(
    name: str, version: int, rules: tuple[Rule, ...], retention: Retention = NOTHING_SAID
) -> Policy:
    """A policy with its digest. `parse` is the way in for documents from outside."""
    unsigned = Policy(name, version, rules, "", retention)
    return replace(unsigned, digest=hashlib.sha256(canonical(unsigned)).hexdigest())


def parse(document: bytes | str) -> Policy:
    """Read a policy document; raises `PolicyRefused` naming the member that is wrong."""
    try:
        text = document.decode("utf-8") if isinstance(document, bytes) else document
        value = json.loads(text, object_pairs_hook=_without_duplicates)
    except UnicodeDecodeError as error:
        raise PolicyRefused(f"the policy is not UTF-8 at byte {error.start}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise PolicyRefused(f"the policy is not JSON: {error}") from error
    members = _object(
        value,
        "policy",
        required={"name", "version", "rules"},
        optional=frozenset({"retention"}),
    )
    name = _text(members["name"], "name")
    version = _version(members["version"])
    rules = tuple(_rule(item, f"rules[{i}]") for i, item in enumerate(_rules(members["rules"])))
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            raise PolicyRefused(
                f"rules[{index}].id: {rule.id!r} is already used; choose another"
            )
        seen.add(rule.id)
    asked = _retention(members["retention"]) if "retention" in members else NOTHING_SAID
    return policy(name, version, rules, asked)


def canonical(policy: Policy) -> bytes:
    """The version's document in canonical JSON (RFC 8785); sets are written sorted."""
    document: dict[str, Any] = {
        "name": policy.name,
        "rules": [_written(rule) for rule in policy.rules],
        "version": policy.version,
    }
    bounds = {
        name: days
        for name in RETENTION
        if (days := getattr(policy.retention, name)) is not None
    }
    if bounds:
        document["retention"] = bounds
    return _canonical(document).encode("utf-8")


def _written(rule: Rule) -> dict[str, Any]:
    when: dict[str, Any] = {}
    for name in CONDITIONS:
        value = getattr(rule.when, name)
        if value is not None:
            when[name] = value if isinstance(value, bool) else sorted(map(str, value))
    written: dict[str, Any] = {
        "id": rule.id,
        "description": rule.description,
        "when": when,
        "effect": str(rule.effect),
    }
    if rule.sites is not None:
        written["sites"] = list(rule.sites)
    return written


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


# --- Reading a document -------------------------------------------------------------------


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise PolicyRefused(f"{name}: given twice in one object; keep one")
        members[name] = value
    return members


def _object(
    value: Any, at: str, *, required: set[str], optional: frozenset[str] = frozenset()
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PolicyRefused(f"{at}: must be an object")
    prefix = "" if at == "policy" else f"{at}."
    for name in value:
        if name not in required and name not in optional:
            known = ", ".join(sorted(required | optional))
            raise PolicyRefused(f"{prefix}{name}: unknown member; known are {known}")
    for name in sorted(required):
        if name not in value:
            raise PolicyRefused(f"{prefix}{name}: missing")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PolicyRefused(f"{at}: must be a text that is not empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PolicyRefused(f"{at}: holds a lone surrogate, which UTF-8 cannot carry")
    return value


def _version(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_VERSION:
        raise PolicyRefused("version: must be an integer from 1 up")
    return value


RETENTION: Mapping[str, int] = {"content_days": 0, "details_days": 1}
"""The members that `retention` may have, each with the least that it may say."""


def _retention(value: Any) -> Retention:
    members = _object(value, "retention", required=set(), optional=frozenset(RETENTION))
    if not members:
        raise PolicyRefused(f"retention: must have {' or '.join(RETENTION)}; or leave it out")
    for name, days in members.items():
        least = RETENTION[name]
        whole = isinstance(days, int) and not isinstance(days, bool)
        if not whole or not least <= days <= MAX_DAYS:
            raise PolicyRefused(
                f"retention.{name}: must be a number of days from {least} to {MAX_DAYS}"
            )
    return Retention(**members)


def _rules(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise PolicyRefused("rules: must be a list with at least one rule")
    if len(value) > MAX_RULES:
        raise PolicyRefused(f"rules: {len(value)} are given, at most {MAX_RULES} are possible")
    return value


def _rule(value: Any, at: str) -> Rule:
    members = _object(
        value,
        at,
        required={"id", "description", "when", "effect"},
        optional=frozenset({"sites"}),
    )
    sites = None
    if "sites" in members:
        sites = _texts(members["sites"], f"{at}.sites")
    return Rule(
        id=_text(members["id"], f"{at}.id"),
        description=_text(members["description"], f"{at}.description"),
        when=_condition(members["when"], f"{at}.when"),
        effect=_effect(members["effect"], f"{at}.effect"),
        sites=sites,
    )


def _effect(value: Any, at: str) -> Effect:
    known = ", ".join(Effect)
    if not isinstance(value, str) or value not in tuple(Effect):
        raise PolicyRefused(f"{at}: must be one of {known}")
    return Effect(value)


def _texts(value: Any, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise PolicyRefused(f"{at}: must be a list with at least one text")
    texts = tuple(_text(item, f"{at}[{index}]") for index, item in enumerate(value))
    for index, text in enumerate(texts):
        if text in texts[:index]:
            raise PolicyRefused(f"{at}[{index}]: {text!r} is given twice; keep one")
    return texts


def _categories(value: Any, at: str) -> frozenset[Category]:
    texts = _texts(value, at)
    for index, text in enumerate(texts):
        if text not in tuple(Category):
            raise PolicyRefused(f"{at}[{index}]: must be one of {', '.join(Category)}")
    return frozenset(map(Category, texts))


def _names(value: Any, at: str) -> frozenset[str]:
    return frozenset(_texts(value, at))


def _flag(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        raise PolicyRefused(f"{at}: must be true or false")
    return value


CONDITIONS: Mapping[str, Callable[[Any, str], Any]] = {
    "categories": _categories,
    "entities": _names,
    "names_unchecked": _flag,
    "applications": _names,
    "applications_except": _names,
    "models": _names,
}
"""The members a condition may have, each with its reader."""


def _condition(value: Any, at: str) -> Condition:
    members = _object(value, at, required=set(), optional=frozenset(CONDITIONS))
    read = {name: CONDITIONS[name](given, f"{at}.{name}") for name, given in members.items()}
    if "applications" in read and "applications_except" in read:
        raise PolicyRefused(
            f"{at}.applications_except: give either this or applications, not both"
        )
    return Condition(**read)

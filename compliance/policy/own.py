"""The organisation's own entities, as a policy's document defines them.

Whether a pattern is one, and whether its samples hold, `detection.own` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from compliance.policy import reading
from compliance.policy.reading import Reader
from compliance.policy.terms import MAX_OWN, PolicyRefused
from compliance.vocabulary import Category, Checksum, OwnEntity

MAX_PATTERN = 512  # characters
MAX_SAMPLES = 50
MIN_VALUE = 3  # characters of a value that is looked for by itself

_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,62}\Z")


def own_of(value: Any) -> tuple[OwnEntity, ...]:
    """The member `own_entities`; raises `PolicyRefused`."""
    items = reading.listed(value, "own_entities", "entity")
    if len(items) > MAX_OWN:
        raise PolicyRefused(
            f"own_entities: {len(items)} are given, at most {MAX_OWN} are possible"
        )
    read = tuple(entity_of(item, f"own_entities[{n}]") for n, item in enumerate(items))
    seen: set[str] = set()
    for index, entity in enumerate(read):
        if entity.name in seen:
            raise PolicyRefused(
                f"own_entities[{index}].name: {entity.name!r} is already used; choose another"
            )
        seen.add(entity.name)
    return read


def entity_of(value: Any, at: str = "entity") -> OwnEntity:
    """One definition of its JSON value; raises `PolicyRefused`."""
    given = reading.members(
        value, at, required=("name", "description", "category"), optional=MEMBERS
    )
    if "pattern" not in given and "always" not in given:
        raise PolicyRefused(f"{at}.pattern: missing; give a pattern, or values in always")
    if "pattern" not in given and (extra := given.keys() & {"checksum", "words", "never"}):
        raise PolicyRefused(f"{at}.{min(extra)}: says something of a pattern; give one")
    if "pattern" in given:
        for name in ("found", "not_found"):
            if name not in given:
                raise PolicyRefused(f"{at}.{name}: missing; give at least one sample text")
    read = {name: MEMBERS[name](what, f"{at}.{name}") for name, what in _optional(given)}
    return OwnEntity(
        name=_name(given["name"], f"{at}.name"),
        description=reading.text(given["description"], f"{at}.description"),
        category=reading.choice(Category)(given["category"], f"{at}.category"),
        **read,
    )


def entity_document(entity: OwnEntity) -> dict[str, Any]:
    """One definition as JSON values; what says nothing is left out."""
    written: dict[str, Any] = {
        "name": entity.name,
        "description": entity.description,
        "category": str(entity.category),
    }
    if entity.pattern:
        written["pattern"] = entity.pattern
    if entity.checksum is not None:
        written["checksum"] = str(entity.checksum)
    for name in ("words", "always", "never"):
        if values := getattr(entity, name):
            written[name] = sorted(values)
    for name in ("found", "not_found"):
        if samples := getattr(entity, name):
            written[name] = list(samples)
    return written


def _optional(given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, what) for name, what in given.items() if name in MEMBERS]


def _name(value: Any, at: str) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise PolicyRefused(
            f"{at}: must be 3 to 63 capital letters, digits and underscores, beginning with a"
            " letter, such as CASE_NUMBER"
        )
    return value


def _pattern(value: Any, at: str) -> str:
    return reading.text(value, at, MAX_PATTERN)


def _values(value: Any, at: str) -> frozenset[str]:
    found = reading.names(value, at)
    for index, one in enumerate(value):
        if len(one) < MIN_VALUE:
            raise PolicyRefused(f"{at}[{index}]: must have at least {MIN_VALUE} characters")
    return found


def _samples(value: Any, at: str) -> tuple[str, ...]:
    texts = reading.listed(value, at)
    if len(texts) > MAX_SAMPLES:
        raise PolicyRefused(f"{at}: {len(texts)} are given, at most {MAX_SAMPLES} are possible")
    return tuple(reading.text(one, f"{at}[{index}]") for index, one in enumerate(texts))


MEMBERS: Mapping[str, Reader] = {
    "pattern": _pattern,
    "checksum": reading.choice(Checksum),
    "words": reading.names,
    "always": _values,
    "never": _values,
    "found": _samples,
    "not_found": _samples,
}
"""The members that a definition may have besides, each with its reader."""

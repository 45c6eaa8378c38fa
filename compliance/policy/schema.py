"""The JSON Schema (2020-12) of a policy document, made from the values that `rules` reads.

It says less than `rules.parse` (rule ids must differ, members must not repeat or contradict
each other): the parser judges, the schema helps editors and the console.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.policy.countries import COUNTRIES
from compliance.policy.own import MAX_PATTERN, MAX_SAMPLES, MIN_VALUE
from compliance.policy.reading import MAX_ID, MAX_ITEMS, MAX_TEXT
from compliance.policy.regions import EDITIONS, REGIONS
from compliance.policy.terms import (
    MAX_ASSERTIONS,
    MAX_COUNT,
    MAX_DAYS,
    MAX_IGNORED,
    MAX_OWN,
    MAX_RULES,
    MAX_SECONDS,
    MAX_TOKENS,
    MAX_VERSION,
)
from compliance.vocabulary import Category, Checksum, Effect, RequestClass

_TEXT: dict[str, Any] = {"type": "string", "pattern": r"\S", "maxLength": MAX_TEXT}
_FLAG: dict[str, Any] = {"type": "boolean"}
_TRUE: dict[str, Any] = {"const": True}
_CLOCK: dict[str, Any] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "array",
        "items": dict(items),
        "minItems": 1,
        "maxItems": MAX_ITEMS,
        "uniqueItems": True,
    }


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        **more,
    }


_TEXTS = _list(_TEXT)
_CATEGORIES = _list({"enum": list(Category)})
_COUNTRIES = _list({"enum": sorted(COUNTRIES)})

_HOURS = _object(
    {"days": _list(_whole(1, 7)), "from": _CLOCK, "to": _CLOCK},
    minProperties=1,
    dependentRequired={"from": ["to"], "to": ["from"]},
)

_CONDITION = _object(
    {
        "categories": _CATEGORIES,
        "entities": _TEXTS,
        "at_least": _whole(1, MAX_COUNT),
        "names_unchecked": _FLAG,
        "applications": _TEXTS,
        "applications_except": _TEXTS,
        "purposes": _TEXTS,
        "legal_bases": _TEXTS,
        "owners": _TEXTS,
        "declared": _CATEGORIES,
        "subject_countries": _COUNTRIES,
        "high_risk": _FLAG,
        "models": _TEXTS,
        "licences": _TEXTS,
        "publishers": _TEXTS,
        "restricted": _FLAG,
        "request_class": {"enum": list(RequestClass)},
        "tools_offered": _FLAG,
        "tools": _TEXTS,
        "hours": _HOURS,
    },
    allOf=[
        {"not": {"required": ["applications", "applications_except"]}},
        {
            "if": {"required": ["at_least"]},
            "then": {"anyOf": [{"required": ["categories"]}, {"required": ["entities"]}]},
        },
        {
            "not": {
                "required": ["tools", "tools_offered"],
                "properties": {"tools_offered": {"const": False}},
            }
        },
    ],
)

_WHERE = _object(
    {
        "sites": _TEXTS,
        "countries": _COUNTRIES,
        "regions": _list({"enum": list(REGIONS)}),
        "operators": _TEXTS,
        "certifications": _TEXTS,
        "attested_within": _whole(1, MAX_SECONDS),
        "witnessed_within": _whole(1, MAX_SECONDS),
    },
    minProperties=1,
)

_OBLIGATIONS = _object(
    {
        "content_days": _whole(0, MAX_DAYS),
        "mark_output": _TRUE,
        "max_tokens": _whole(1, MAX_TOKENS),
        "models": _TEXTS,
        "review": _TRUE,
        "withhold_reasoning": _TRUE,
        "realistic_pseudonyms": _TRUE,
        "mask_answers": _CATEGORIES,
        "block_answers": _CATEGORIES,
    },
    minProperties=1,
)

_RULE = _object(
    {
        "id": {**_TEXT, "maxLength": MAX_ID},
        "description": _TEXT,
        "when": _CONDITION,
        "effect": {"enum": list(Effect)},
        "where": _WHERE,
        "obligations": _OBLIGATIONS,
    },
    required=["id", "description", "when", "effect"],
    allOf=[
        {
            "if": {"properties": {"effect": {"const": str(Effect.BLOCK)}}},
            "then": {"properties": {"where": False, "obligations": False}},
        }
    ],
)

_RETENTION = _object(
    {"content_days": _whole(0, MAX_DAYS), "details_days": _whole(1, MAX_DAYS)},
    minProperties=1,
)

_ASSERTION = _object(
    {
        "id": {**_TEXT, "maxLength": MAX_ID},
        "description": _TEXT,
        "never": _object(
            {
                "categories": _CONDITION["properties"]["categories"],
                "entities": _TEXTS,
                "outside": _WHERE,
            },
            required=["outside"],
            anyOf=[{"required": ["categories"]}, {"required": ["entities"]}],
        ),
    },
    required=["id", "description", "never"],
)

_VALUES = _list({**_TEXT, "minLength": MIN_VALUE})
_SAMPLES = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_SAMPLES}

_OWN = _object(
    {
        "name": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{2,62}$"},
        "description": _TEXT,
        "category": {"enum": list(Category)},
        "pattern": {**_TEXT, "maxLength": MAX_PATTERN},
        "checksum": {"enum": list(Checksum)},
        "words": _TEXTS,
        "always": _VALUES,
        "never": _VALUES,
        "found": _SAMPLES,
        "not_found": _SAMPLES,
    },
    required=["name", "description", "category"],
    anyOf=[{"required": ["pattern"]}, {"required": ["always"]}],
    dependentRequired={
        "pattern": ["found", "not_found"],
        **{name: ["pattern"] for name in ("checksum", "words", "never")},
    },
)

_IGNORED = _object(
    {
        "id": {**_TEXT, "maxLength": MAX_ID},
        "description": _TEXT,
        "entities": _TEXTS,
        "applications": _TEXTS,
        "values": _TEXTS,
        "below": _whole(1, 100),
    },
    required=["id", "description"],
    anyOf=[{"required": ["values"]}, {"required": ["below"]}],
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Domicile policy",
    **_object(
        {
            "name": _TEXT,
            "version": _whole(1, MAX_VERSION),
            "regions": {"enum": list(EDITIONS)},
            "zone": {"type": "string"},
            "rules": {"type": "array", "items": _RULE, "minItems": 1, "maxItems": MAX_RULES},
            "retention": _RETENTION,
            "assertions": {
                "type": "array",
                "items": _ASSERTION,
                "minItems": 1,
                "maxItems": MAX_ASSERTIONS,
            },
            "own_entities": {
                "type": "array",
                "items": _OWN,
                "minItems": 1,
                "maxItems": MAX_OWN,
            },
            "ignored": {
                "type": "array",
                "items": _IGNORED,
                "minItems": 1,
                "maxItems": MAX_IGNORED,
            },
        },
        required=["name", "version", "rules"],
    ),
}

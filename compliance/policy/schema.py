"""The JSON Schema (2020-12) of a policy document, made from the values that `rules` reads.

It says less than `rules.parse` (rule ids must differ, members must not repeat): the
parser judges, the schema helps editors and the console.
"""

from __future__ import annotations

from typing import Any

from compliance.policy.rules import MAX_DAYS, MAX_RULES, MAX_VERSION, RETENTION
from compliance.vocabulary import Category, Effect

_TEXT: dict[str, Any] = {"type": "string", "pattern": r"\S"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}
_CATEGORIES: dict[str, Any] = {**_TEXTS, "items": {"enum": list(Category)}}

_CONDITION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "categories": _CATEGORIES,
        "entities": _TEXTS,
        "names_unchecked": {"type": "boolean"},
        "applications": _TEXTS,
        "applications_except": _TEXTS,
        "models": _TEXTS,
    },
    "not": {"required": ["applications", "applications_except"]},
}

_RULE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "description", "when", "effect"],
    "properties": {
        "id": _TEXT,
        "description": _TEXT,
        "when": _CONDITION,
        "effect": {"enum": list(Effect)},
        "sites": _TEXTS,
    },
}

_RETENTION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        name: {"type": "integer", "minimum": least, "maximum": MAX_DAYS}
        for name, least in RETENTION.items()
    },
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Domicile policy",
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "version", "rules"],
    "properties": {
        "name": _TEXT,
        "version": {"type": "integer", "minimum": 1, "maximum": MAX_VERSION},
        "rules": {"type": "array", "items": _RULE, "minItems": 1, "maxItems": MAX_RULES},
        "retention": _RETENTION,
    },
}

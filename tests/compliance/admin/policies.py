"""People at the console's pages of policies, and what they type there."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from compliance.models import PolicyDraft, PolicyVersion
from compliance.versions import drafts, load
from compliance.versions.chain import Loaded
from tests.compliance.admin.forms import typed

WHOLE = {
    "id": "whole",
    "description": "Health data of patients stays in Germany.",
    "when": {
        "categories": ["special"],
        "entities": ["HEALTH"],
        "at_least": 2,
        "names_unchecked": True,
        "applications_except": ["triage"],
        "purposes": ["Care, of patients"],
        "legal_bases": ["6-1-e"],
        "owners": ["Ward 3"],
        "declared": ["special"],
        "subject_countries": ["DE", "NL"],
        "high_risk": False,
        "models": ["smollm2-135m-instruct"],
        "licences": ["Apache-2.0"],
        "publishers": ["HuggingFaceTB"],
        "restricted": False,
        "request_class": "batch",
        "tools_offered": True,
        "tools": ["lookup"],
        "hours": {"days": [1, 5], "from": "08:00", "to": "18:00"},
    },
    "effect": "pseudonymise",
    "where": {
        "sites": ["home"],
        "countries": ["DE", "FR"],
        "regions": ["EEA"],
        "operators": ["Clinic"],
        "certifications": ["ISO 27001"],
        "attested_within": 5400,
        "witnessed_within": 86400,
    },
    "obligations": {
        "content_days": 0,
        "mark_output": True,
        "max_tokens": 1000,
        "models": ["smollm2-135m-instruct"],
        "review": True,
        "withhold_reasoning": True,
        "realistic_pseudonyms": True,
        "mask_answers": ["personal"],
        "block_answers": ["payment", "credential"],
    },
}
"""A rule that uses every member of the language but `applications`."""


def drafted(person: User, *rules: dict[str, Any], **more: Any) -> PolicyDraft:
    """A draft of the active version with more rules."""
    draft = drafts.start(person, based_on=None, note="More rules.")
    document = json.loads(draft.document)
    document |= {**more, "rules": [*document["rules"], *rules]}
    return drafts.save(draft, json.dumps(document), person=person, seen=draft.revision)


def rules_of(draft: PolicyDraft) -> dict[str, dict[str, Any]]:
    """The rules that are stored, by id."""
    draft.refresh_from_db()
    return {rule["id"]: rule for rule in json.loads(draft.document)["rules"]}


def rule_page(draft: PolicyDraft, **asked: str) -> str:
    return reverse("admin:policy_rule", args=[draft.pk], query=asked or None)


def opened(client: Client, address: str) -> dict[str, Any]:
    """The fields of a page's form, as they are drawn."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return typed(answer)


def saves(client: Client, address: str, fields: dict[str, Any], **changed: Any) -> Any:
    """Send a form with some fields typed anew."""
    return client.post(address, {**fields, **changed, "save": "1"})


def page(version: PolicyVersion, name: str) -> str:
    return reverse(f"admin:policy_{name}", args=[version.pk])


def in_force() -> Loaded:
    """The version by which requests are decided."""
    active = load.standing().active
    assert active is not None
    return active

"""What the gate's events say of a request, its decision and its place."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.gate.refusals import Refused
from compliance.policy import recorded
from compliance.policy.canonical import rule_digest
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    Append,
    Content,
    Decision,
    Effect,
    Event,
    Facts,
    Hold,
    Obligations,
    Place,
    RecordUnavailable,
    Request,
    Scan,
)

WITHHELD = "(withheld)"
"""In place of the name of a function in which something was found: names are no values."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request that was decided on: what was found in it, what was known, what follows."""

    request: Request
    found: Scan
    facts: Facts
    decision: Decision
    ignored: Mapping[str, int] = field(default_factory=dict)  # findings left out, by definition


def now() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


async def record(append: Append, events: Sequence[Event]) -> None:
    """Append; raises `Refused` where the record does not take them."""
    try:
        await append(events)
    except RecordUnavailable as error:
        raise Refused("record_unavailable", str(error)) from error


def event(
    request: Request,
    kind: str,
    detail: Mapping[str, Any],
    content: Content | None = None,
    hold: Hold | None = None,
    *,
    uses: str | None = None,
) -> Event:
    """An event of a request, labelled as its application's."""
    application = request.application
    return Event(
        type=kind,
        time=now(),
        detail=detail,
        request=request.id,
        application=application.id,
        label_key=application.label_key,
        content=content,
        hold=hold,
        uses=uses,
    )


def who(request: Request) -> dict[str, Any]:
    """Who asked, for what, on which ground."""
    application = request.application
    return {
        "application": {"id": application.id, "name": application.name},
        "api_key": request.api_key,
        "endpoint": request.endpoint.value,
        "legal_basis": application.legal_basis,
        "model": request.model,
        "purpose": application.purpose,
        "received": request.received,
        "ropa_reference": application.ropa_reference,
        "stream": request.stream,
        "subjects": list(request.subjects),
    }


def about(case: Case) -> dict[str, Any]:
    """Who asked, what was known, and what the policy said."""
    return who(case.request) | decided(case)


def decided(case: Case) -> dict[str, Any]:
    """What was known, and what the policy said; obligations and the like only where any is."""
    decision, found = case.decision, case.found
    told: dict[str, Any] = {
        "decision": decision.effect.value,
        "facts": recorded.written(_without_found(case)),
        "findings": dict(Counter(finding.entity for finding in found.findings)),
        "categories": dict(Counter(finding.category.value for finding in found.findings)),
        "languages": list(found.languages),
        "names_unchecked": found.names_unchecked,
        "policy": {
            "name": decision.policy,
            "version": decision.version,
            "digest": decision.digest,
        },
        "rules": list(decision.rules),
        "reasons": list(decision.reasons),
        "rules_not_enforced": list(decision.not_enforced),
    }
    if obliged := obligations(decision.obligations):
        told["obligations"] = obliged
    if decision.held_by:
        told["held_by"] = list(decision.held_by)
    if decision.effect is Effect.BLOCK:
        told["blocked_by"] = list(decision.blocked_by)
    if case.ignored:
        told["ignored"] = dict(case.ignored)
    if decision.excluded:
        told["excluded"] = dict(decision.excluded)
    return told


def rule_digests(policy: Policy, rules: Collection[str]) -> dict[str, str]:
    """By id: what those of the rules that the version has say, see `policy.rule_digest`."""
    return {rule.id: rule_digest(policy, rule) for rule in policy.rules if rule.id in rules}


def _without_found(case: Case) -> Facts:
    """The facts, without the names of functions in which something was found."""
    if not case.facts.tools or not case.found.findings:
        return case.facts
    texts = case.request.segments
    touched = {texts[finding.segment].text for finding in case.found.findings}
    tools = frozenset(WITHHELD if name in touched else name for name in case.facts.tools)
    return replace(case.facts, tools=tools)


def obligations(given: Obligations) -> dict[str, Any]:
    """Those that oblige to something."""
    said: dict[str, Any] = {}
    if given.content_days is not None:
        said["content_days"] = given.content_days
    if given.mark_output:
        said["mark_output"] = True
    if given.max_tokens is not None:
        said["max_tokens"] = given.max_tokens
    if given.models is not None:
        said["models"] = sorted(given.models)
    if given.review:
        said["review"] = True
    if given.withhold_reasoning:
        said["withhold_reasoning"] = True
    if given.realistic_pseudonyms:
        said["realistic_pseudonyms"] = True
    if given.mask_answers is not None:
        said["mask_answers"] = sorted(given.mask_answers)
    if given.block_answers is not None:
        said["block_answers"] = sorted(given.block_answers)
    return said


def where(place: Place) -> dict[str, Any]:
    """Where a request is to be answered, and by which model."""
    return {
        "site": place.site,
        "country": place.country,
        "model_digest": place.model_digest,
        "licence": place.licence,
    }

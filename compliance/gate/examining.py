"""Texts that an application only wants to know about: detect and record, for no model.

No policy decides here, since nothing goes anywhere: the application has the texts already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from compliance.detection.processes.examined import Examined, joined
from compliance.gate.refusals import Refused
from compliance.gate.said import now, record
from compliance.policy.ignored import counted
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    Append,
    Application,
    DetectionFailed,
    Event,
    Finding,
    OwnEntity,
    Segment,
)

Examiner = Callable[[Sequence[str], Sequence[OwnEntity]], Awaitable[list[Examined]]]
"""What stands in each of the texts, own entities among it; raises `DetectionFailed`."""

ENDPOINT = "privacy.scan"


@dataclass(frozen=True, slots=True)
class Question:
    """What an application wants to know, and who asks; the members are those of `Request`."""

    id: str
    application: Application
    api_key: str
    texts: tuple[str, ...]
    policy: Policy  # says what is looked for besides, and what does not count
    subjects: tuple[str, ...]
    received: int


async def examine(question: Question, *, scan: Examiner, append: Append) -> list[Examined]:
    """What stands in each text; returns once `privacy.scanned` is durable.

    Raises `Refused` (`detection_unavailable`, `record_unavailable`).
    """
    try:
        everything = await scan(question.texts, question.policy.own_entities)
    except DetectionFailed as error:
        reason = "detection_unavailable"
        detail = {**_who(question), "reason": reason}
        await record(append, [_event(question, "privacy.refused", detail)])
        raise Refused(reason, str(error)) from error
    found, ignored = _counted(question, everything)
    detail = _who(question) | _found(found) | ({"ignored": ignored} if ignored else {})
    await record(append, [_event(question, "privacy.scanned", detail)])
    return found


def _event(question: Question, kind: str, detail: Mapping[str, Any]) -> Event:
    application = question.application
    return Event(
        type=kind,
        time=now(),
        detail=detail,
        request=question.id,
        application=application.id,
        label_key=application.label_key,
    )


def _who(question: Question) -> dict[str, Any]:
    application = question.application
    return {
        "application": {"id": application.id, "name": application.name},
        "api_key": question.api_key,
        "endpoint": ENDPOINT,
        "legal_basis": application.legal_basis,
        "purpose": application.purpose,
        "received": question.received,
        "ropa_reference": application.ropa_reference,
        "subjects": list(question.subjects),
        "texts": len(question.texts),
    }


def _counted(
    question: Question, texts: Sequence[Examined]
) -> tuple[list[Examined], dict[str, int]]:
    """What counts in each text, and how many findings each definition left out."""
    if not question.policy.ignored:
        return list(texts), {}
    segments = [Segment("", text) for text in question.texts]
    name = question.application.name
    scan, ignored = counted(question.policy, name, segments, joined(texts))
    kept: list[list[Finding]] = [[] for _ in texts]
    for finding in scan.findings:
        kept[finding.segment].append(replace(finding, segment=0))
    found = [replace(of, findings=tuple(one)) for of, one in zip(texts, kept, strict=True)]
    return found, dict(ignored)


def _found(texts: Sequence[Examined]) -> dict[str, Any]:
    """Counts of what was found; nothing of a text."""
    findings = [finding for text in texts for finding in text.findings]
    return {
        "findings": dict(Counter(finding.entity for finding in findings)),
        "categories": dict(Counter(finding.category.value for finding in findings)),
        "languages": sorted({language for text in texts for language in text.languages}),
        "names_unchecked": any(text.names_unchecked for text in texts),
    }

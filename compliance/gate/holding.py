"""A request that a person must look at first: its text set aside, and the event that says so.

The text is what the model would get once the rules that hold it are satisfied, and is kept for
the approver even where content is otherwise never kept. Its key is the hold's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Never

import orjson

from compliance.audit import subjects
from compliance.gate import said
from compliance.gate.refusals import Held, Refused
from compliance.gate.said import Case
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    Append,
    Content,
    Hold,
    Holder,
    RecordUnavailable,
    Request,
    Scan,
    TooManyHolds,
)

KIND = "request.held"


async def hold(
    case: Case,
    body: Mapping[str, Any],
    *,
    policy: Policy,
    append: Append,
    holder: Holder,
    subject_key: bytes | None,
) -> Never:
    """Set `body` aside, record that the request waits, and raise `Held`.

    What an approval will be for goes on the record: the request, and the rules as they are.
    Raises `Refused` where one of both cannot be done.
    """
    request, decision = case.request, case.decision
    content, held = await _kept(request, body, append, holder)
    held = replace(held, rules=decision.held_by)
    content = replace(content, subjects=_about(request, case.found, subject_key))
    detail = said.about(case) | {
        "hold": request.id,
        "expires": held.expires,
        "binding": held.binding,
        "rule_digests": said.rule_digests(policy, held.rules),
    }
    try:
        await said.record(append, [said.event(request, KIND, detail, content, held)])
    except Refused:
        await holder.forget(request.id)
        raise
    raise Held(decision, detail["findings"], request.id, held.expires)


async def _kept(
    request: Request, body: Mapping[str, Any], append: Append, holder: Holder
) -> tuple[Content, Hold]:
    text = await asyncio.to_thread(orjson.dumps, body)
    try:
        return await holder.keep(request, text)
    except TooManyHolds as error:
        reason = "too_many_holds"
        detail = said.who(request) | {"reason": reason}
        await said.record(append, [said.event(request, "request.refused", detail)])
        raise Refused(reason, str(error)) from error
    except RecordUnavailable as error:
        raise Refused("record_unavailable", str(error)) from error


def _about(request: Request, found: Scan, key: bytes | None) -> tuple[str, ...]:
    """The persons that the text may be about: named by the caller, or found in it."""
    if key is None:
        return request.subjects
    texts = request.segments
    values = (
        (finding.entity, texts[finding.segment].text[finding.start : finding.end])
        for finding in found.findings
    )
    return tuple(dict.fromkeys((*request.subjects, *subjects.found(key, values))))

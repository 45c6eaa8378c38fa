"""The one gate: nothing unchecked reaches a model, and nothing happens unrecorded.

`admit` detects, decides, records and clears, in this order, for every endpoint. It is given
all that it needs: how to scan, how to append, how to choose a place, how to seal to it. What
it cannot do, it refuses; what it admits owes exactly one terminal event, which `conclude`
appends.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from compliance.audit import contents
from compliance.audit.entry import EntryInvalid
from compliance.detection.pseudonyms import Treated, Unreplaceable, treat
from compliance.detection.segments import replaced
from compliance.policy.decide import decide
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    Append,
    Category,
    Content,
    Decision,
    DetectionFailed,
    Effect,
    Event,
    Facts,
    NoRoute,
    Place,
    RecordUnavailable,
    Request,
    Route,
    Scan,
    Scanner,
    Seal,
)

TicketT = TypeVar("TicketT")
Coverage = frozenset[tuple[Category, str]]
LONG = 65_536  # characters of a request from which treating them could hold up others


class Blocked(Exception):
    """The policy says no. The event is on the record."""

    def __init__(self, decision: Decision, findings: Mapping[str, int]) -> None:
        super().__init__("; ".join(decision.reasons) or "No rule of the policy allows this.")
        self.decision = decision
        self.findings = findings


class Refused(Exception):
    """The request could not be checked, recorded or placed, and so does not happen.

    `reason` is one of `detection_unavailable`, `record_unavailable`, `no_route` and
    `clearance_unavailable`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True)
class Admitted(Generic[TicketT]):
    """A request that may run: where, with which text, and how to undo its pseudonyms.

    Owned by the one task that answers the request; `place`, `attempt` and `ticket` change
    when `reissue` sends it again. `subjects` are whom its kept content may be about.
    """

    request: Request
    decision: Decision
    body: Mapping[str, Any]
    pseudonyms: Mapping[str, str]  # token -> the value it stands for
    place: Place
    ticket: TicketT
    attempt: int = 1
    subjects: tuple[str, ...] = ()

    @property
    def keeps(self) -> bool:
        """Whether what was asked and answered is kept."""
        return self.request.application.content_days > 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an admitted request ended: `completed`, `failed` or `cancelled`.

    `detail` goes into the event as it is: the receipt, a reason, token counts. `choices` are
    what the caller got, as JSON text; kept where the request's application keeps content.
    """

    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    choices: bytes | None = None


def now() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


async def admit(
    request: Request,
    *,
    scan: Scanner,
    policy: Policy,
    coverage: Coverage,
    append: Append,
    route: Route,
    seal: Seal[TicketT],
    subject_key: bytes | None = None,
) -> Admitted[TicketT]:
    """Check, decide, record and clear one request.

    `subject_key` blinds the identifiers found in what is kept; without it, a request whose
    content is to be kept raises ValueError.

    Returns only after `request.admitted` is durable. Raises `Blocked` where the policy says
    no and `Refused` where something failed; both are on the record, unless the record itself
    is what failed.
    """
    found = await _scanned(request, scan, append)
    facts = Facts(
        application=request.application.name,
        model=request.model,
        entities=Counter((finding.category, finding.entity) for finding in found.findings),
        names_unchecked=found.names_unchecked,
    )
    decision = decide(policy, facts, coverage)
    if decision.effect is Effect.BLOCK:
        await _block(request, decision, found, append)
    try:
        treated = await _treated(request, found, decision)
    except Unreplaceable as error:
        await _block(request, _blocked_by_place(decision, error), found, append)
    try:
        place = route(request.model, decision.sites)
    except NoRoute as error:
        await _refuse(request, "no_route", str(error), append)
    body = replaced(request.body, treated.texts)
    detail = _about(request, decision, found) | {"attempt": 1} | _where(place)
    content = _kept(request, found, subject_key)
    await _record(append, [_event(request, "request.admitted", detail, content)])
    ticket = await _sealed(request, body, place, append, seal)
    about = content.subjects if content else ()
    return Admitted(request, decision, body, treated.pseudonyms, place, ticket, subjects=about)


async def reissue(
    admitted: Admitted[TicketT], why: str, *, append: Append, route: Route, seal: Seal[TicketT]
) -> None:
    """Clear an admitted request once more, to whatever place answers now.

    For a node that fell silent before it streamed anything. Raises `Refused`; the caller
    then concludes the request as failed.
    """
    request, attempt = admitted.request, admitted.attempt + 1
    try:
        place = route(request.model, admitted.decision.sites)
    except NoRoute as error:
        raise Refused("no_route", str(error)) from error
    detail = {"attempt": attempt, "reason": why} | _where(place)
    await _record(append, [_event(request, "request.attempt", detail)])
    admitted.ticket = seal(request, admitted.body, place, attempt)
    admitted.place, admitted.attempt = place, attempt


async def conclude(admitted: Admitted[TicketT], outcome: Outcome, append: Append) -> None:
    """Append the terminal event; raises `RecordUnavailable`."""
    detail = {"attempts": admitted.attempt, "site": admitted.place.site, **outcome.detail}
    content = None
    if outcome.choices is not None and admitted.keeps:
        content = contents.output(admitted.request, outcome.choices, admitted.subjects)
    await append([_event(admitted.request, f"request.{outcome.kind}", detail, content)])


async def _scanned(request: Request, scan: Scanner, append: Append) -> Scan:
    try:
        return await scan(request.segments)
    except DetectionFailed as error:
        await _refuse(request, "detection_unavailable", str(error), append)
    raise AssertionError  # _refuse always raises


async def _treated(request: Request, found: Scan, decision: Decision) -> Treated:
    """The texts that the model gets, worked out beside the event loop where they are long."""
    if sum(len(segment.text) for segment in request.segments) < LONG:
        return treat(request.segments, found, decision.treatments)
    return await asyncio.to_thread(treat, request.segments, found, decision.treatments)


def _kept(request: Request, found: Scan, subject_key: bytes | None) -> Content | None:
    try:
        return contents.prompt(request, found, subject_key)
    except (EntryInvalid, TypeError) as error:  # TypeError is orjson's
        raise Refused("record_unavailable", "The request cannot be written down.") from error


async def _sealed(
    request: Request, body: Mapping[str, Any], place: Place, append: Append, seal: Seal[TicketT]
) -> TicketT:
    try:
        return seal(request, body, place, 1)
    except Exception as error:
        detail = {"reason": "clearance_unavailable", "site": place.site}
        with suppress(RecordUnavailable):  # a terminal event is kept until it can be written
            await append([_event(request, "request.failed", detail)])
        raise Refused(
            "clearance_unavailable", f"The request could not be sealed for site {place.site}."
        ) from error


async def _block(request: Request, decision: Decision, found: Scan, append: Append) -> None:
    detail = _about(request, decision, found)
    await _record(append, [_event(request, "request.blocked", detail)])
    raise Blocked(decision, detail["findings"])


async def _refuse(request: Request, reason: str, message: str, append: Append) -> None:
    detail = _who(request) | {"reason": reason}
    await _record(append, [_event(request, "request.refused", detail)])
    raise Refused(reason, message)


async def _record(append: Append, events: Sequence[Event]) -> None:
    try:
        await append(events)
    except RecordUnavailable as error:
        raise Refused("record_unavailable", str(error)) from error


def _blocked_by_place(decision: Decision, error: Unreplaceable) -> Decision:
    return Decision(
        effect=Effect.BLOCK,
        treatments=decision.treatments,
        rules=decision.rules,
        reasons=(*decision.reasons, str(error)),
        policy=decision.policy,
        version=decision.version,
        digest=decision.digest,
        sites=decision.sites,
        not_enforced=decision.not_enforced,
    )


def _event(
    request: Request, kind: str, detail: Mapping[str, Any], content: Content | None = None
) -> Event:
    application = request.application
    return Event(
        type=kind,
        time=now(),
        detail=detail,
        request=request.id,
        application=application.id,
        label_key=application.label_key,
        content=content,
    )


def _who(request: Request) -> dict[str, Any]:
    application = request.application
    return {
        "application": {"id": application.id, "name": application.name},
        "api_key": request.api_key,
        "endpoint": request.endpoint,
        "legal_basis": application.legal_basis,
        "model": request.model,
        "purpose": application.purpose,
        "received": request.received,
        "ropa_reference": application.ropa_reference,
        "stream": request.stream,
        "subjects": list(request.subjects),
    }


def _about(request: Request, decision: Decision, found: Scan) -> dict[str, Any]:
    return _who(request) | {
        "decision": decision.effect.value,
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


def _where(place: Place) -> dict[str, Any]:
    return {
        "site": place.site,
        "country": place.country,
        "model_digest": place.model_digest,
        "licence": place.licence,
    }

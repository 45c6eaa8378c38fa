"""admit(): detect, decide, record and clear, in this order, for every endpoint."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Never, TypeVar

from compliance.audit import contents
from compliance.audit.entry import EntryInvalid
from compliance.detection.pseudonyms import Treated, Unreplaceable, treat
from compliance.detection.segments import replaced
from compliance.gate import duties, holding, said
from compliance.gate.refusals import Blocked, HoldSpent, Refused
from compliance.gate.said import Case
from compliance.policy.decide import decide
from compliance.policy.ignored import counted
from compliance.policy.rules import Policy
from compliance.vocabulary import (
    Append,
    Approval,
    ApprovalSpent,
    Category,
    Content,
    Decision,
    DetectionFailed,
    Effect,
    Endpoint,
    Facts,
    Holder,
    NoRoute,
    Place,
    RecordUnavailable,
    Request,
    Route,
    Scan,
    Scanner,
    Seal,
    Serving,
)

TicketT = TypeVar("TicketT")
Coverage = frozenset[tuple[Category, str]]
Serves = Callable[[str], Serving]
"""What is known of a requested model and of the sites that serve it."""

NO_HOLDER = "Requests that a person must look at first cannot be kept here."
LONG = 65_536  # characters of a request from which treating them could hold up others


@dataclass(slots=True)
class Admitted(Generic[TicketT]):
    """A request that may run: where, with which text, and how to undo its pseudonyms.

    Owned by the one task that answers the request; `place`, `attempt` and `ticket` change
    when `reissue` sends it again, and with them all that was decided when `readmit` does.
    `found` is all that was found, also what the policy ignores.
    `subjects` are whom its kept content may be about; `approved` are the rules whose hold a
    person approved, with their digests.
    """

    request: Request
    decision: Decision
    body: Mapping[str, Any]
    pseudonyms: Mapping[str, str]  # token, or a name's form -> the value it stands for
    place: Place
    ticket: TicketT
    found: Scan
    attempt: int = 1
    subjects: tuple[str, ...] = ()
    approved: Mapping[str, str] = field(default_factory=dict)

    @property
    def keeps(self) -> bool:
        """Whether what was asked and answered is kept."""
        return self.request.application.content_days > 0

    @property
    def max_tokens(self) -> int | None:
        """The bound on the answer that the policy set in place of the caller's, if it did."""
        return duties.lowered(self.request.body, self.body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an admitted request ended: `completed`, `failed` or `cancelled`.

    `detail` goes into the event as it is: the receipt, a reason, token counts. `choices` are
    what the caller got, as JSON text; kept where the request's application keeps content.
    """

    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    choices: bytes | None = None


async def admit(
    request: Request,
    *,
    scan: Scanner,
    policy: Policy,
    coverage: Coverage,
    append: Append,
    route: Route,
    seal: Seal[TicketT],
    serving: Serves,
    subject_key: bytes | None = None,
    holder: Holder | None = None,
    approval: Approval | None = None,
) -> Admitted[TicketT]:
    """Check, decide, record and clear one request.

    `subject_key` blinds the identifiers found in what is kept; without it, a request whose
    content is to be kept raises ValueError. `holder` sets aside what a person must look at
    first; without one such a request is refused. `approval` is what a person said of this
    request when it was held: it satisfies the rules that held it, and no others. Where others
    hold it now, it is held by these and those together.

    Returns only after `request.admitted` is durable. Raises `Blocked` where the policy says
    no, `Held` where a person must look at it, `HoldSpent` where the approval did not last, and
    `Refused` where something failed; all are on the record, unless the record itself is what
    failed.
    """
    all_found = await _scanned(request, scan, policy, append)
    found, ignored = counted(policy, request.application.name, request.segments, all_found)
    approved = approval.rules if approval else {}
    satisfied = unchanged(policy, approved)
    facts = known(request, found, serving)
    decision = decide(policy, facts, coverage, satisfied)
    if satisfied and decision.effect is Effect.HOLD:
        # A new hold is for all that holds the request: its approval must do alone.
        decision = decide(policy, facts, coverage)
    case = Case(request, found, facts, decision, ignored)
    if case.decision.effect is Effect.BLOCK:
        await _block(case, append)
    if case.decision.effect is Effect.HOLD:
        if holder is None:
            await _refuse(request, "record_unavailable", NO_HOLDER, append)
        body, _ = await _sent(case, append)  # treated as it will be once it is approved
        await holding.hold(
            case,
            body,
            policy=policy,
            append=append,
            holder=holder,
            subject_key=subject_key,
        )
    body, pseudonyms = await _sent(case, append)
    place = await _placed(case, append, route)
    detail = said.about(case) | {"attempt": 1} | said.where(place)
    if (lowered := duties.lowered(request.body, body)) is not None:
        detail["max_tokens"] = lowered
    request = duties.kept_for(request, case.decision.obligations)
    content = _kept(request, all_found, subject_key)
    await _recorded(request, approval, detail, content, append)
    return Admitted(
        request=request,
        decision=case.decision,
        body=body,
        pseudonyms=pseudonyms,
        place=place,
        ticket=await _sealed(request, body, place, append, seal),
        found=all_found,
        subjects=content.subjects if content else (),
        approved=approved,
    )


async def conclude(admitted: Admitted[TicketT], outcome: Outcome, append: Append) -> None:
    """Append the terminal event; raises `RecordUnavailable`."""
    detail = {"attempts": admitted.attempt, "site": admitted.place.site, **outcome.detail}
    content = None
    if outcome.choices is not None and admitted.keeps:
        content = contents.output(admitted.request, outcome.choices, admitted.subjects)
    await append([said.event(admitted.request, f"request.{outcome.kind}", detail, content)])


def known(request: Request, found: Scan, serving: Serves) -> Facts:
    """All that a policy may look at, as things stand now."""
    application = request.application
    return Facts(
        application=application.name,
        model=request.model,
        entities=Counter((finding.category, finding.entity) for finding in found.findings),
        names_unchecked=found.names_unchecked,
        time=said.now(),
        purpose=application.purpose,
        legal_basis=application.legal_basis,
        owner=application.owner,
        declared=application.declared,
        subject_countries=application.subject_countries,
        high_risk=application.high_risk,
        request_class=request.request_class,
        tools=frozenset(
            str(tool["function"]["name"]) for tool in request.body.get("tools") or ()
        ),
        serving=serving(request.model),
        endpoint=request.endpoint,
    )


def unchanged(policy: Policy, approved: Mapping[str, str]) -> frozenset[str]:
    """The rules that a person approved and that still say what they said then."""
    now = said.rule_digests(policy, approved)
    return frozenset(rule for rule, digest in now.items() if approved[rule] == digest)


async def treated(request: Request, found: Scan, decision: Decision) -> Treated:
    """The texts that the model gets, worked out beside the event loop where they are long.

    Texts that become vectors are numbered each by itself: an index must find a text again by
    the same vector, whatever it was sent with. Raises `Unreplaceable`.
    """
    named = decision.obligations.realistic_pseudonyms
    work = partial(
        treat,
        request.segments,
        found,
        decision.treatments,
        apart=request.endpoint is Endpoint.EMBEDDINGS,
        key=request.application.label_key if named else None,
    )
    if sum(len(segment.text) for segment in request.segments) < LONG:
        return work()
    return await asyncio.to_thread(work)


def written(request: Request, texts: Treated, decision: Decision) -> Mapping[str, Any]:
    """The body that the model gets."""
    return duties.bounded(replaced(request.body, texts.texts), decision.obligations)


def nowhere(error: NoRoute, decision: Decision) -> str:
    """Why no place is left, with the rules that leave sites out."""
    left_out = [f"{site} (rule {rule})" for site, rule in sorted(decision.excluded.items())]
    if not left_out:
        return str(error)
    return f"{error} The policy leaves out: {', '.join(left_out)}."


def blocked_by_place(decision: Decision, error: Unreplaceable) -> Decision:
    """The decision where something stands that would have to be changed and cannot be."""
    return replace(decision, effect=Effect.BLOCK, reasons=(*decision.reasons, str(error)))


async def _scanned(request: Request, scan: Scanner, policy: Policy, append: Append) -> Scan:
    try:
        return await scan(request.segments, policy.own_entities)
    except DetectionFailed as error:
        await _refuse(request, "detection_unavailable", str(error), append)


async def _sent(case: Case, append: Append) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """The body that the model gets, and what its pseudonyms stand for."""
    try:
        texts = await treated(case.request, case.found, case.decision)
    except Unreplaceable as error:
        case = replace(case, decision=blocked_by_place(case.decision, error))
        await _block(case, append)
    return written(case.request, texts, case.decision), texts.pseudonyms


async def _placed(case: Case, append: Append, route: Route) -> Place:
    try:
        return route(case.request.model, case.decision.sites)
    except NoRoute as error:
        words = nowhere(error, case.decision)
        await _refuse(case.request, "no_route", words, append, said.about(case))


async def _recorded(
    request: Request,
    approval: Approval | None,
    detail: dict[str, Any],
    content: Content | None,
    append: Append,
) -> None:
    """Put the admission on the record; the approval, where it took one, is used up by that."""
    kind = "request.admitted"
    if approval is None:
        await said.record(append, [said.event(request, kind, detail, content)])
        return
    detail["hold"] = approval.hold
    event = said.event(request, kind, detail, content, uses=approval.hold)
    try:
        await append([event])
    except ApprovalSpent:
        await _spent(request, approval, append)
    except RecordUnavailable as error:
        raise Refused("record_unavailable", str(error)) from error
    approval.used()  # nothing may be awaited from here on: what is admitted owes an end


async def _spent(request: Request, approval: Approval, append: Append) -> Never:
    try:
        why = await approval.ended()
    except RecordUnavailable as error:
        raise Refused("record_unavailable", str(error)) from error
    detail = said.who(request) | {"reason": "hold_spent", "hold": approval.hold}
    await said.record(append, [said.event(request, "request.refused", detail)])
    raise HoldSpent(why)


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
            await append([said.event(request, "request.failed", detail)])
        raise Refused(
            "clearance_unavailable", f"The request could not be sealed for site {place.site}."
        ) from error


async def _block(case: Case, append: Append) -> Never:
    detail = said.about(case)
    await said.record(append, [said.event(case.request, "request.blocked", detail)])
    raise Blocked(case.decision, detail["findings"])


async def _refuse(
    request: Request,
    reason: str,
    message: str,
    append: Append,
    detail: Mapping[str, Any] | None = None,
) -> Never:
    detail = {**(detail or said.who(request)), "reason": reason}
    await said.record(append, [said.event(request, "request.refused", detail)])
    raise Refused(reason, message)

"""An admitted request that needs another ticket: an attempt failed, or a policy is newer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from compliance.detection.pseudonyms import Unreplaceable
from compliance.gate import duties, said
from compliance.gate.admission import (
    Admitted,
    Coverage,
    Serves,
    blocked_by_place,
    known,
    nowhere,
    treated,
    unchanged,
    written,
)
from compliance.gate.refusals import Blocked, Refused
from compliance.gate.said import Case
from compliance.policy.decide import decide
from compliance.policy.ignored import counted
from compliance.policy.rules import Policy
from compliance.vocabulary import Append, Decision, Effect, NoRoute, Place, Request, Route, Seal

TicketT = TypeVar("TicketT")
REDECIDED = "request.redecided"
HELD_NOW = "A person must approve this request by now; send it again to have it held."


async def reissue(
    admitted: Admitted[TicketT], why: str, *, append: Append, route: Route, seal: Seal[TicketT]
) -> None:
    """Clear an admitted request once more, to whatever place answers now.

    For a node that fell silent, or failed, before it streamed anything. Raises `Refused`; the
    caller then concludes the request as failed.
    """
    request, attempt = admitted.request, admitted.attempt + 1
    place = _placed(admitted, admitted.decision, route)
    detail = {"attempt": attempt, "reason": why} | said.where(place)
    await said.record(append, [said.event(request, "request.attempt", detail)])
    admitted.ticket = _sealed(seal, request, admitted.body, place, attempt)
    admitted.place, admitted.attempt = place, attempt


async def readmit(
    admitted: Admitted[TicketT],
    *,
    policy: Policy,
    coverage: Coverage,
    append: Append,
    route: Route,
    seal: Seal[TicketT],
    serving: Serves,
) -> None:
    """Decide an admitted request that nothing began anew, by the version active now.

    What was found in it stands; so does what a person approved, of rules that say the same.
    Its text is treated as the new decision says, so `body` and `pseudonyms` change. What was
    kept of it stays for as long as it was kept for. Appends `request.redecided`. Raises
    `Blocked` where the policy now says no or wants a person to look first, and `Refused` where
    no place is left or something failed; the caller then concludes the request as failed.
    """
    request, attempt = admitted.request, admitted.attempt + 1
    found, ignored = counted(policy, request.application.name, request.segments, admitted.found)
    facts = known(request, found, serving)
    decision = decide(policy, facts, coverage, unchanged(policy, admitted.approved))
    if decision.effect not in (Effect.BLOCK, Effect.HOLD):
        try:
            texts = await treated(request, found, decision)
        except Unreplaceable as error:
            decision = blocked_by_place(decision, error)
    detail = said.decided(Case(request, found, facts, decision, ignored)) | {"attempt": attempt}
    if decision.effect in (Effect.BLOCK, Effect.HOLD):
        await said.record(append, [said.event(request, REDECIDED, detail)])
        raise Blocked(_told(decision), detail["findings"])
    place = _placed(admitted, decision, route)
    await said.record(append, [said.event(request, REDECIDED, detail | said.where(place))])
    body = written(request, texts, decision)
    admitted.ticket = _sealed(seal, request, body, place, attempt)
    admitted.request = duties.kept_for(request, decision.obligations)
    admitted.decision, admitted.place, admitted.attempt = decision, place, attempt
    admitted.body, admitted.pseudonyms = body, texts.pseudonyms


def _placed(admitted: Admitted[TicketT], decision: Decision, route: Route) -> Place:
    try:
        return route(admitted.request.model, decision.sites)
    except NoRoute as error:
        raise Refused("no_route", nowhere(error, decision)) from error


def _sealed(
    seal: Seal[TicketT], request: Request, body: Mapping[str, Any], place: Place, attempt: int
) -> TicketT:
    try:
        return seal(request, body, place, attempt)
    except Exception as error:
        raise Refused(
            "clearance_unavailable", f"The request could not be sealed for site {place.site}."
        ) from error


def _told(decision: Decision) -> Decision:
    """As its caller is told: a request that was admitted cannot be held any more."""
    if decision.effect is Effect.BLOCK:
        return decision
    return replace(decision, reasons=(*decision.reasons, HELD_NOW))

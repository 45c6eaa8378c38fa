"""What ends an attempt: a receipt or a refusal, believed only where its node signed it.

Both name the ticket that they are for; one of another request, attempt or site is worth
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from compliance import gate
from compliance.gate import Admitted
from compliance.vocabulary import Append, Decision, Event, RecordUnavailable
from inference.clearance import ClearanceRefused, Receipt, verify_receipt
from inference.refusals import Refusal
from inference.refusals import verify as verify_refusal
from inference.relay import Receipted, Refused
from inference.snapshot import NodeRecord
from inference.statements import StatementRefused

log = structlog.get_logger(__name__)


class AnswerFailed(Exception):
    """There will be no (more) answer.

    `message` is safe to show; `param` names a parameter that the engine refused; `decision` is
    the one that ended a request which a former one had admitted.
    `code` is `engine_unavailable`, `receipt_invalid`, `caller_too_slow`, `deadline_exceeded`,
    `stopping`, `policy_blocked`, `no_route`, another reason of `gate.Refused`, or what the
    worker said.
    """

    def __init__(
        self,
        code: str,
        message: str,
        param: str | None = None,
        decision: Decision | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.decision = decision
        self.message = message
        self.param = param


@dataclass(frozen=True, slots=True)
class Cleared:
    """A sealed ticket, and the keys that its answer and its cancellation need."""

    id: str
    site: str
    queue: str
    envelope: bytes
    handle: int
    down_key: bytes
    up_key: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The last of an answer: the verified receipt, and its signed form for the record."""

    receipt: Receipt
    signed: Mapping[str, Any]


async def refusal_of(
    frame: Refused,
    admitted: Admitted[Cleared],
    nodes: Mapping[str, NodeRecord],
    append: Append,
) -> Refusal | None:
    """The refusal, on the record, if the node that it names signed it for this very attempt.

    `nodes` are all that are enrolled: one that is switched off or closed refuses rightly. None
    where none of them is named, which is as good as silence. Raises `AnswerFailed`.
    """
    try:
        name = frame.refusal["refusal"]["node"]
        if name not in nodes:
            return None
        refusal = verify_refusal(frame.refusal, nodes[name].public_key)
    except (KeyError, TypeError, StatementRefused):
        raise _invalid("refusal", "is not signed by a node of this appliance") from None
    request = admitted.request
    about = (refusal.ticket, refusal.request, refusal.attempt, refusal.site, nodes[name].site)
    place = admitted.place.site
    if about != (admitted.ticket.id, request.id, admitted.attempt, place, place):
        raise _invalid("refusal", "is for another ticket")
    event = Event(
        type="ticket.refused",
        time=gate.now(),
        detail={
            "node": refusal.node,
            "site": refusal.site,
            "reason": refusal.reason,
            "attempt": refusal.attempt,
            **frame.refusal,
        },
        request=request.id,
        application=request.application.id,
        label_key=request.application.label_key,
    )
    try:
        await append([event])
    except RecordUnavailable as error:
        raise AnswerFailed("record_unavailable", str(error)) from error
    return refusal


def finished(
    frame: Receipted,
    admitted: Admitted[Cleared],
    nodes: Mapping[str, NodeRecord],
    before: Mapping[str, NodeRecord],
) -> Finished:
    """The receipt, if the node that it names signed it for this very attempt.

    `nodes` are those that may work now, `before` those that might when the ticket was sent: a
    deployment that was switched off meanwhile ends what it began; a node that was, does not.
    """
    try:
        name = frame.receipt["receipt"]["node"]
        node = nodes[name]
        receipt = verify_receipt(frame.receipt, node.public_key)
    except (KeyError, TypeError, ClearanceRefused):
        raise _invalid("receipt", "is not signed by a node of this appliance") from None
    place = admitted.place
    if place.model not in {*node.models, *(before[name].models if name in before else ())}:
        raise _invalid("receipt", "is of a node that does not serve the model")
    for claimed, true, what in (
        (receipt.ticket, admitted.ticket.id, "another ticket"),
        (receipt.request, admitted.request.id, "another request"),
        (receipt.attempt, admitted.attempt, "another attempt"),
        (receipt.site, place.site, "another site"),
        (node.site, place.site, "a node of another site"),
        (receipt.model, place.model, "another model"),
        (receipt.weights, place.model_digest, "other weights"),
        (receipt.policy_digest, admitted.decision.digest, "another policy"),
    ):
        if claimed != true:
            raise _invalid("receipt", f"is for {what}")
    return Finished(receipt, frame.receipt)


def _invalid(what: str, reason: str) -> AnswerFailed:
    log.error("last_frame_invalid", kind=what, reason=reason)
    return AnswerFailed(
        "receipt_invalid", f"The node's {what} {reason}; the answer is not valid."
    )

"""The endpoints that run a model: one request, from its body to its last byte.

accept    who calls, what they ask, whether they may ask now     -> 4xx, 503
admit     the gate: detect, decide, record, clear                -> 403, 429, 503
answer    chunks as they come, or all at once, in `answering`
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compliance import gate
from compliance.gate import Admitted, Blocked, Held, HoldSpent, Refused
from compliance.vocabulary import Approval, Endpoint, Request, RequestClass, Segment
from inference.api import holds
from inference.api.answering import Answering
from inference.api.asked import Call
from inference.api.auth import UNKNOWN_PREFIX, Unauthorised, authenticated
from inference.api.body import CallerGone, parsed
from inference.api.completions import completion_call
from inference.api.embeddings import embedding_call
from inference.api.errors import APIError, limited, unavailable
from inference.api.http import Exchange
from inference.api.limits import Taken
from inference.api.measures import OF, REQUESTS, RUNNING
from inference.api.plane import Plane
from inference.api.protocol import chat_call
from inference.api.subjects import HEADER, subjects
from inference.api.texts import texts
from inference.dispatch import Cleared
from inference.routing import Overloaded, Passage, ServedModel
from inference.snapshot import Snapshot, SnapshotStale

PATHS: Mapping[str, Endpoint] = {
    "/v1/chat/completions": Endpoint.CHAT,
    "/v1/completions": Endpoint.COMPLETIONS,
    "/v1/embeddings": Endpoint.EMBEDDINGS,
}
_CHECKED: Mapping[Endpoint, Callable[[Any, Mapping[str, ServedModel]], Call]] = {
    Endpoint.CHAT: chat_call,
    Endpoint.COMPLETIONS: completion_call,
    Endpoint.EMBEDDINGS: embedding_call,
}
LONG = 65_536  # bytes of a body from which reading it could hold up other requests
BYTES_PER_TOKEN = 4  # a rough guess, replaced by the receipt's count when the answer has ended


@dataclass(slots=True)
class Accepted:
    """A request that may go to the gate. `snapshot` is kept to its last byte."""

    request: Request
    call: Call
    snapshot: Snapshot
    taken: Taken


async def answer(plane: Plane, exchange: Exchange, endpoint: Endpoint) -> None:
    """Answer one request to the endpoint. Raises nothing but cancellation."""
    RUNNING.inc()
    begun = time.monotonic()
    outcome = "refused"
    try:
        outcome = await _answered(plane, exchange, endpoint, begun)
    except CallerGone:
        outcome = "cancelled"  # before anything was admitted
    except APIError as error:
        await exchange.error(error)
    finally:
        RUNNING.dec()
        REQUESTS.labels(endpoint.value, outcome).inc()
        OF[endpoint].seconds.observe(time.monotonic() - begun)


async def _answered(plane: Plane, exchange: Exchange, endpoint: Endpoint, begun: float) -> str:
    accepted = await _accepted(plane, exchange, endpoint)
    exchange.add_headers(accepted.taken.headers)
    request = accepted.request
    passage = plane.traffic.passage(
        accepted.snapshot.routes,
        request.application.id,
        batch=request.request_class is RequestClass.BATCH,
    )
    answering: Answering | None = None
    try:
        with OF[endpoint].admission.time():
            admitted = await _admitted(plane, exchange, accepted, passage)
        answering = Answering(
            plane,
            exchange,
            call=accepted.call,
            admitted=admitted,
            passage=passage,
            begun=begun,
            policy=accepted.snapshot.policy,
        )
        return await answering.run()
    finally:
        passage.close()
        tokens = 0 if answering is None else answering.tokens(accepted.taken.tokens)
        plane.limits.settle(accepted.taken, tokens)


async def _accepted(plane: Plane, exchange: Exchange, endpoint: Endpoint) -> Accepted:
    """Who calls, what they ask, and whether they may; raises `APIError` and counts it."""
    prefix, registered = UNKNOWN_PREFIX, frozenset[str]()
    try:
        snapshot = plane.keeper.current()
        registered = snapshot.registered
        key, application = authenticated(exchange.headers.get(b"authorization", b""), snapshot)
        prefix = key.prefix
        content = await exchange.body()
        models = snapshot.models(application.id)
        if len(content) > LONG:
            call, found = await asyncio.to_thread(_read, content, endpoint, models)
        else:
            call, found = _read(content, endpoint, models)
        request = Request(
            id=exchange.request,
            application=application,
            api_key=key.prefix,
            endpoint=endpoint,
            model=call.model.name,
            stream=call.stream,
            body=call.body,
            segments=found,
            subjects=subjects(
                plane.subject_key, exchange.values(HEADER.lower().encode()), call.persons
            ),
            received=gate.now(),
            request_class=call.request_class,
        )
        need = len(content) // BYTES_PER_TOKEN + (call.answer_tokens or 0)
        return Accepted(
            request, call, snapshot, await plane.limits.take(application, request.id, need)
        )
    except SnapshotStale as error:
        plane.rejections.count(prefix, "stale_configuration")
        raise unavailable("stale_configuration", str(error)) from error
    except Unauthorised as error:
        plane.rejections.count(error.prefix, error.reason)
        raise
    except APIError as error:
        model = error.model if error.model in registered else ""
        plane.rejections.count(prefix, error.code or "invalid_request_error", model)
        raise


def _read(
    content: bytes, endpoint: Endpoint, models: Mapping[str, ServedModel]
) -> tuple[Call, tuple[Segment, ...]]:
    call = _CHECKED[endpoint](parsed(content), models)
    return call, texts(call.body)


async def _admitted(
    plane: Plane, exchange: Exchange, accepted: Accepted, passage: Passage
) -> Admitted[Cleared]:
    """The gate's word; a no as the caller is told it."""
    request, policy = accepted.request, accepted.snapshot.policy
    exchange.add_headers([(b"domicile-policy-version", str(policy.version).encode())])
    approval = await _approval(plane, exchange, request)
    try:
        admitted = await gate.admit(
            request,
            scan=plane.scan,
            policy=policy,
            coverage=plane.coverage(),
            append=plane.append,
            route=passage,
            seal=plane.dispatcher.sealer(policy.digest),
            serving=accepted.snapshot.serving,
            subject_key=plane.subject_key,
            holder=plane.holds,
            approval=approval,
        )
    except Held as error:
        exchange.add_headers([(b"domicile-decision", b"hold")])
        raise holds.held(error) from error
    except HoldSpent as error:
        raise holds.spent(error.why, approval.hold if approval else "") from error
    except Blocked as error:
        exchange.add_headers([(b"domicile-decision", b"block")])
        found = ", ".join(sorted(error.findings)) or "nothing that has a name"
        raise APIError(
            403,
            "personal_data_blocked",
            f"The policy does not allow this request: {error} (found: {found}).",
            kind="policy_violation",
        ) from error
    except Refused as error:
        if error.reason == "too_many_holds":
            raise limited(
                str(error), kind="holds", retry_after=60, code=error.reason
            ) from error
        raise unavailable(error.reason, str(error)) from error
    except Overloaded as error:
        plane.rejections.count(request.api_key, "overloaded")
        raise limited(
            str(error), kind="requests", retry_after=error.again, code="overloaded"
        ) from error
    decision = admitted.decision.effect.value.encode()
    exchange.add_headers([(b"domicile-decision", decision)])
    return admitted


async def _approval(plane: Plane, exchange: Exchange, request: Request) -> Approval | None:
    """What a person said of this request; an approval that does not hold is counted."""
    try:
        return await holds.approval(plane.holds, exchange, request)
    except APIError as error:
        plane.rejections.count(request.api_key, error.code or "invalid_request_error")
        raise

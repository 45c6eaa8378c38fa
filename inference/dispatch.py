"""Sends a cleared request to a node and follows it to its last frame.

Recovery is the gateway's. A node that is silent for 5 s, or whose engine fails, is given up: if
nothing was streamed the request gets a new ticket, at most three in all; if something was, the
answer has failed.
A node that refuses a ticket says so over its signature, which goes on the record; where the
version that cleared it is no longer in force, the request is decided on anew.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.exceptions import RedisError

from compliance import gate
from compliance.gate import Admitted, Blocked, Coverage, Refused
from compliance.vocabulary import (
    Append,
    Application,
    Endpoint,
    Place,
    Request,
    RequestClass,
    Seal,
)
from inference.clearance import Ticket, seal
from inference.last_frames import AnswerFailed, Cleared, Finished, finished, refusal_of
from inference.publisher import TICKET_LIFETIME, Publisher
from inference.refusals import Refusal
from inference.relay import (
    INBOX_LIMIT,
    CancelSender,
    Chunk,
    Failed,
    FrameGap,
    Inbox,
    InboxClosed,
    Receipted,
    Receiver,
    SlowReader,
)
from inference.relay import Refused as TicketRefused
from inference.routing import Overloaded, Passage
from inference.snapshot import Snapshot, SnapshotKeeper, SnapshotStale

__all__ = ["AnswerFailed", "Cleared", "Dispatcher", "Finished"]

log = structlog.get_logger(__name__)

DEADLINE = 600.0  # seconds for a whole answer
SILENCE = 5.0  # seconds without a frame until a node is given up
PUBLISH_TIMEOUT = 5.0  # seconds; a broker that hangs is one that is away
ATTEMPTS_MAX = 3
STOP_TIMEOUT = 5.0  # seconds
NEWS = 2.0  # seconds that a process may be behind the one whose list a node has read
SOON = 0.05  # seconds between looks for it
VECTORS = 12 * 1024 * 1024  # bytes of an answer that comes in one piece
SHARE_CONTEXT, SHARE_BYTES = b"share", 8


class Dispatcher:
    """The way of admitted requests to a node and back. Belongs to one event loop."""

    def __init__(
        self,
        *,
        gateway_key: Ed25519PrivateKey,
        publisher: Publisher,
        receiver: Receiver,
        canceller: CancelSender,
        keeper: SnapshotKeeper,
        coverage: Callable[[], Coverage],
    ) -> None:
        """`keeper` and `coverage` are for requests that must be decided on anew."""
        self._keeper = keeper
        self._coverage = coverage
        self._gateway_key = gateway_key
        self._publisher = publisher
        self._receiver = receiver
        self._canceller = canceller
        self._handles = itertools.count(1)
        self._cancelling: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to publish."""
        self._publisher.start()

    async def stop(self) -> None:
        """Wait for the last cancellations and tickets."""
        if self._cancelling:
            await asyncio.wait(self._cancelling, timeout=STOP_TIMEOUT)
        await self._publisher.stop()

    def sealer(self, policy_digest: str) -> Seal[Cleared]:
        """Seals tickets of requests that were decided on by that version of the policy."""

        def sealed(
            request: Request, body: Mapping[str, Any], place: Place, attempt: int
        ) -> Cleared:
            return self._seal(request, body, place, attempt, policy_digest)

        return sealed

    def _seal(
        self,
        request: Request,
        body: Mapping[str, Any],
        place: Place,
        attempt: int,
        policy_digest: str,
    ) -> Cleared:
        issued = time.time()
        random = secrets.token_bytes(80)  # one system call for all three
        ticket = Ticket(
            id=random[:16].hex(),
            request=request.id,
            attempt=attempt,
            site=place.site,
            model=place.base or place.model,
            adapter=place.model if place.base else "",
            policy_digest=policy_digest,
            body=dict(body),
            issued=issued,
            expires=issued + TICKET_LIFETIME,
            deadline=request.received / 1e6 + DEADLINE,
            reply_stream=self._receiver.stream,
            handle=next(self._handles),
            down_key=random[16:48],
            up_key=random[48:],
            endpoint=request.endpoint,
            share=_share(request.application),
            batch=request.request_class is RequestClass.BATCH,
        )
        return Cleared(
            id=ticket.id,
            site=place.site,
            queue=place.queue,
            envelope=seal(ticket, site_key=place.site_key, gateway_key=self._gateway_key),
            handle=ticket.handle,
            down_key=ticket.down_key,
            up_key=ticket.up_key,
        )

    async def follow(
        self,
        admitted: Admitted[Cleared],
        *,
        append: Append,
        route: Passage,
    ) -> AsyncGenerator[Chunk | Finished, None]:
        """Publish the ticket and give its answer: chunks, then `Finished`.

        Raises `AnswerFailed`. Closing the iterator before its end cancels the node's work.
        """
        while True:
            streamed, refusal, why = False, None, ""
            before = self._snapshot()
            cleared = admitted.ticket
            inbox = self._receiver.expect(
                cleared.handle,
                admitted.attempt,
                cleared.down_key,
                VECTORS if admitted.request.endpoint is Endpoint.EMBEDDINGS else INBOX_LIMIT,
            )
            ended = False
            try:
                await self._publish(cleared)
                while isinstance(frame := await _part(inbox, admitted.request), Chunk):
                    streamed = True
                    yield frame
                ended = True
                if isinstance(frame, Receipted):
                    now = self._newest(before)
                    yield finished(frame, admitted, now.nodes, before.nodes)
                    return
                if streamed:
                    raise AnswerFailed(
                        "engine_unavailable", "The node refused what it had begun to answer."
                    )
                enrolled = self._newest(before).enrolled
                refusal = await refusal_of(frame, admitted, enrolled, append)
                why = _refused(refusal, admitted)
            except _EndedByNode as error:
                ended = True
                why = _failed(error.reason, admitted, streamed)
            except TimeoutError:
                if streamed:
                    raise AnswerFailed(
                        "engine_unavailable",
                        "The node fell silent in the middle of its answer.",
                    ) from None
                why = _silent(admitted)
            finally:
                inbox.close()
                if not ended:
                    self._cancel(cleared)
            self._spare(admitted)
            if refusal is not None and refusal.reason == "policy_not_in_force":
                await self._anew(admitted, append, route)
            else:
                await self._again(admitted, append, route, why)

    def _snapshot(self) -> Snapshot:
        try:
            return self._keeper.current()
        except SnapshotStale as error:
            raise AnswerFailed("engine_unavailable", str(error)) from error

    def _newest(self, known: Snapshot) -> Snapshot:
        """The snapshot as it is now; `known` while the database has nothing to say."""
        try:
            return self._keeper.current()
        except SnapshotStale:
            return known

    async def _publish(self, cleared: Cleared) -> None:
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                await self._publisher.publish(cleared.queue, cleared.envelope)
        except Exception as error:
            log.warning("ticket_unpublished", queue=cleared.queue, error=type(error).__name__)
            raise AnswerFailed(
                "engine_unavailable",
                "The appliance's broker does not answer; try again shortly.",
            ) from error

    def _spare(self, admitted: Admitted[Cleared]) -> None:
        """Raise `AnswerFailed` if no further ticket may be made."""
        if admitted.attempt >= ATTEMPTS_MAX:
            raise AnswerFailed(
                "engine_unavailable", f"No node answered, {ATTEMPTS_MAX} times in a row."
            )

    async def _anew(self, admitted: Admitted[Cleared], append: Append, route: Passage) -> None:
        """Have the version now active decide."""
        former = admitted.decision.digest
        try:
            async with asyncio.timeout(NEWS):
                while self._keeper.current().policy.digest == former:  # noqa: ASYNC110 - a thread's
                    await asyncio.sleep(SOON)
        except (TimeoutError, SnapshotStale):
            log.warning("refused_version_active", request=admitted.request.id)
        snapshot = self._snapshot()
        route.turn(snapshot.routes)
        try:
            await gate.readmit(
                admitted,
                policy=snapshot.policy,
                coverage=self._coverage(),
                append=append,
                route=route,
                seal=self.sealer(snapshot.policy.digest),
                serving=snapshot.serving,
            )
        except Blocked as error:
            raise AnswerFailed("policy_blocked", str(error), decision=error.decision) from error
        except Refused as error:
            raise AnswerFailed(error.reason, str(error)) from error
        except Overloaded as error:
            raise AnswerFailed("engine_unavailable", str(error)) from error

    async def _again(
        self, admitted: Admitted[Cleared], append: Append, route: Passage, why: str
    ) -> None:
        """Clear it once more, by the routes as they are now: what is closed gets nothing."""
        route.turn(self._snapshot().routes)
        try:
            await gate.reissue(
                admitted,
                why,
                append=append,
                route=route,
                seal=self.sealer(admitted.decision.digest),
            )
        except Refused as error:
            raise AnswerFailed(error.reason, str(error)) from error
        except Overloaded as error:
            raise AnswerFailed("engine_unavailable", str(error)) from error

    def _cancel(self, cleared: Cleared) -> None:
        """Free the node's engine, in the background: the caller may be gone already."""

        async def send() -> None:
            try:
                await self._canceller.cancel(cleared.site, cleared.id, cleared.up_key)
            except (RedisError, OSError) as error:
                log.warning("cancel_unsent", ticket=cleared.id, error=type(error).__name__)

        task = asyncio.create_task(send(), name="cancel")
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)


class _EndedByNode(Exception):
    """The node itself ended the answer: there is nothing left to cancel."""

    def __init__(self, reason: AnswerFailed) -> None:
        super().__init__(reason.code)
        self.reason = reason


def _share(application: Application) -> str:
    """Tells applications apart at a node, which does not learn which they are."""
    label = hmac.digest(application.label_key, SHARE_CONTEXT, "sha256")
    return label[:SHARE_BYTES].hex()


def _silent(admitted: Admitted[Cleared]) -> str:
    site = admitted.place.site
    log.warning("node_silent", request=admitted.request.id, attempt=admitted.attempt, site=site)
    return f"No frame from {site} in {SILENCE:g} s."


def _failed(failure: AnswerFailed, admitted: Admitted[Cleared], streamed: bool) -> str:
    """Why there should be another ticket; raises `failure` if none would help."""
    helps = failure.code == "engine_unavailable" and admitted.attempt < ATTEMPTS_MAX
    if streamed or not helps:
        raise failure from None
    site = admitted.place.site
    log.warning("node_failed", request=admitted.request.id, attempt=admitted.attempt, site=site)
    return f"The engine at {site} failed before its first words."


def _refused(refusal: Refusal | None, admitted: Admitted[Cleared]) -> str:
    if refusal is not None:
        return f"Node {refusal.node} refused the ticket: {refusal.reason}."
    site = admitted.place.site
    log.warning("ticket_refused_by_stranger", request=admitted.request.id, site=site)
    return f"A machine at {site} that is not enrolled refused the ticket."


async def _part(inbox: Inbox, request: Request) -> Chunk | Receipted | TicketRefused:
    """The next chunk, the receipt or the refusal; raises TimeoutError on silence."""
    while True:
        try:
            frame = await inbox.get(SILENCE)
        except FrameGap:
            raise AnswerFailed(
                "engine_unavailable", "A part of the answer was lost on its way."
            ) from None
        except SlowReader:
            raise AnswerFailed(
                "caller_too_slow", "The answer was not read fast enough; read it as it comes."
            ) from None
        except InboxClosed:
            raise AnswerFailed("stopping", "The appliance is stopping; try again.") from None
        if isinstance(frame, Chunk | Receipted | TicketRefused):
            return frame
        if isinstance(frame, Failed):
            raise _EndedByNode(AnswerFailed(frame.code, frame.message, frame.param))
        if time.time() > request.received / 1e6 + DEADLINE:
            raise AnswerFailed("deadline_exceeded", f"No answer within {DEADLINE:g} s.")

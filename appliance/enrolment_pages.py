"""Where machines ask to be enrolled as nodes: `POST /enrolment`, a request as its body.

    202  it waits for an operator            200  approved: the signed answer
    400  no request, or not proven           403  an operator declined it
    404  no such token                       409  token used, name, key or site in the way
    410  the token is too old                413, 429, 503

While no token waits, and none was decided on within a day, everything is 404 and nothing is
read. Nobody says who asks; the token and the keys are what is believed, and an operator
compares fingerprints. A few at a time, and so many a minute: it cannot starve requests.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import django.db
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from appliance.exchange import JSON, Receive, Scope, Send, body_of, respond
from compliance.audit import journal
from compliance.audit.keys import KeyUnusable, read_key
from compliance.vocabulary import Event
from inference import enrolling
from inference.enrolment import SAID_MAX, EnrolmentRefused
from inference.models import NodeEnrolment

Reply = tuple[int, bytes]

PATH = "/enrolment"
TOGETHER = 2  # requests at a time, in one web process
A_MINUTE = 120  # requests that a web process hears
REFUSALS = 10  # refused ones that it records a minute; others are counted
PATIENCE = 10.0  # seconds that a machine has to send its request
LOOK = 1.0  # seconds for which it is believed that tokens wait
DECIDED = timedelta(days=1)  # for which a machine may still fetch its answer
STATUS = {
    "malformed": 400,
    "bad_signature": 400,
    "declined": 403,
    "unknown_token": 404,
    "expired_token": 410,
}
CONFLICT = 409
RETRY = (b"retry-after", b"5")
BUSY = orjson.dumps({"error": "Too many ask at once; ask again."})

log = structlog.get_logger(__name__)


class EnrolmentPages:
    """An ASGI application for `/enrolment`. Belongs to one event loop."""

    def __init__(self, keys: Path) -> None:
        """`keys` is the folder with the gateway's key."""
        self._keys = keys
        self._running = 0
        self._threads = ThreadPoolExecutor(1, "enrolment")
        self._minute = self._heard = self._refused = self._missed = 0
        self._open: tuple[bool, float] = (False, -LOOK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._running >= TOGETHER:
            await respond(send, 429, JSON, BUSY, RETRY)
            return
        self._running += 1
        try:
            await self._answered(scope["method"], receive, send)
        except TimeoutError:  # its connection is closed, which tells it
            log.info("enrolment_slow")
        finally:
            self._running -= 1

    async def _answered(self, method: str, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._threads, self._waited_for):
            await respond(send, 404, JSON, _error("Nobody is waited for here."))
        elif method != "POST":
            await respond(
                send, 405, JSON, _error("Send a request by POST."), (b"allow", b"POST")
            )
        elif not self._may():
            await respond(send, 429, JSON, BUSY, RETRY)
        else:
            async with asyncio.timeout(PATIENCE):
                body = await body_of(receive, SAID_MAX)
            if body is None:
                await respond(send, 413, JSON, _error("A request has at most 4 kB."))
                return
            status, reply = await loop.run_in_executor(self._threads, self._heard_out, body)
            await respond(send, status, JSON, reply)

    def _minute_now(self) -> int:
        return int(time.monotonic() // 60)

    def _may(self) -> bool:
        minute = self._minute_now()
        if minute != self._minute:
            self._minute, self._heard, self._refused = minute, 0, 0
        self._heard += 1
        return self._heard <= A_MINUTE

    def _waited_for(self) -> bool:
        """Whether a token waits, or a machine for its answer, as a moment ago."""
        known, looked = self._open
        now = time.monotonic()
        if now - looked >= LOOK:
            moment = timezone.now()
            waiting = Q(state="open", expires__gt=moment) | Q(state="waiting")
            fresh = Q(state__in=("approved", "declined"), decided__gt=moment - DECIDED)
            try:
                known = NodeEnrolment.objects.filter(waiting | fresh).exists()
            except django.db.Error:
                known = False
            finally:
                connection.close()
            self._open = (known, now)
        return known

    def _heard_out(self, body: bytes) -> Reply:
        try:
            return self._judged(body)
        except (django.db.Error, KeyUnusable) as error:
            log.warning("enrolment_impossible", error=type(error).__name__)
            return 503, _error("The appliance cannot hear requests now; ask again.")
        finally:
            connection.close()

    def _judged(self, body: bytes) -> Reply:
        """Raises `django.db.Error`, also for a refusal not recorded, and `KeyUnusable`."""
        try:
            row = enrolling.request(body)
            if row.state == NodeEnrolment.State.WAITING:
                return 202, orjson.dumps({"state": "waiting"})
            key = Ed25519PrivateKey.from_private_bytes(read_key(self._keys / "gateway.ed25519"))
            return 200, enrolling.answer(row, key)
        except EnrolmentRefused as refusal:
            self._record(refusal.reason)
            return STATUS.get(refusal.reason, CONFLICT), _error(str(refusal))

    def _record(self, reason: str) -> None:
        """Put a refusal on the record, unless many were."""
        self._refused += 1
        detail = {"reason": reason, "not_recorded": self._missed}
        self._missed += 1
        if self._refused > REFUSALS:
            return
        with transaction.atomic():
            event = Event("enrolment.refused", time.time_ns() // 1000, detail)
            journal.record("console", [event])
        self._missed = 0


def _error(words: str) -> bytes:
    return orjson.dumps({"error": words})

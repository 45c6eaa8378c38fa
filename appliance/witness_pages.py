"""The witness, to be asked by other organisations' logs below `/witness/` (C2SP tlog-witness).

`POST /witness/add-checkpoint` cosigns; `POST /witness/add-rotations` follows a log whose key
was rotated; `GET /witness/<SHA-256 of an origin, hex>/checkpoint` gives the last checkpoint
that was cosigned of that log. Nobody says who asks; the signature of a registered log is what
is believed. A log that is not registered costs a parse and a look in memory.

It cannot starve requests: a few answers at a time, threads of its own, a bounded body and time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django.db
import structlog
from django.db import connection

from appliance.exchange import Header, Receive, Scope, Send, body_of, respond
from compliance.audit import submission
from compliance.audit.followed import add_rotations
from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.submission import BODY_MAX, SubmissionInvalid
from compliance.audit.witness import KEY_FILE, Answer, Witness, name_of
from compliance.models import WitnessedLog

PREFIX = "/witness/"
ADD = "/witness/add-checkpoint"
ROTATIONS = "/witness/add-rotations"
LAST = re.compile(r"/witness/([0-9a-f]{64})/checkpoint", re.ASCII)
TOGETHER = 8  # answers at a time, in one web process
THREADS = 2
PATIENCE = 20.0  # seconds that a caller has to send and to take
LOOK = 1.0  # seconds for which the registered logs are believed
BUSY = Answer(503, b"Too many ask at once; ask again.\n")
UNKNOWN = Answer(404, b"This witness does not know the log.\n")

log = structlog.get_logger(__name__)


class WitnessPages:
    """An ASGI application for what is below `/witness/`. Belongs to one event loop."""

    def __init__(self, keys: Path, organisation: str) -> None:
        """`keys` is the folder with the witness's key; without it every answer is 404."""
        try:
            key = read_key(keys / KEY_FILE)
            self._witness: Witness | None = Witness(name_of(organisation), key)
        except KeyUnusable as error:
            log.warning("witness_without_key", error=str(error))
            self._witness = None
        self._running = 0
        self._threads = ThreadPoolExecutor(THREADS, "witness")
        self._known: tuple[frozenset[str], float] = (frozenset(), -LOOK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        last = LAST.fullmatch(path)
        if self._witness is None or (path not in (ADD, ROTATIONS) and last is None):
            await _answer(send, Answer(404), body=True)
        elif method not in (("POST",) if last is None else ("GET", "HEAD")):
            allow = b"POST" if last is None else b"GET, HEAD"
            await _answer(send, Answer(405), (b"allow", allow), body=True)
        elif self._running >= TOGETHER:
            await _answer(send, BUSY, (b"retry-after", b"1"), body=method != "HEAD")
        else:
            self._running += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    work = await self._asked(last, path, receive)
                    answer = await asyncio.get_running_loop().run_in_executor(
                        self._threads, self._do, work
                    )
                    await _answer(send, answer, body=method != "HEAD")
            except TimeoutError:  # the caller's connection is closed, which tells it
                log.info("witness_slow")
            finally:
                self._running -= 1

    async def _asked(
        self, last: re.Match[str] | None, path: str, receive: Receive
    ) -> Callable[[Witness], Answer]:
        """What is to be done, once the body is here."""
        if last is not None:
            return lambda witness: witness.last(last[1])
        body = await body_of(receive, BODY_MAX)
        if body is None:
            return lambda _witness: Answer(413, b"A submission has at most 64 kB.\n")
        if path == ROTATIONS:
            return lambda _: add_rotations(body) if self._registered() else UNKNOWN
        return lambda witness: self._added(witness, body)

    def _do(self, work: Callable[[Witness], Answer]) -> Answer:
        assert self._witness is not None  # noqa: S101 - asked before
        try:
            return work(self._witness)
        except django.db.Error as error:
            log.warning("witness_without_database", error=type(error).__name__)
            return Answer(503, b"The witness has no database now; ask again.\n")
        finally:
            connection.close()

    def _added(self, witness: Witness, body: bytes) -> Answer:
        try:
            origin = submission.parse(body).state.origin
        except SubmissionInvalid as error:
            return Answer(400, f"{error}\n".encode())
        return witness.add_checkpoint(body) if origin in self._registered() else UNKNOWN

    def _registered(self) -> frozenset[str]:
        """Origins of the logs that are cosigned, as a moment ago."""
        known, looked = self._known
        now = time.monotonic()
        if now - looked >= LOOK:
            rows = WitnessedLog.objects.filter(active=True)
            known = frozenset(rows.values_list("origin", flat=True))
            self._known = (known, now)
        return known


async def _answer(send: Send, answer: Answer, *more: Header, body: bool) -> None:
    kind = answer.kind.encode()
    await respond(send, answer.status, kind, answer.body, *more, body=body)

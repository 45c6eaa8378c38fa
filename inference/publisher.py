"""Publishes tickets to Celery's queues, from a thread.

A message costs about a millisecond whatever it holds, so all tickets that wait for a queue
travel in one: those of one turn of the event loop, since requests that shared a commit go on
in the same turn. Nothing waits longer for company: a lone ticket leaves at the turn's end.
"""

from __future__ import annotations

import asyncio
import base64
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

TASK = "inference.tasks.answer"
TICKET_LIFETIME = 60.0  # seconds until an unstarted ticket is void
MESSAGE_TICKETS_MAX = 64
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
STOP_TIMEOUT = 5.0  # seconds

Waiting = tuple[bytes, asyncio.Future[None]]
Gathered = list[tuple[str, bytes, asyncio.Future[None]]]


class Publisher:
    """Publishes envelopes from a thread of its own. `send(queue, envelopes)` blocks.

    Belongs to one event loop.
    """

    def __init__(self, send: Callable[[str, list[bytes]], None]) -> None:
        self._send = send
        self._gathered: Gathered = []  # in this turn of the event loop
        self._waiting: queue.SimpleQueue[Gathered | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    async def stop(self) -> None:
        """Publish what waits, then end."""
        self._hand_over()
        self._waiting.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, STOP_TIMEOUT)

    async def publish(self, queue: str, envelope: bytes) -> None:
        """Return when the broker has it; raises what `send` raises.

        An envelope whose publisher gave up is left out if it has not been sent yet.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append((queue, envelope, future))
        await future

    def _hand_over(self) -> None:
        self._waiting.put(self._gathered)
        self._gathered = []

    def _run(self) -> None:
        while (gathered := self._take()) is not None:
            messages: dict[str, list[Waiting]] = defaultdict(list)
            for name, envelope, future in gathered:
                if not future.cancelled():  # whoever waited gave up
                    messages[name].append((envelope, future))
            for name, items in messages.items():
                for part in _parts(items):
                    self._publish(name, part)

    def _take(self) -> Gathered | None:
        """All that waits, once there is something; None to end."""
        gathered = self._waiting.get()
        while gathered is not None and not self._waiting.empty():
            more = self._waiting.get()
            if more is None:
                self._waiting.put(None)
                break
            gathered += more
        return gathered

    def _publish(self, name: str, items: list[Waiting]) -> None:
        error: Exception | None = None
        try:
            self._send(name, [envelope for envelope, _ in items])
        except Exception as raised:  # noqa: BLE001 - told to whoever waits
            error = raised
        loop = items[0][1].get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, [future for _, future in items], error)


def _parts(
    items: list[Waiting],
) -> list[list[Waiting]]:
    """Messages that are not too large for the broker or one worker."""
    parts: list[list[Waiting]] = [[]]
    size = 0
    for item in items:
        if parts[-1] and (
            len(parts[-1]) >= MESSAGE_TICKETS_MAX or size + len(item[0]) > MESSAGE_BYTES_MAX
        ):
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += len(item[0])
    return parts


def _resolve(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def celery_send(app: Any) -> Callable[[str, list[bytes]], None]:
    """A `send` for `Publisher`: one Celery message, void when its tickets are.

    It does not try again by itself: a broker that is away is the caller's to know.
    """

    def send(queue: str, envelopes: list[bytes]) -> None:
        app.send_task(
            TASK,
            args=[[base64.b64encode(envelope).decode() for envelope in envelopes]],
            queue=queue,
            expires=TICKET_LIFETIME,
            ignore_result=True,
            retry=False,
        )

    return send

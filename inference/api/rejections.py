"""Refused calls, counted: one event a minute per key and reason, so that noise stays small.

What is counted here did not reach the gate: 400, 401, 404, 413, 429 and 503 before it. Calls
for a model that is registered and not there for the caller are counted by its name; other names
are whatever callers write, and stay out of the record.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from compliance.gate import now
from compliance.vocabulary import Append, Event, RecordUnavailable

log = structlog.get_logger(__name__)

INTERVAL = 60.0  # seconds


@dataclass(slots=True)
class _Count:
    since: int
    until: int
    number: int = 0


class Rejections:
    """Counts in memory; the event loop's thread only.

    A process that is killed loses the counts of its last minute: they are noise, and nothing
    was processed. `sleep` takes seconds.
    """

    def __init__(
        self,
        append: Append,
        interval: float = INTERVAL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._append = append
        self._interval = interval
        self._sleep = sleep
        self._counts: dict[tuple[str, str, str], _Count] = {}
        self._flushing: asyncio.Task[None] | None = None

    def count(self, prefix: str, reason: str, model: str = "") -> None:
        """One more call refused; `prefix` is a key's that exists, or "unknown".

        `model` is the name of a registered one that it was refused for.
        """
        time = now()
        count = self._counts.setdefault((prefix, reason, model), _Count(time, time))
        count.number += 1
        count.until = time
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_later(), name="rejections")

    async def stop(self) -> None:
        """Record what is counted now."""
        if self._flushing is not None:
            self._flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flushing
        await self._flush()

    async def _flush_later(self) -> None:
        while self._counts:
            await self._sleep(self._interval)
            await self._flush()

    async def _flush(self) -> None:
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._append([_event(*key, count) for key, count in counts.items()])
        except RecordUnavailable:
            log.warning("rejections_unrecorded", count=len(counts))
            for key, count in counts.items():
                later = self._counts.setdefault(key, _Count(count.since, count.until))
                later.number += count.number
                later.since = min(later.since, count.since)


def _event(prefix: str, reason: str, model: str, count: _Count) -> Event:
    detail: dict[str, Any] = {
        "api_key": prefix,
        "reason": reason,
        "count": count.number,
        "since": count.since,
        "until": count.until,
    }
    if model:
        detail["model"] = model
    return Event(type="rejections", time=now(), detail=detail)

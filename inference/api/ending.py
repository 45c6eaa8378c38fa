"""Sees to it that every admitted request gets its terminal event.

The caller does not wait for it. While the record is unavailable it is tried again; should this
process end first, the notary records the request as lost.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from compliance import gate
from compliance.gate import Admitted, Outcome
from compliance.vocabulary import Append, RecordUnavailable

log = structlog.get_logger(__name__)

RETRY_INTERVAL = 0.5  # seconds
STOP_TIMEOUT = 10.0  # seconds


class Endings:
    """Terminal events on their way. Belongs to one event loop."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._tasks: set[asyncio.Task[None]] = set()

    def conclude(self, admitted: Admitted[Any], outcome: Outcome) -> None:
        """Append the terminal event of `admitted`, in the background."""
        task = asyncio.create_task(self._concluded(admitted, outcome), name="ending")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait for those on their way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT)

    async def _concluded(self, admitted: Admitted[Any], outcome: Outcome) -> None:
        while True:
            try:
                await gate.conclude(admitted, outcome, self._append)
            except RecordUnavailable:
                log.warning("ending_unrecorded", request=admitted.request.id)
                await asyncio.sleep(RETRY_INTERVAL)
            else:
                return

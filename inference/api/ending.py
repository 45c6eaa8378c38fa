"""Sees to it that every admitted request gets its terminal event.

The caller does not wait for it. The writer keeps a terminal event until the database has taken
it, however long that is; should this process end first, the notary records the request as lost.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from compliance import gate
from compliance.audit.setbacks import AlreadyEnded
from compliance.gate import Admitted, Outcome
from compliance.vocabulary import Append, RecordUnavailable

log = structlog.get_logger(__name__)

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
        """A detail that cannot be written down must not leave the request without an end.

        If the first event is merely late, the second is the one too many, and refused.
        """
        plain = Outcome(outcome.kind, {"reason": "detail_unrecordable"})
        for attempt in (outcome, plain):
            try:
                await gate.conclude(admitted, attempt, self._append)
            except AlreadyEnded:
                return
            except RecordUnavailable:
                log.warning("ending_unrecorded", request=admitted.request.id)
            else:
                return

"""Whether this web process lives, and whether it can answer a request now.

A probe returns None where all is well, else a sentence on what is not: without names of
hosts, users or files, because `/readyz` asks nobody who they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from appliance.disk import DiskFloor
from compliance.audit.writer import Writer
from compliance.models import Event

PROBE_SECONDS = 2.0
LAG_LIMIT = 15.0  # seconds that an event may wait for the notary
LAG_WINDOW = 1_000  # events looked at, newest first
BACKLOG = 5_000  # events, half of what a writer holds
KEEP = 0.5  # seconds an answer serves further callers

Probe = Callable[[], Awaitable[str | None]]


@dataclass(slots=True)
class Readiness:
    """The probes by name, asked together; the answer is kept for half a second."""

    probes: Mapping[str, Probe]
    _asked: float = 0.0
    _answer: tuple[bool, dict[str, str]] = (False, {})

    async def ask(self) -> tuple[bool, dict[str, str]]:
        """Whether all is well, and what each probe says ("ok" where nothing is wrong)."""
        if self._asked and time.monotonic() - self._asked < KEEP:
            return self._answer
        said = await asyncio.gather(*(_asked(probe) for probe in self.probes.values()))
        answers = {name: word or "ok" for name, word in zip(self.probes, said, strict=True)}
        self._answer, self._asked = (not any(said), answers), time.monotonic()
        return self._answer


async def _asked(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return f"no answer in {PROBE_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 - a probe that fails is the answer
        return f"failed ({type(error).__name__})"


def disk(floor: DiskFloor) -> Probe:
    """Room in the data folder."""

    async def probe() -> str | None:
        return None if floor.enough() else "less than DOMICILE_DISK_FLOOR bytes are free"

    return probe


def record(writer: Writer) -> Probe:
    """The writer is open, and what it was given is not piling up."""

    async def probe() -> str | None:
        if writer.closed:
            return writer.closed
        depth = writer.depth
        return None if depth < BACKLOG else f"{depth} events wait to be made durable"

    return probe


def notary() -> Probe:
    """The notary keeps up: the oldest of the newest events that it lacks is young."""

    async def probe() -> str | None:
        lag = await sync_to_async(notary_lag, thread_sensitive=False)()
        return None if lag <= LAG_LIMIT else f"{lag:.0f} s behind"

    return probe


def notary_lag() -> float:
    """Seconds for which the oldest of the last 1,000 events has waited for the notary."""
    close_old_connections()
    try:
        newest = Event.objects.order_by("-id")[:LAG_WINDOW]
        rows = newest.values_list("time", "leaf__index")
        waiting = [moment for moment, index in rows if index is None]
    finally:
        close_old_connections()
    return time.time() - min(waiting).timestamp() if waiting else 0.0

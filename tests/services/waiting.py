"""Waiting for what happens elsewhere: in a thread, in a process, on the disk.

The bounds guard against waiting for ever and say nothing about speed: a machine may be
busy with other things for many seconds. How fast the appliance is, `make bench` shows.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

PATIENCE = 120.0  # seconds


def wait_until(
    condition: Callable[[], object],
    what: str,
    timeout: float = PATIENCE,
    every: float = 0.05,
) -> None:
    """Return when `condition()` holds; after `timeout` s raises an error that names `what`."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout:g} s still not: {what}"
        time.sleep(every)


async def until(
    condition: Callable[[], object | Awaitable[object]],
    what: str,
    patience: float = PATIENCE,
    every: float = 0.02,
) -> None:
    """The same for a coroutine; `condition` may be one too."""
    deadline = time.monotonic() + patience
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < deadline, f"after {patience:g} s still not: {what}"
        await asyncio.sleep(every)

"""Posts the list of versions in force, for workers to ask before a ticket begins.

It lies under one key of the broker, which every web process writes anew each second, and when
its snapshot changed. Where processes differ for a moment, the later confirmed snapshot wins.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inference.in_force import KEY, REMEMBERED, InForce, Version, sign
from inference.snapshot import Snapshot, SnapshotKeeper

POST = 1.0  # seconds between two lists where nothing changed
NOTICE = 0.1  # seconds until a change is posted
LIFE = 60  # seconds; a list that is older is worth nothing

_log = structlog.get_logger(__name__)

Current = Callable[[], InForce | None]
"""The list as it is now; None while there is nothing to say."""


class Poster:
    """The gateway's side. Belongs to one event loop."""

    def __init__(self, redis: Any, gateway_key: Ed25519PrivateKey, current: Current) -> None:
        self._redis, self._key, self._current = redis, gateway_key, current
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._failing = False

    def start(self) -> None:
        """Post at once and go on."""
        self._task = asyncio.create_task(self._run(), name="versions in force")

    async def stop(self) -> None:
        """Post no more; what was posted grows stale."""
        self._stopping = True  # the client may swallow the cancellation when a reply comes
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        posted: tuple[Any, Any] | None = None
        due = float("-inf")
        while not self._stopping:
            listed = self._current()
            if listed is not None:
                said = (listed.versions, listed.nodes)
                if said != posted or time.monotonic() >= due:
                    posted = said if await self._post(listed) else None
                    due = time.monotonic() + POST
            await asyncio.sleep(NOTICE)

    async def _post(self, listed: InForce) -> bool:
        try:
            await self._redis.set(KEY, sign(listed, self._key), ex=LIFE)
        except Exception as error:  # noqa: BLE001 - whatever the client raises, it is tried again
            if not self._failing:
                _log.warning("list_unposted", error=type(error).__name__)
            self._failing = True
            return False
        self._failing = False
        return True


def current(keeper: SnapshotKeeper) -> InForce | None:
    """The list by what a process knows."""
    known = keeper.known()
    return None if known is None else listed(*known)


def listed(snapshot: Snapshot, moment: int) -> InForce:
    """The list by a snapshot that was confirmed at `moment` (microseconds).

    A version that was followed stays on it for as long as a ticket of it may wait; one that
    was recalled does not.
    """
    oldest = moment - round(REMEMBERED * 1e6)
    versions = [
        Version(one.digest, one.from_us, one.until_us)
        for one in snapshot.standing.in_force
        if one.recalled_us is None and (one.until_us is None or one.until_us > oldest)
    ]
    nodes = {name: dict(node.models) for name, node in snapshot.nodes.items() if node.models}
    return InForce(moment, versions, nodes)

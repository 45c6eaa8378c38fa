"""What a worker knows of the versions in force, asked before each ticket begins.

The list itself is `in_force`; who posts it, `posting`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from compliance.audit.keys import KeyUnusable
from inference.admission import public_keys
from inference.clearance import ClearanceRefused, Ticket
from inference.in_force import AHEAD, KEY, InForce, ListRefused, check, read

LOOK = 0.25  # seconds between a worker's looks
PATIENCE = 2.0  # seconds that a ticket waits for a list that knows its version
AGAIN = 0.1
_FINAL = ("node_closed", "other_weights")  # another node may take it meanwhile

_log = structlog.get_logger(__name__)


class Listing:
    """The newest list that a node believes. Belongs to one event loop.

    `keys` is the file with the gateways' public keys, read again when a list was signed by
    none of them.
    """

    def __init__(self, redis: Any, keys: Path) -> None:
        """Raises `KeyUnusable`."""
        self._redis, self._file = redis, keys
        self._news: Callable[[], None] = lambda: None
        self._keys: Sequence[bytes] = public_keys(keys)
        self._verified: tuple[bytes, InForce] | None = None  # as it travelled, and what it says
        self._listed: InForce | None = None
        self._problem = ""
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self, news: Callable[[], None] = lambda: None) -> None:
        """Look once, then four times a second until `stop`; `news` hears of each new list."""
        self._news = news
        await self._look()
        self._task = asyncio.create_task(self._run(), name="bulletin")

    async def stop(self) -> None:
        """Look no more."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def listed(self) -> InForce | None:
        """The list, however old it is by now; None until one was seen."""
        return self._listed

    async def _run(self) -> None:
        while not self._stopping:
            await asyncio.sleep(LOOK)
            await self._look()

    async def _look(self) -> None:
        try:
            said = await self._redis.get(KEY)
        except Exception as error:  # noqa: BLE001 - whatever the client raises, nothing was read
            self._say(f"the broker does not answer ({type(error).__name__})")
            return
        if said is None:
            self._say("no gateway has posted a list")
            return
        try:
            self._take(self._read(said))
        except (ListRefused, KeyUnusable) as error:
            self._say(str(error))

    def _read(self, said: bytes) -> InForce:
        """The list in `said`; the very bytes that were verified last are not verified again.

        Only the signature is taken from then: how old a list is, is asked of it each time.
        """
        if self._verified is None or said != self._verified[0]:
            self._verified = said, self._signed(said)
        return self._verified[1]

    def _signed(self, said: bytes) -> InForce:
        try:
            return read(said, self._keys)
        except ListRefused:
            self._keys = public_keys(self._file)  # it may have been changed since
            self._verified = None  # perhaps by a key that is in the file no more
            return read(said, self._keys)

    def _take(self, listed: InForce) -> None:
        """Believe a list unless it is older than one that was seen, or of the future."""
        if listed.moment / 1e6 > time.time() + AHEAD:
            self._say("a list is of the future; compare the clocks of gateway and node")
        elif self._listed is not None and listed.moment < self._listed.moment:
            self._say("an older list was played back, or gateways' clocks differ")
        else:
            self._listed, self._problem = listed, ""
            self._news()

    def _say(self, problem: str) -> None:
        """Once, until it is another."""
        if problem != self._problem:
            _log.warning("list_unread", problem=problem)
        self._problem = problem


class Bulletin(Listing):
    """What the list says of one node that serves one model."""

    def __init__(
        self, redis: Any, node: str, model: str, keys: Path, weights: Mapping[str, str]
    ) -> None:
        """`weights` are as `in_force.check` is given them. Raises `KeyUnusable`."""
        super().__init__(redis, keys)
        self._node, self._model, self._weights = node, model, weights
        self._shut = False

    @property
    def closed(self) -> bool:
        """Whether this node has shut itself, or may not work by the newest list.

        That is so too where it has another model than the one that is registered.
        """
        listed = self._listed
        return self._shut or (
            listed is not None
            and listed.registered(self._node, self._model) != self._weights[self._model]
        )

    def shut(self, closed: bool) -> None:
        """Begin nothing more whatever the list says, because this node closed itself; or do."""
        self._shut = closed
        self._news()

    async def permit(self, ticket: Ticket, patience: float = PATIENCE) -> None:
        """Raise `ClearanceRefused` unless this node may begin `ticket` now (`in_force.check`).

        A version may be so new that no list knew it yet: it is looked for during `patience`
        seconds.
        """
        until = time.monotonic() + patience
        while True:
            if self._shut:
                raise ClearanceRefused("node_closed", f"Node {self._node} closed itself.")
            try:
                check(self._listed, ticket, self._node, time.time(), self._weights)
            except ClearanceRefused as refusal:
                if time.monotonic() >= until or refusal.reason in _FINAL:
                    raise
            else:
                return
            await self._look()
            await asyncio.sleep(AGAIN)

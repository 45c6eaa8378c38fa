"""Callers who wait for their events to become durable, each for a bounded time.

A caller may be a coroutine or a thread. One who gives up leaves its item behind: the
writer drops it if it was not sent to the database yet, and otherwise finds out how it
ended and is told that nobody is there any more.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from weakref import WeakKeyDictionary

from compliance.vocabulary import TERMINAL, Event, RecordUnavailable

SWEEP = 0.25  # seconds between looks at whose time is up
TOO_LATE = "The record did not take the event within {:g} s; nothing was done."


class Gone(Enum):
    """Why a caller is no longer there."""

    EXPIRED = "record_unavailable"
    CANCELLED = "caller_gone"


class Item:
    """The events of one append: durable together, or not at all.

    `kept` items are written also when their caller has gone: a request that was admitted
    must end on the record.
    """

    __slots__ = ("deadline", "events", "kept", "waiter")

    def __init__(
        self, events: Sequence[Event], waiter: ThreadWaiter | LoopWaiter | None, deadline: float
    ) -> None:
        self.events = events
        self.waiter = waiter
        self.deadline = deadline
        self.kept = waiter is None or not TERMINAL.isdisjoint([event.type for event in events])

    @property
    def weight(self) -> int:
        """Bytes of the content that is to be kept."""
        return sum(len(event.content.text) for event in self.events if event.content)

    @property
    def pointless(self) -> bool:
        """Whether nobody waits for it and nobody needs it."""
        return not self.kept and self.waiter is not None and self.waiter.gone is not None


class ThreadWaiter:
    """A thread that waits in `wait`."""

    def __init__(self) -> None:
        self.gone: Gone | None = None
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._error: RecordUnavailable | None = None

    def wait(self, timeout: float) -> None:
        """Return once durable; raises `RecordUnavailable`, also after `timeout` seconds."""
        if not self._settled.wait(timeout):
            with self._lock:
                if not self._settled.is_set():
                    self.gone = Gone.EXPIRED
                    raise RecordUnavailable(TOO_LATE.format(timeout))
        if self._error is not None:
            raise self._error

    def settle(self, error: RecordUnavailable | None) -> None:
        """Wake the thread, unless it has gone."""
        with self._lock:
            if self.gone is None:
                self._error = error
                self._settled.set()


class LoopWaiter:
    """A coroutine that awaits `future`; all but `gone` is touched in its loop only."""

    __slots__ = ("_expired", "future", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        self._expired = False

    @property
    def gone(self) -> Gone | None:
        """Whether the caller has left: it was cancelled, or its time was up."""
        if self._expired:
            return Gone.EXPIRED
        return Gone.CANCELLED if self.future.cancelled() else None

    def settle(self, error: RecordUnavailable | None) -> None:
        """Wake the coroutine, unless it has gone."""
        if not self.future.done():
            if error is None:
                self.future.set_result(None)
            else:
                self.future.set_exception(type(error)(str(error)))

    def expire(self, timeout: float) -> None:
        """Let the coroutine go on with an error."""
        if not self.future.done():
            self._expired = True
            self.future.set_exception(RecordUnavailable(TOO_LATE.format(timeout)))


class Sweeper:
    """Ends the waiting of coroutines: one timer a loop, where one for each would cost more."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._items: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[Item]] = (
            WeakKeyDictionary()
        )

    def watch(self, loop: asyncio.AbstractEventLoop, item: Item) -> None:
        """End the waiting of `item` at its deadline; called in its loop."""
        items = self._items.get(loop)
        if items is None:
            items = self._items[loop] = deque()
        if not items:
            loop.call_later(SWEEP, self._sweep, loop, items)
        items.append(item)

    def _sweep(self, loop: asyncio.AbstractEventLoop, items: deque[Item]) -> None:
        now = time.monotonic()
        while items:
            waiter = items[0].waiter
            if isinstance(waiter, LoopWaiter) and not waiter.future.done():
                if items[0].deadline > now:
                    break
                waiter.expire(self._timeout)
            items.popleft()
        if items:
            loop.call_later(SWEEP, self._sweep, loop, items)


def settle(
    items: Iterable[Item],
    error: RecordUnavailable | None,
    abandoned: Callable[[Item, Gone], None],
) -> None:
    """Tell the callers of `items`; those who have gone are reported to `abandoned`.

    `abandoned` is called in whatever thread finds out, and only if `error` is None.
    """
    loops: dict[asyncio.AbstractEventLoop, list[Item]] = {}
    for item in items:
        if isinstance(item.waiter, LoopWaiter):
            loops.setdefault(item.waiter.loop, []).append(item)
        else:
            _tell(item, error, abandoned)

    def tell(group: Sequence[Item]) -> None:
        for item in group:
            _tell(item, error, abandoned)

    for loop, group in loops.items():
        try:
            loop.call_soon_threadsafe(tell, group)
        except RuntimeError:  # the loop is closed, and everyone in it has gone
            for item in group if error is None else ():
                abandoned(item, Gone.CANCELLED)


def _tell(
    item: Item, error: RecordUnavailable | None, abandoned: Callable[[Item, Gone], None]
) -> None:
    if item.waiter is None:
        return
    item.waiter.settle(error)
    if error is None and item.waiter.gone is not None:
        abandoned(item, item.waiter.gone)

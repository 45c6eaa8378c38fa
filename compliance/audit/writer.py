"""Many callers, one durable commit.

One thread of the process takes all events that wait (at most 1,024), numbers them, and
commits them together; while it does, the next ones gather. There is no timer: a lone event
is committed at once. A caller goes on only after its own commit.

Who may number: this thread only. `(source, epoch, seq)` is given when rows are made and never
given to anything else until their fate is known: after an error whose outcome may be unknown
the same rows are sent again, and if they are found in the database, byte by byte, they were
stored the first time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import django.db
from django.db import IntegrityError, connection

from compliance.audit import setbacks
from compliance.audit.entry import EntryInvalid
from compliance.audit.epoch import Epoch
from compliance.audit.held_rows import Spent
from compliance.audit.installation import JOURNALS
from compliance.audit.keystore import VaultUnavailable
from compliance.audit.setbacks import PAUSE_MAX, PAUSE_MIN, AlreadyEnded, Stopped, Troubles
from compliance.audit.storage import Fate, Row, Storage, storage, stored
from compliance.audit.waiting import Gone, Item, LoopWaiter, Sweeper, ThreadWaiter, settle
from compliance.vocabulary import ApprovalSpent, Event, RecordUnavailable

RENEW = 2.0  # seconds
BATCH = 1_024  # events a commit
CONTENT = 16 * 1024**2  # bytes of kept content from which a commit takes no more
CAPACITY = 10_000  # events that may wait
TIMEOUT = 5.0  # seconds that a caller waits
DRAIN = 10.0  # seconds that `stop` waits for the queue

_log = logging.getLogger(__name__)


class Fenced(Exception):
    """This epoch was closed by the notary, or someone else writes under its name."""


class Writer:
    """A process's way to the record.

    `on_fenced` is called once, in the writer's thread, when the epoch was closed under it: the
    process must end itself, since the notary has ended its requests. So it is when the thread
    fails for a reason that was not foreseen: nothing could be appended here any more.
    `may_write` says whether the disk has room for more than the ends of what has begun; an
    OSError from it counts as no.

    An admitted request whose caller gave up before it became durable is ended by the writer.
    """

    def __init__(
        self,
        source: str,
        *,
        on_fenced: Callable[[], None],
        may_write: Callable[[], bool] = lambda: True,
        timeout: float = TIMEOUT,
        capacity: int = CAPACITY,
    ) -> None:
        if source in JOURNALS:
            raise ValueError(f"{source} is a journal's name; a writer needs one of its own.")
        self.source = source
        self._on_fenced = on_fenced
        self._may_write = may_write
        self._timeout = timeout
        self._capacity = capacity
        self._sweeper = Sweeper(timeout)
        self._thread = threading.Thread(target=self._run, name=f"writer {source}", daemon=True)
        # Shared with callers, under `_wake`:
        self._wake = threading.Condition(threading.Lock())
        self._queue: deque[Item] = deque()
        self._queued = 0
        self._idle = False
        self._stopping = False
        self._stop_by = 0.0
        self._closed = ""  # why nothing can be appended any more
        self._refusing = ""  # why nothing can be begun until what is kept has been written
        # The writer thread's own:
        self._storage: Storage
        self._epoch: Epoch
        self._writing: list[Item] = []  # numbered, and not known to be durable
        self._renewed = 0.0
        self._troubles = Troubles()

    def start(self) -> None:
        """Start the thread; it opens an epoch as soon as the database answers."""
        self._thread.start()

    @property
    def depth(self) -> int:
        """Events that wait."""
        return self._queued

    @property
    def closed(self) -> str:
        """Why nothing can be appended any more; empty while the writer is open."""
        return self._closed

    async def append(self, events: Sequence[Event]) -> None:
        """Return once the events are durable; raises `RecordUnavailable`."""
        loop = asyncio.get_running_loop()
        waiter = LoopWaiter(loop)
        item = Item(events, waiter, time.monotonic() + self._timeout)
        self._enqueue(item)
        self._sweeper.watch(loop, item)
        await waiter.future

    def append_sync(self, events: Sequence[Event]) -> None:
        """The same for a thread."""
        waiter = ThreadWaiter()
        self._enqueue(Item(events, waiter, time.monotonic() + self._timeout))
        waiter.wait(self._timeout)

    def stop(self) -> None:
        """Write what waits, close the epoch if no request is open, and end the thread."""
        with self._wake:
            self._stop_by = time.monotonic() + DRAIN
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(DRAIN + PAUSE_MAX)

    def _enqueue(self, item: Item) -> None:
        count = len(item.events)
        with self._wake:
            if self._closed:
                raise RecordUnavailable(self._closed)
            if self._stopping and item.waiter is not None:
                raise RecordUnavailable("The record's writer is stopping.")
            if self._refusing and not item.kept:
                raise RecordUnavailable(self._refusing)
            if self._queued + count > self._capacity and not item.kept:
                raise RecordUnavailable(f"{self._queued} events wait for the record already.")
            self._queue.append(item)
            self._queued += count
            if self._idle:
                self._wake.notify()

    # --- the writer's thread --------------------------------------------------------------

    def _run(self) -> None:
        reason, lost = "The record's writer has stopped.", False
        try:
            self._work()
        except Stopped:
            _log.warning("%s stopped with events that the database did not take.", self.source)
        except Fenced as error:
            reason, lost = "This process has lost its place in the record.", True
            _log.critical("The writer %s was fenced: %s", self.source, error)
        except Exception as error:  # noqa: BLE001 - without its message: it may quote an event
            if self._stopping and isinstance(error, django.db.Error):
                self._report(error)  # the epoch stays open, and the notary closes it
            else:
                reason, lost = "The record's writer has failed; the process must restart.", True
                _log.critical("The writer %s failed: %s", self.source, setbacks.place(error))
        finally:
            self._close(reason)
            with contextlib.suppress(django.db.Error):
                connection.close()
            if lost:
                self._on_fenced()

    def _work(self) -> None:
        self._storage = storage()
        self._epoch = self._begin()
        self._renewed = time.monotonic()
        detail = {"epoch": self._epoch.number, "process": os.getpid()}
        self._write([_internal("writer.started", detail)])
        while (items := self._take()) is not None:
            self._write(items)
        if not self._epoch.open:  # otherwise the notary ends them when the lease runs out
            self._write([_internal("writer.stopped", {"events": self._epoch.next + 1})])
            self._epoch.finish()

    def _close(self, reason: str) -> None:
        with self._wake:
            self._closed = reason
            left, self._queued = [*self._writing, *self._queue], 0
            self._queue.clear()
        self._settle(left, RecordUnavailable(reason))

    def _begin(self) -> Epoch:
        pause = PAUSE_MIN
        while True:
            try:
                epoch = Epoch.begin(self.source)
            except django.db.Error as error:
                self._report(error, sent=False)
                pause = self._pause(pause)
            else:
                self._well()
                return epoch

    def _take(self) -> list[Item] | None:
        """What to write now; nothing where only the lease is due; None to end."""
        with self._wake:
            while not self._queue and not self._stopping:
                if self._lease_due():
                    return []
                self._idle = True
                self._wake.wait(self._renewed + RENEW - time.monotonic())
                self._idle = False
            if not self._queue:
                return None
            taken: list[Item] = []
            count = weight = 0
            while self._queue and (not taken or count + len(self._queue[0].events) <= BATCH):
                item = self._queue.popleft()
                count += len(item.events)
                taken.append(item)
                weight += item.weight
                if weight > CONTENT:
                    break
            self._queued -= count
        self._writing = taken  # so that nobody is forgotten, whatever happens from here on
        return self._permitted([item for item in taken if not item.pointless])

    def _permitted(self, items: list[Item]) -> list[Item]:
        """The items, less the ones that would begin something on a disk that is nearly full."""
        beginning = [item for item in items if _admits(item)]
        if not beginning or self._troubles.room(self._may_write):
            return items
        self._settle(beginning, RecordUnavailable("The disk is nearly full; free some of it."))
        return [item for item in items if not _admits(item)]

    def _write(self, items: list[Item]) -> None:
        """Make `items` durable, however long it takes; raises `Fenced` and `Stopped`."""
        self._writing = items
        rows = self._number(items)
        pause, in_doubt = PAUSE_MIN, False
        while rows or self._lease_due():
            try:
                if self._attempt(items, rows):
                    self._well()
                    break
            except django.db.Error as error:
                outcome = self._report(error)
                in_doubt = in_doubt or outcome is Fate.UNKNOWN
                if not rows:  # only the lease was due
                    self._pause(pause)
                    break
                if in_doubt or outcome is Fate.BUSY:
                    pause = self._pause(pause)
                    continue
                refused = setbacks.not_needed(items)
                self._settle(refused, RecordUnavailable(outcome.value))
                if items:
                    pause = self._pause(pause)
            except VaultUnavailable as error:
                if in_doubt:  # these rows may be stored already
                    pause = self._pause(pause)
                    continue
                self._troubles.vault(error)
                refused = setbacks.without_vault(items, error.buckets)
                self._settle(refused, RecordUnavailable(str(error)))
            rows = self._number(items)
        self._refusing = ""
        self._writing = []
        self._epoch.advance(rows)
        self._settle(items, None)

    def _attempt(self, items: list[Item], rows: Sequence[Row]) -> bool:
        """Send the rows once; False if some items had to be taken out. Raises `Fenced`."""
        epoch, due = self._epoch, self._lease_due()
        try:
            if not self._storage.insert(epoch.id, rows, epoch.lease() if due else None):
                raise Fenced(f"epoch {epoch.number} is closed.")
        except IntegrityError:
            if self._stored_before(rows):
                return True
            self._refuse_second_ends(items, rows)
            return False
        except Spent as error:
            self._settle(setbacks.spent(items, error.requests), ApprovalSpent(str(error)))
            return False
        if due:
            self._renewed = time.monotonic()
        return True

    def _lease_due(self) -> bool:
        return time.monotonic() - self._renewed >= RENEW

    def _number(self, items: list[Item]) -> list[Row]:
        """Rows for the items; an item that cannot be written down is refused and taken out."""
        rows: list[Row] = []
        for item in list(items):
            try:
                rows += [
                    self._epoch.row(event, len(rows) + place)
                    for place, event in enumerate(item.events)
                ]
            except EntryInvalid as error:
                items.remove(item)
                _log.error("An event was refused: %s", error)
                self._settle([item], RecordUnavailable(str(error)))
        return rows

    def _stored_before(self, rows: Sequence[Row]) -> bool:
        """Whether an attempt whose answer was lost has stored these rows; raises `Fenced`."""
        epoch = self._epoch
        found = stored(epoch.source, epoch.number, rows[0].seq, rows[-1].seq)
        if not found:
            return False
        if found != {row.seq: (row.encoded.entry, row.encoded.detail) for row in rows}:
            raise Fenced(f"someone else writes as {epoch.source}/{epoch.number}.")
        return True

    def _refuse_second_ends(self, items: list[Item], rows: Sequence[Row]) -> None:
        twice = setbacks.ended_twice(items, rows)
        if not twice:
            raise Fenced("the database refuses its events for a reason that is not known.")
        for item in twice:
            self._epoch.forget(item.events)
        self._settle(twice, AlreadyEnded("The request has ended already."))

    def _refuse_beginnings(self, outcome: Fate) -> None:
        """Answer at once whoever would wait behind what is kept."""
        with self._wake:
            self._refusing = outcome.value
            refused = [item for item in self._queue if not item.kept]
            self._queue = deque(item for item in self._queue if item.kept)
            self._queued -= sum(len(item.events) for item in refused)
        self._settle(refused, RecordUnavailable(outcome.value))

    def _well(self) -> None:
        """The database has stored something."""
        self._troubles.over()
        self._refusing = ""

    def _settle(self, items: Sequence[Item], error: RecordUnavailable | None) -> None:
        if items:
            settle(items, error, self._end)

    def _end(self, item: Item, gone: Gone) -> None:
        """End what was admitted for a caller who did not wait for it."""
        kind = "request.cancelled" if gone is Gone.CANCELLED else "request.failed"
        ends = [
            replace(
                event,
                type=kind,
                time=_now(),
                detail={"reason": gone.value},
                content=None,
                uses=None,
            )
            for event in item.events
            if event.type == "request.admitted"
        ]
        if ends:
            with contextlib.suppress(RecordUnavailable):  # then the notary ends it
                self._enqueue(Item(ends, None, 0))

    def _report(self, error: django.db.Error, *, sent: bool = True) -> Fate:
        outcome = self._troubles.database(error, sent=sent)
        if outcome.disk:
            self._refuse_beginnings(outcome)
        return outcome

    def _pause(self, seconds: float) -> float:
        return setbacks.pause(seconds, self._stop_by if self._stopping else None)


def _admits(item: Item) -> bool:
    return any(event.type == "request.admitted" for event in item.events)


def _internal(kind: str, detail: dict[str, int]) -> Item:
    return Item([Event(kind, _now(), detail)], None, 0)


def _now() -> int:
    return time.time_ns() // 1000

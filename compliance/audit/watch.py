"""What the notary looks at beside the log: changes with no event, triggers, the disk.

Each find is an event, and an alarm in the same transaction. A look that fails, whatever the
reason, is tried again; it keeps the notary neither from the log nor from the other looks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from django.db import transaction

from compliance.audit import alarms, capture, changes, journal, triggers
from compliance.models import Change
from compliance.vocabulary import Event

LOOK = 1.0  # seconds between looks for changes
SLOW_LOOK = 30.0  # seconds between looks at triggers and disk
BATCH = 2_000  # changes that one transaction takes
KEY_MAX = 64  # characters; SQLite stores whatever it is given
SPELL = 0.5  # seconds that one look may take at most, of the log's time

_log = logging.getLogger(__name__)

Disk = Callable[[], tuple[int, int]]
"""Free bytes where the record is kept, and how many there should be."""


class Watch:
    """Belongs to the notary's thread. `first` is called once, at the first look that works.

    `also` are the looks of others, each at every one of these.
    """

    def __init__(
        self,
        disk: Disk | None = None,
        first: Callable[[], object] | None = None,
        also: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._disk = disk
        self._first = first
        self._also = also
        self._next = 0.0
        self._next_slow = 0.0
        self._failing = False

    def look(self) -> None:
        """Look at what is due."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK
        failed = ""
        for look in self._due(now):
            try:
                look()
            except Exception as error:  # noqa: BLE001 - nor may one look silence the others
                failed = failed or type(error).__name__
        if failed and not self._failing:
            _log.error("The watch tries again: %s", failed)
        self._failing = bool(failed)

    def _due(self, now: float) -> Iterator[Callable[[], object]]:
        if self._first is not None:
            yield self._begin
        yield from self._also
        yield lambda: _take_for_a_spell(now + SPELL)
        if now >= self._next_slow:
            self._next_slow = now + SLOW_LOOK
            yield look_at_triggers
            if self._disk is not None:
                disk = self._disk
                yield lambda: look_at_disk(*disk())

    def _begin(self) -> None:
        if self._first is not None:
            self._first()
            self._first = None


def _take_for_a_spell(until: float) -> None:
    while take_changes() == BATCH and time.monotonic() < until:
        pass


def take_changes(limit: int = BATCH) -> int:
    """Record the changes that no event speaks of; how many rows were taken."""
    rows = list(Change.objects.order_by("id")[:limit])
    return take(rows) if rows else 0


def take(rows: Sequence[Change]) -> int:
    """Record these, unless another notary has done so since they were read."""
    found = changes.grouped(
        (row.table, row.verb, row.key[:KEY_MAX], row.columns, _microseconds(row.time))
        for row in rows
    )
    with transaction.atomic():
        gone, _ = Change.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if gone != len(rows):
            transaction.set_rollback(True)
            return 0
        for one in found:
            alarms.raise_(alarms.CHANGE, one.table, one.words, one.count)
        journal.record("notary", [_event(one) for one in found])
    return len(rows)


def _event(one: changes.Unrecorded) -> Event:
    key = capture.shown(next(iter(one.keys))) if len(one.keys) == 1 else None
    detail = {
        "table": one.table,
        "verb": one.verb,
        "key": key,
        "rows": len(one.keys),
        "columns": sorted(one.columns),
        "count": one.count,
        "first": one.first,
        "last": one.last,
    }
    return Event(alarms.CHANGE, time.time_ns() // 1000, detail)


def look_at_triggers() -> None:
    """Record that some are missing, once, and that they stand again."""
    missing = triggers.missing()
    before = alarms.standing(alarms.TRIGGERS)
    if missing and not before:
        words = f"{len(missing)} are missing: {', '.join(missing[:5])}. Run manage.py migrate."
        _say(alarms.TRIGGERS, words, {"triggers": missing})
    elif before and not missing:
        _over(alarms.TRIGGERS, "triggers.restored", {})


def look_at_disk(free: int, floor: int) -> None:
    """Record that requests begin to be refused for want of room, once, and that it is over."""
    before = alarms.standing(alarms.DISK)
    if free < floor and not before:
        words = (
            f"{free // 2**20} MiB are free; requests are refused below {floor // 2**20} MiB."
        )
        _say(alarms.DISK, words, {"free": free, "floor": floor})
    elif before and free >= 2 * floor:  # not at once: it would come and go
        _over(alarms.DISK, "disk.recovered", {"free": free, "floor": floor})


def _say(kind: str, words: str, detail: dict[str, object]) -> None:
    with transaction.atomic():
        alarms.raise_(kind, "", words)
        journal.record("notary", [Event(kind, time.time_ns() // 1000, detail)])


def _over(kind: str, said: str, detail: dict[str, object]) -> None:
    with transaction.atomic():
        alarms.end(kind)
        journal.record("notary", [Event(said, time.time_ns() // 1000, detail)])


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)

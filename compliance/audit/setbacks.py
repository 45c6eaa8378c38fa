"""What becomes of a writer's items where database, disk or vault do not take them.

The functions take out of a list of items those that are refused, and return them, so that
their callers are told. Items that are `kept` stay: a request that was admitted must end on
the record, however long that takes.
"""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import django.db
from django.db import connection

from compliance.audit.keystore import VaultUnavailable
from compliance.audit.storage import Fate, Row, fate
from compliance.audit.vault import bucket_of
from compliance.audit.waiting import Item
from compliance.models import Event as StoredEvent
from compliance.vocabulary import TERMINAL, Event, RecordUnavailable

PAUSE_MIN, PAUSE_MAX = 0.02, 0.5  # seconds between attempts while the database is away

_log = logging.getLogger(__name__)


class AlreadyEnded(RecordUnavailable):
    """The request has a terminal event already, and gets no second one."""


class Stopped(Exception):
    """The process ends, and the database still does not answer."""


class Troubles:
    """What keeps a writer from writing, said once until it writes again.

    Belongs to the writer's thread.
    """

    def __init__(self) -> None:
        self._said = False

    def over(self) -> None:
        """Something was stored."""
        self._said = False

    def database(self, error: django.db.Error, *, sent: bool = True) -> Fate:
        """What became of the rows; connects anew where that may help."""
        outcome = fate(error, sent=sent)
        told = outcome.value if outcome.disk else type(error).__name__
        self._say("The record cannot be written: %s", told)
        if outcome is not Fate.FULL and "locked" not in str(error):
            with contextlib.suppress(django.db.Error):
                connection.close()
        return outcome

    def vault(self, error: VaultUnavailable) -> None:
        """Content cannot be kept."""
        self._say("Content cannot be kept: %s", str(error))

    def room(self, may_write: Callable[[], bool]) -> bool:
        """Whether the disk has room; one that does not say so takes no promise."""
        try:
            return may_write()
        except OSError as error:
            self._say("The disk's room is not known: %s", type(error).__name__)
            return False

    def _say(self, what: str, why: str) -> None:
        if not self._said:
            self._said = True
            _log.error(what, why)


def pause(seconds: float, end_by: float | None) -> float:
    """Wait before another attempt; how long the next wait is.

    Raises `Stopped` after `end_by` (monotonic), which a writer has that is to stop.
    """
    if end_by is not None and time.monotonic() > end_by:
        raise Stopped
    time.sleep(seconds)
    return min(2 * seconds, PAUSE_MAX)


def not_needed(items: list[Item]) -> list[Item]:
    """Take out what need not be written, after an error that a wait may not mend."""
    return _take_out(items, [item for item in items if not item.kept])


def ended_twice(items: list[Item], rows: Sequence[Row]) -> list[Item]:
    """Take out what would end a request twice.

    The rest may get other numbers: an attempt that broke a constraint stored nothing.
    """
    ends = [row.event.request for row in rows if row.event.type in TERMINAL]
    found = StoredEvent.objects.filter(request__in=ends, type__in=TERMINAL)
    over = set(found.values_list("request", flat=True))
    twice = []
    for item in items:
        requests = {event.request for event in item.events if event.type in TERMINAL}
        if requests & over:
            twice.append(item)
        over |= requests
    return _take_out(items, twice)


def spent(items: list[Item], requests: frozenset[str]) -> list[Item]:
    """Take out what would use an approval for one of these requests."""
    refused = [
        item
        for item in items
        if any(event.uses and event.request in requests for event in item.events)
    ]
    return _take_out(items, refused)


def without_vault(items: list[Item], buckets: frozenset[int]) -> list[Item]:
    """Take out what would have its content kept under a key of `buckets`, where that cannot be.

    What has ended ends on the record all the same, without its content.
    """
    refused = [
        item
        for item in items
        if not item.kept and any(_keeps(event, buckets) for event in item.events)
    ]
    _take_out(items, refused)
    for item in items:
        item.events = [_without_content(event, buckets) for event in item.events]
    return refused


def place(error: BaseException) -> str:
    """An error's type and where it was raised; its message may quote an event."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"


def _take_out(items: list[Item], refused: list[Item]) -> list[Item]:
    for item in refused:
        items.remove(item)
    return refused


def _keeps(event: Event, buckets: frozenset[int]) -> bool:
    return event.content is not None and bucket_of(event.request or "") in buckets


def _without_content(event: Event, buckets: frozenset[int]) -> Event:
    if not _keeps(event, buckets):
        return event
    detail = {**event.detail, "content": "vault_unavailable"}
    return replace(event, content=None, detail=detail)

"""Holds, stored in the transaction of the events that say so and of the texts that they hold.

So a request waits for a person exactly if the record says that it does, and an approval is used
up exactly if the record says what used it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from compliance.vocabulary import Event

_COLUMNS = "request, application, binding, rules, asked, expires, state, actor, reason, used_by"
_USE = (
    "UPDATE compliance_hold SET state = 'used', used_by = {0} "
    "WHERE request = {0} AND state = 'approved' AND expires > {0} AND EXISTS ("
    "SELECT 1 FROM compliance_content c WHERE c.request = compliance_hold.request "
    "AND c.part = 'held' AND c.expires > {0})"
)
_EMPTY = ("waiting", "", "", "")


class Spent(Exception):
    """Approvals do not stand that events were to use up; nothing may be stored.

    `requests` are those of the events.
    """

    def __init__(self, requests: frozenset[str]) -> None:
        super().__init__(f"{len(requests)} approvals were used, or have ended.")
        self.requests = requests


def on_sqlite(raw: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Store all, inside an open write transaction."""
    rows = [
        (request, application.replace("-", ""), binding, rules, _naive(asked), _naive(end))
        for request, application, binding, rules, asked, end in _rows(events)
    ]
    raw.executemany(
        f"INSERT INTO compliance_hold ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        [(*row, *_EMPTY) for row in rows],
    )


def on_postgresql(cursor: psycopg.Cursor[Any], events: Iterable[Event]) -> None:
    """Store all, inside an open transaction."""
    cursor.executemany(
        f"INSERT INTO compliance_hold ({_COLUMNS}) "  # noqa: S608 - constants
        "VALUES (%s, %s::uuid, %s, %s::jsonb, %s, %s, %s, %s, %s, %s)",
        [(*row, *_EMPTY) for row in _rows(events)],
    )


def use_on_sqlite(raw: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Use up what the events use, inside an open write transaction; raises `Spent`."""
    now = _naive(datetime.now(UTC))
    statement = _USE.format("?")
    _use(events, lambda hold, by: raw.execute(statement, (by, hold, now, now)).rowcount)


def use_on_postgresql(cursor: psycopg.Cursor[Any], events: Iterable[Event]) -> None:
    """Use up what the events use, inside an open transaction; raises `Spent`."""
    now = datetime.now(UTC)
    statement = _USE.format("%s")
    _use(events, lambda hold, by: cursor.execute(statement, (by, hold, now, now)).rowcount)


def _use(events: Iterable[Event], used: Callable[[str, str], int]) -> None:
    # Sorted, so that two writers lock the rows in the same order.
    wanted = sorted((event.uses, event.request or "") for event in events if event.uses)
    if spent := frozenset(by for hold, by in wanted if not used(hold, by)):
        raise Spent(spent)


def _rows(events: Iterable[Event]) -> Iterator[tuple[str, str, str, str, datetime, datetime]]:
    for event in events:
        held, request, application = event.hold, event.request, event.application
        if held is not None and request is not None and application is not None:
            rules = json.dumps(list(held.rules))
            asked, end = _moment(event.time), _moment(held.expires)
            yield request, application, held.binding, rules, asked, end


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _naive(moment: datetime) -> str:
    """As Django stores it on SQLite."""
    return moment.replace(tzinfo=None).isoformat(" ")

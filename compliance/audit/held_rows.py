"""Holds, stored in the transaction of the events that say so and of the texts that they hold.

So a request waits for a person exactly if the record says that it does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from compliance.vocabulary import Event

_COLUMNS = "request, application, binding, rules, asked, expires, state, actor, reason, used_by"
_EMPTY = ("waiting", "", "", "")


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

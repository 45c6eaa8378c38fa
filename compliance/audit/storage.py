"""How a writer's events reach the database: one transaction, one statement's worth of work.

Each append locks the writer's epoch row and stores nothing when the epoch is closed, so
that `request.completed` by a writer and `request.lost` by the notary exclude each other.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from compliance.audit.entry import Encoded
from compliance.vocabulary import Event

COLUMNS = (
    "source", "epoch", "seq", "type", "time", "request", "application",
    "entry", "detail", "detail_key",
)  # fmt: skip
_BUSY_WAIT = 1.0  # seconds to wait for SQLite's one write lock before the caller looks up
_BUSY_STEP = 0.001  # seconds; SQLite's own handler grows to 100 ms, which is a prompt's wait


@dataclass(frozen=True, slots=True)
class Row:
    """A numbered event, as it is stored."""

    event: Event
    source: str
    epoch: int
    seq: int
    encoded: Encoded

    def values(self) -> tuple[Any, ...]:
        """In the order of `COLUMNS`."""
        event, encoded = self.event, self.encoded
        time = datetime.fromtimestamp(event.time / 1_000_000, UTC)
        return (
            self.source, self.epoch, self.seq, event.type, time, event.request,
            event.application, encoded.entry, encoded.detail, encoded.key,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lease:
    """What a writer says of itself when it renews."""

    until: datetime
    open_from: int


class Storage(Protocol):
    """A thread's way into the database. Errors are Django's (`django.db.Error`)."""

    def insert(self, epoch_id: int, rows: Sequence[Row], lease: Lease | None) -> bool:
        """Store rows and renew the lease, durably, all or none; False if the epoch is closed.

        Raises IntegrityError where a row cannot stand beside what is there. After any other
        error the outcome may be unknown.
        """
        ...


def storage() -> Storage:
    """The calling thread's."""
    return _Postgresql(connection) if connection.vendor == "postgresql" else _Sqlite(connection)


def stored(source: str, epoch: int, first: int, last: int) -> dict[int, tuple[bytes, bytes]]:
    """Entry and detail by seq of the events that stand at these positions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, entry, detail FROM compliance_event "
            "WHERE source = %s AND epoch = %s AND seq BETWEEN %s AND %s",
            [source, epoch, first, last],
        )
        return {seq: (bytes(entry), bytes(detail)) for seq, entry, detail in cursor.fetchall()}


class _Sqlite:
    _INSERT = (
        f"INSERT INTO compliance_event ({', '.join(COLUMNS)}) "  # noqa: S608 - constants
        f"VALUES ({', '.join('?' * len(COLUMNS))})"
    )
    _RENEW = (
        "UPDATE compliance_writerepoch SET lease_until = ?, open_from = ? "
        "WHERE id = ? AND closed IS NULL"
    )
    _ALIVE = "SELECT 1 FROM compliance_writerepoch WHERE id = ? AND closed IS NULL"

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self._database = database
        self._prepared: object = None

    def insert(self, epoch_id: int, rows: Sequence[Row], lease: Lease | None) -> bool:
        self._database.ensure_connection()
        raw = self._database.connection
        with self._database.wrap_database_errors:
            if raw is not self._prepared:
                raw.execute("PRAGMA busy_timeout = 0")
                self._prepared = raw
            self._begin(raw)
            try:
                if not self._alive(raw, epoch_id, lease):
                    raw.execute("ROLLBACK")
                    return False
                raw.executemany(self._INSERT, [self._values(row) for row in rows])
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
                raise
        return True

    @staticmethod
    def _begin(raw: sqlite3.Connection) -> None:
        give_up = time.monotonic() + _BUSY_WAIT
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > give_up:
                    raise
                time.sleep(_BUSY_STEP)
            else:
                return

    def _alive(self, raw: sqlite3.Connection, epoch_id: int, lease: Lease | None) -> bool:
        if lease is None:
            return raw.execute(self._ALIVE, (epoch_id,)).fetchone() is not None
        until = lease.until.replace(tzinfo=None).isoformat(" ")
        return raw.execute(self._RENEW, (until, lease.open_from, epoch_id)).rowcount == 1

    @staticmethod
    def _values(row: Row) -> tuple[Any, ...]:
        """As Django stores them: a naive time in UTC, a UUID without dashes."""
        values = list(row.values())
        values[4] = values[4].replace(tzinfo=None).isoformat(" ")
        if values[6] is not None:
            values[6] = values[6].replace("-", "")
        return tuple(values)


class _Postgresql:
    _RENEW = (
        "UPDATE compliance_writerepoch SET lease_until = %(until)s, open_from = %(open_from)s "
        "WHERE id = %(epoch_id)s AND closed IS NULL RETURNING 1"
    )
    _ALIVE = (
        "SELECT 1 FROM compliance_writerepoch WHERE id = %(epoch_id)s AND closed IS NULL "
        "FOR NO KEY UPDATE"
    )
    _TYPES = (
        "text", "integer", "bigint", "text", "timestamptz", "text", "uuid",
        "bytea", "bytea", "bytea",
    )  # fmt: skip

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self._database = database
        self._prepared: object = None
        arrays = ", ".join(
            f"%({name})b::{kind}[]" for name, kind in zip(COLUMNS, self._TYPES, strict=True)
        )
        names = ", ".join(COLUMNS)
        self._insert = (
            f"WITH alive AS ({{alive}}), stored AS ("  # noqa: S608 - constants
            f"INSERT INTO compliance_event ({names}) "
            f"SELECT {names} FROM alive, unnest({arrays}) AS given ({names}) RETURNING 1"
            ") SELECT (SELECT count(*) FROM alive), (SELECT count(*) FROM stored)"
        )

    def insert(self, epoch_id: int, rows: Sequence[Row], lease: Lease | None) -> bool:
        """One statement, so one round trip; it is a transaction of its own."""
        self._database.ensure_connection()
        raw = self._database.connection
        columns = list(zip(*(row.values() for row in rows), strict=True)) or [()] * len(COLUMNS)
        given: dict[str, Any] = {"epoch_id": epoch_id}
        given |= {name: list(column) for name, column in zip(COLUMNS, columns, strict=True)}
        if lease is not None:
            given |= {"until": lease.until, "open_from": lease.open_from}
        statement = self._insert.format(alive=self._ALIVE if lease is None else self._RENEW)
        with self._database.wrap_database_errors:
            if raw is not self._prepared:
                self._prepare(raw)
            with psycopg.Cursor(raw) as cursor:
                cursor.execute(statement, given, prepare=True)
                alive, written = cursor.fetchone() or (0, 0)
        if alive and written != len(rows):
            raise OperationalError(f"The database stored {written} of {len(rows)} events.")
        return bool(alive)

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        """Bound every wait, and insist on durable commits."""
        raw.execute("SET statement_timeout = '4s'")
        raw.execute("SET lock_timeout = '2s'")
        found = raw.execute("SHOW synchronous_commit").fetchone()
        if found and found[0] == "off":
            raw.execute("SET synchronous_commit = on")
        self._prepared = raw

"""How a writer's events reach the database: one transaction, one statement's worth of work.

Each append locks the writer's epoch row and stores nothing when the epoch is closed, so
that `request.completed` by a writer and `request.lost` by the notary exclude each other.
Content that events keep is stored with them (see `keeping`), and costs the others nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Protocol

import django.db
import psycopg
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from compliance.audit import held_rows, keeping
from compliance.audit.entry import Encoded
from compliance.audit.vault import Kept
from compliance.vocabulary import Event

COLUMNS = (
    "source", "epoch", "seq", "type", "time", "request", "application",
    "entry", "detail", "detail_key",
)  # fmt: skip
_BUSY_WAIT = 1.0  # seconds to wait for SQLite's one write lock before the caller looks up
_BUSY_STEP = 0.001  # seconds; SQLite's own handler grows to 100 ms, which is a prompt's wait


@dataclass(frozen=True, slots=True)
class Row:
    """A numbered event, as it is stored. `kept` is its content, where it has any."""

    event: Event
    source: str
    epoch: int
    seq: int
    encoded: Encoded
    kept: Kept | None = None

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


class Fate(Enum):
    """What is known of the rows after an error, in words for whoever wanted them stored.

    In doubt it is UNKNOWN, as after a connection that was lost. The others stored nothing.
    """

    UNKNOWN = "The database does not answer."
    BUSY = "Another holds what the database needs to store the events."
    REFUSED = "The database refused the events."
    FULL = "The disk is full; free some of it."
    BROKEN = "The disk cannot be written: it fails, or its quota is used up, or it is full."

    @property
    def disk(self) -> bool:
        """Whether the disk takes nothing that is written now."""
        return self in (Fate.FULL, Fate.BROKEN)


_REFUSALS = (django.db.DataError, django.db.ProgrammingError, django.db.NotSupportedError)
_SQLITE_FATES = {
    sqlite3.SQLITE_BUSY: Fate.BUSY,
    sqlite3.SQLITE_FULL: Fate.FULL,
    sqlite3.SQLITE_IOERR: Fate.BROKEN,
}


def fate(error: django.db.Error, *, sent: bool = True) -> Fate:
    """What became of the rows whose insertion ended in `error`, if they were `sent` at all.

    SQLite: a page that could not be written leaves the transaction without its last page,
    which holds the commit. What failed to be synced is in doubt: it may outlast a crash.
    PostgreSQL: an ERROR ends the transaction; a FATAL or a PANIC ends the server's process,
    perhaps after the commit (PANIC is what a full disk under the write-ahead log gives).
    """
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0)
        unclear = code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_WRITE
        if code & 0xFF in _SQLITE_FATES and not (sent and unclear):
            return _SQLITE_FATES[code & 0xFF]
    elif isinstance(cause, psycopg.Error) and cause.diag.severity_nonlocalized == "ERROR":
        if isinstance(cause, psycopg.errors.DiskFull):
            return Fate.FULL
        if isinstance(cause, psycopg.errors.LockNotAvailable):
            return Fate.BUSY
    return Fate.REFUSED if isinstance(error, _REFUSALS) else Fate.UNKNOWN


class Storage(Protocol):
    """A thread's way into the database. Errors are Django's (`django.db.Error`)."""

    def insert(self, epoch_id: int, rows: Sequence[Row], lease: Lease | None) -> bool:
        """Store rows and renew the lease, durably, all or none; False if the epoch is closed.

        Raises IntegrityError where a row cannot stand beside what is there, and
        `VaultUnavailable`, with nothing stored, where content cannot be kept, and so
        `held_rows.Spent` where an approval does not stand any more. After any other error
        `fate` says what is known of the outcome.
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
    _INSERTS = {
        count: f"INSERT INTO compliance_event ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - constants
        + ", ".join([f"({', '.join('?' * len(COLUMNS))})"] * count)
        for count in (256, 64, 16, 4, 1)
    }
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
                self._store(raw, rows)
                if kept := [row.kept for row in rows if row.kept]:
                    keeping.on_sqlite(raw, kept)
                    held_rows.on_sqlite(raw, [row.event for row in rows])
                if using := [row.event for row in rows if row.event.uses]:
                    held_rows.use_on_sqlite(raw, using)
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

    def _store(self, raw: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """As many rows a statement as fit: each one gives up the interpreter's lock twice."""
        first = 0
        for count, statement in self._INSERTS.items():
            while len(rows) - first >= count:
                part = rows[first : first + count]
                raw.execute(statement, [value for row in part for value in self._values(row)])
                first += count

    def _alive(self, raw: sqlite3.Connection, epoch_id: int, lease: Lease | None) -> bool:
        if lease is None:
            return raw.execute(self._ALIVE, (epoch_id,)).fetchone() is not None
        until = lease.until.replace(tzinfo=None).isoformat(" ")
        return raw.execute(self._RENEW, (until, lease.open_from, epoch_id)).rowcount == 1

    @staticmethod
    def _values(row: Row) -> tuple[Any, ...]:
        """As Django stores them: a naive time in UTC, a UUID without dashes."""
        event, encoded = row.event, row.encoded
        seconds, rest = divmod(event.time, 1_000_000)
        time = f"{_second(seconds)}.{rest:06d}" if rest else _second(seconds)
        application = event.application and event.application.replace("-", "")
        return (
            row.source, row.epoch, row.seq, event.type, time, event.request,
            application, encoded.entry, encoded.detail, encoded.key,
        )  # fmt: skip


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ")


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
        """One statement, so one round trip; it is a transaction of its own.

        Content takes three more, and a transaction around them; so does each approval used.
        """
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
            kept = [row.kept for row in rows if row.kept]
            using = [row.event for row in rows if row.event.uses]
            if not kept and not using:
                with psycopg.Cursor(raw) as cursor:
                    return self._stored(cursor, statement, given, len(rows))
            with raw.transaction(), psycopg.Cursor(raw) as cursor:
                wrapped = keeping.wrapped_on_postgresql(cursor, kept) if kept else []
                if not self._stored(cursor, statement, given, len(rows)):
                    return False
                keeping.on_postgresql(cursor, kept, wrapped)
                held_rows.on_postgresql(cursor, [row.event for row in rows])
                held_rows.use_on_postgresql(cursor, using)
                return True

    @staticmethod
    def _stored(
        cursor: psycopg.Cursor[Any], statement: str, given: dict[str, Any], count: int
    ) -> bool:
        cursor.execute(statement, given, prepare=True)
        alive, written = cursor.fetchone() or (0, 0)
        if alive and written != count:
            raise OperationalError(f"The database stored {written} of {count} events.")
        return bool(alive)

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        """Bound every wait, and insist on durable commits."""
        raw.execute("SET statement_timeout = '4s'")
        raw.execute("SET lock_timeout = '2s'")
        found = raw.execute("SHOW synchronous_commit").fetchone()
        if found and found[0] == "off":
            raw.execute("SET synchronous_commit = on")
        self._prepared = raw

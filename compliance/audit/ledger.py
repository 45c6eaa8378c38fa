"""The notary's way into the database: which events wait, and where each was placed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from compliance.audit.installation import JOURNALS

Position = tuple[str, int, int]  # source, epoch, next seq


@dataclass(slots=True)
class Waiting:
    """Events in the order in which they join the log, and how far that takes each source."""

    events: list[tuple[int, bytes]] = field(default_factory=list)  # row id, entry
    cursors: list[Position] = field(default_factory=list)


def insist_on_durability() -> None:
    """Let this session's commits be durable when they return."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                cursor.execute("SET synchronous_commit = on")


def head() -> tuple[int, bytes]:
    """The log's size and root."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT size, root FROM compliance_loghead WHERE id = 1")
        size, root = cursor.fetchone()
    return size, bytes(root)


def waiting(limit: int) -> Waiting:
    """The next events of every source, up to its first missing number; at most `limit`.

    Writers come before journals, so that `request.lost` follows its `request.admitted`.
    """
    found = Waiting()
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES)
        positions = sorted(cursor.fetchall(), key=lambda row: (row[0] in JOURNALS, row))
        for source, epoch, first in positions:
            room = limit - len(found.events)
            if not room:
                break
            cursor.execute(_EVENTS, [source, epoch, first, room])
            after = first
            for row, seq, entry in cursor.fetchall():
                if seq != after:
                    break
                found.events.append((row, bytes(entry)))
                after += 1
            if after > first:
                found.cursors.append((source, epoch, after))
    return found


def place(start: int, batch: Waiting, root: bytes) -> bool:
    """Give the events the places from `start` on, durably; False if the head is elsewhere."""
    leaves = [(start + place, row) for place, (row, _) in enumerate(batch.events)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HEAD, [start + len(leaves), root, start])
        if cursor.rowcount != 1:
            return False
        if connection.vendor == "postgresql":
            cursor.execute(
                _LEAVES_AT_ONCE, [[i for i, _ in leaves], [row for _, row in leaves]]
            )
        else:
            cursor.executemany(_LEAVES, leaves)
        cursor.executemany(_CURSOR, batch.cursors)
    return True


def entries(start: int, end: int) -> list[bytes]:
    """The entries `[start, end)` of the log, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [start, end])
        return [bytes(entry) for (entry,) in cursor.fetchall()]


_SOURCES = """
    SELECT w.source, w.epoch, COALESCE(c.next_seq, 0) FROM compliance_writerepoch w
    LEFT JOIN compliance_notarycursor c ON c.source = w.source AND c.epoch = w.epoch
    WHERE w.closed IS NULL OR COALESCE(c.next_seq, 0) < w.next_seq
"""
_EVENTS = """
    SELECT id, seq, entry FROM compliance_event
    WHERE source = %s AND epoch = %s AND seq >= %s ORDER BY seq LIMIT %s
"""
_HEAD = "UPDATE compliance_loghead SET size = %s, root = %s WHERE id = 1 AND size = %s"
_LEAVES = 'INSERT INTO compliance_leaf ("index", event_id) VALUES (%s, %s)'
_LEAVES_AT_ONCE = """
    INSERT INTO compliance_leaf ("index", event_id)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[])
"""
_CURSOR = """
    INSERT INTO compliance_notarycursor (source, epoch, next_seq) VALUES (%s, %s, %s)
    ON CONFLICT (source, epoch) DO UPDATE SET next_seq = excluded.next_seq
"""
_ENTRIES = """
    SELECT e.entry FROM compliance_leaf l JOIN compliance_event e ON e.id = l.event_id
    WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"
"""


@dataclass(frozen=True, slots=True)
class LeafRow:
    """An entry of the log with all that is stored about it; a pruned detail is None."""

    index: int
    source: str
    epoch: int
    seq: int
    type: str
    request: str | None
    application: str | None
    entry: bytes
    detail: bytes | None
    detail_key: bytes | None


def leaves(start: int, end: int) -> list[LeafRow]:
    """The entries `[start, end)` with what is stored about them, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [start, end])
        return [_leaf_row(row) for row in cursor.fetchall()]


def _leaf_row(row: tuple[Any, ...]) -> LeafRow:
    index, source, epoch, seq, kind, request, application = row[:7]
    entry = bytes(row[7])
    detail, key = (None if value is None else bytes(value) for value in row[8:])
    known = str(UUID(str(application))) if application else None
    return LeafRow(index, source, epoch, seq, kind, request, known, entry, detail, key)


def unplaced(size: int) -> list[tuple[str, int, int, int, int]]:
    """Source, epoch, count, first and last seq of the events with no place below `size`."""
    with connection.cursor() as cursor:
        cursor.execute(_UNPLACED, [size])
        return list(cursor.fetchall())


_ROWS = """
    SELECT l."index", e.source, e.epoch, e.seq, e.type, e.request, e.application,
           e.entry, e.detail, e.detail_key
    FROM compliance_leaf l JOIN compliance_event e ON e.id = l.event_id
    WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"
"""
_UNPLACED = """
    SELECT e.source, e.epoch, COUNT(*), MIN(e.seq), MAX(e.seq) FROM compliance_event e
    LEFT JOIN compliance_leaf l ON l.event_id = e.id
    WHERE l.event_id IS NULL OR l."index" >= %s
    GROUP BY e.source, e.epoch ORDER BY e.source, e.epoch
"""

"""The notary's way into the database: which events wait, and where each was placed.

Entries are numbered from 0 in each generation of the log. `Leaf.index` counts through all of
them: a generation's entry n stands at `first + n`.
"""

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


@dataclass(frozen=True, slots=True)
class Held:
    """A generation of the log as the database holds it."""

    number: int
    first: int  # the `Leaf.index` of its entry 0
    size: int
    root: bytes


def insist_on_durability() -> None:
    """Let this session's commits be durable when they return."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                cursor.execute("SET synchronous_commit = on")


def current() -> Held:
    """The generation that grows."""
    with connection.cursor() as cursor:
        cursor.execute(_CURRENT)
        number, first, size, root = cursor.fetchone()
    return Held(number, first, size, bytes(root))


def ended() -> list[Held]:
    """The generations that ended after a restore, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDED)
        rows = cursor.fetchall()
    return [Held(number, first, size, bytes(root)) for number, first, size, root in rows]


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


def place(tree: Held, batch: Waiting, root: bytes) -> bool:
    """Append the events to the generation `tree`, durably; False if the head is elsewhere."""
    first = tree.first + tree.size
    leaves = [(first + place, row) for place, (row, _) in enumerate(batch.events)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HEAD, [tree.size + len(leaves), root, tree.number, tree.size])
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


def entries(start: int, end: int, first: int | None = None) -> list[bytes]:
    """The entries `[start, end)`, in order, of the generation that begins at `first`.

    Without `first`: of the current one.
    """
    offset = current().first if first is None else first
    with connection.cursor() as cursor:
        cursor.execute(placed("e.entry"), [offset + start, offset + end])
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
_CURRENT = 'SELECT generation, "first", size, root FROM compliance_loghead WHERE id = 1'
_ENDED = 'SELECT number, "first", size, root FROM compliance_generation ORDER BY number'
_HEAD = """
    UPDATE compliance_loghead SET size = %s, root = %s
    WHERE id = 1 AND generation = %s AND size = %s
"""
_LEAVES = 'INSERT INTO compliance_leaf ("index", event_id) VALUES (%s, %s)'
_LEAVES_AT_ONCE = """
    INSERT INTO compliance_leaf ("index", event_id)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[])
"""
_CURSOR = """
    INSERT INTO compliance_notarycursor (source, epoch, next_seq) VALUES (%s, %s, %s)
    ON CONFLICT (source, epoch) DO UPDATE SET next_seq = excluded.next_seq
"""


def placed(columns: str) -> str:
    """Selects these `columns` of a range of events, in the log's order.

    The places are `l."index"`, the events `e`; the parameters are the first `l."index"` and the
    one after the last. PostgreSQL is told to find each event by its id. Left alone it sorts
    whole rows, on disk, and reads all events for a few thousand of them.
    """
    if connection.vendor == "postgresql":
        found = (
            '(SELECT "index", event_id FROM compliance_leaf '
            'WHERE "index" >= %s AND "index" < %s ORDER BY "index" OFFSET 0) l '
            "CROSS JOIN LATERAL "
            "(SELECT * FROM compliance_event WHERE id = l.event_id OFFSET 0) e"
        )
    else:
        found = (
            "compliance_leaf l JOIN compliance_event e ON e.id = l.event_id "
            'WHERE l."index" >= %s AND l."index" < %s'
        )
    return f'SELECT {columns} FROM {found} ORDER BY l."index"'  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class LeafRow:
    """An entry of the log with all that is stored about it; a pruned detail is None.

    `index` counts from the generation's entry 0. `time` is the column's, to the second and as
    an entry writes it; empty where the column holds what no event's time is stored as.
    """

    index: int
    source: str
    epoch: int
    seq: int
    type: str
    time: str
    request: str | None
    application: str | None
    entry: bytes
    detail: bytes | None
    detail_key: bytes | None


def leaves(start: int, end: int, first: int | None = None) -> list[LeafRow]:
    """The entries `[start, end)` with what is stored about them; `first` as in `entries`."""
    offset = current().first if first is None else first
    with connection.cursor() as cursor:
        columns = _COLUMNS.format(time=_TIME[connection.vendor])
        cursor.execute(placed(columns), [offset + start, offset + end])
        return [_leaf_row(row, offset) for row in cursor.fetchall()]


def _leaf_row(row: tuple[Any, ...], first: int) -> LeafRow:
    index, source, epoch, seq, kind, time, request, application = row[:8]
    entry = bytes(row[8])
    detail, key = (None if value is None else bytes(value) for value in row[9:])
    whose = _written(application) if application else None
    return LeafRow(
        index - first, source, epoch, seq, kind, time or "", request, whose, entry, detail, key
    )


def _written(application: Any) -> str:
    """An id with its dashes; as it is where it is none, for whoever checks to tell it."""
    try:
        return str(UUID(str(application)))
    except ValueError:
        return str(application)


def unplaced(end: int) -> list[tuple[str, int, int, int, int]]:
    """Source, epoch, count, first and last seq of events with no `Leaf.index` below `end`."""
    with connection.cursor() as cursor:
        cursor.execute(_UNPLACED, [end])
        return list(cursor.fetchall())


def mistyped() -> str | None:
    """An event that its column `type` would not find: its entry has another type.

    As source/epoch/seq. An entry ends with its type and version, and no value in it can hold a
    quotation mark.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MISTYPED[connection.vendor])
        row = cursor.fetchone()
    return "/".join(map(str, row)) if row else None


_COLUMNS = (
    'l."index", e.source, e.epoch, e.seq, e.type, {time}, e.request, e.application, '
    "e.entry, e.detail, e.detail_key"
)
# As text, so that a row is told which holds no time that Python knows, as `infinity`. What
# sorts otherwise than a time that events have gives NULL.
_TIME = {
    "postgresql": (
        "CASE WHEN e.time >= '1970-01-01T00:00:00Z' THEN "
        "to_char(e.time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') END"
    ),
    "sqlite": (
        "CASE WHEN typeof(e.time) = 'text' AND substr(e.time, 11, 1) = ' ' THEN "
        "substr(e.time, 1, 10) || 'T' || substr(e.time, 12, 8) || 'Z' END"
    ),
}
_UNPLACED = """
    SELECT e.source, e.epoch, COUNT(*), MIN(e.seq), MAX(e.seq) FROM compliance_event e
    LEFT JOIN compliance_leaf l ON l.event_id = e.id
    WHERE l.event_id IS NULL OR l."index" >= %s
    GROUP BY e.source, e.epoch ORDER BY e.source, e.epoch
"""
_MISTYPED = {
    vendor: f"SELECT source, epoch, seq FROM compliance_event WHERE {other} LIMIT 1"  # noqa: S608 - constants
    for vendor, other in {
        "postgresql": """position(convert_to('"type":"'||type||'"', 'UTF8') IN entry) = 0""",
        "sqlite": """instr(entry, CAST('"type":"'||type||'"' AS BLOB)) = 0""",
    }.items()
}

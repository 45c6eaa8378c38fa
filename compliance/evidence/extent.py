"""Which entries somebody means who gives two numbers or two times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
from django.db import connection
from django.utils.dateparse import parse_date, parse_datetime

from compliance.audit import checkpoint, ledger
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.columns import agree
from compliance.audit.files import CHECKPOINT, LogFolder, folder_of
from compliance.audit.ledger import Held, LeafRow
from compliance.evidence.file import ExportImpossible
from compliance.models import Generation

NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class TimesChanged(ExportImpossible):
    """It is not known which entries are of a time: the database says others than the log."""


def generation(number: int) -> Held:
    """A generation of the log, the current one for 0; raises `ExportImpossible`."""
    current = ledger.current()
    found = [
        one for one in (*ledger.ended(), current) if one.number == (number or current.number)
    ]
    if not found:
        raise ExportImpossible(
            f"The database has no generation {number} of the log; the current is "
            f"{current.number}."
        )
    return found[0]


def covered(
    begin: str,
    end: str,
    size: int,
    held: Held | None = None,
    read: Callable[[int], LeafRow | None] | None = None,
) -> tuple[int, int]:
    """The entries `[begin, end)` of a log of `size`; raises `ExportImpossible`.

    `held` is the generation that they are of; without it, the current one. `read` gives one of
    its entries; without it, as the database holds it.

    An empty `begin` is the first entry, an empty `end` the end of the log. A time selects from
    the first entry whose event was at or after it, up to the last one before it. Raises
    `TimesChanged` where an entry beside that range has another time than the database says:
    nobody would read the entries of a range that were moved out of it.
    """
    of = held or ledger.current()
    low = _place(begin or "0", "MIN", ">=", of)
    high = _place(end, "MAX", "<", of) if end else size
    if end and not NUMBER.fullmatch(end):
        high += 1
    high = min(high, size)
    beside = [min(low, size) - 1] if _is_time(begin) else []
    beside += [high] if _is_time(end) else []
    for index in beside:
        if 0 <= index < size:
            _insist_on_columns(read(index) if read else _row(index, of), index, of)
    if not 0 <= low < high:
        words = (
            f"The checkpoint covers {size} entries, and none is from {begin or '0'} to "
            f"{end or 'the end'}."
        )
        raise ExportImpossible(" ".join([words, *ending(of, size)]))
    return low, high


def signed(log_dir: Path, held: Held) -> int:
    """How many entries of `held` can be exported: its last checkpoint covers them.

    0 where there is none. For people who ask what there is: no signature is looked at.
    """
    note = LogFolder(folder_of(log_dir, held.number)).read(CHECKPOINT)
    try:
        return reach(held, checkpoint.parse(note).size) if note else 0
    except CheckpointInvalid as error:
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error


def reach(held: Held, size: int) -> int:
    """How many entries of a checkpoint's `size` there are: a restore may have lost some."""
    return size if held.number == ledger.current().number else min(size, held.size)


def ending(held: Held, size: int) -> tuple[str, ...]:
    """How a generation ended, and which of its entries its checkpoint of `size` leaves out.

    Sentences; none for the current one.
    """
    row = Generation.objects.filter(number=held.number).first()
    if row is None:
        return ()
    after = [one.number for one in (*ledger.ended(), ledger.current())]
    later = min(number for number in after if number > held.number)
    words = (
        f"Generation {held.number} of this log ended on {row.ended:%Y-%m-%d} with entry "
        f"{held.size - 1}, because an older database was restored. The log goes on as "
        f"generation {later}; the first entry there says what was lost."
    )
    if size >= held.size:
        return (words,)
    uncovered = (
        f"Its entries {size} to {held.size - 1} are in the database, but no checkpoint in the "
        "log's folder covers them. They cannot be proven, and are in no evidence."
    )
    return (words, uncovered)


def understood(text: str) -> None:
    """Raise `ExportImpossible` unless `text` is empty, an entry's number or a time."""
    if text and not NUMBER.fullmatch(text):
        _time(text)


def _is_time(text: str) -> bool:
    return bool(text) and not NUMBER.fullmatch(text)


def _row(index: int, held: Held) -> LeafRow | None:
    return next(iter(ledger.leaves(index, index + 1, held.first)), None)


def _insist_on_columns(row: LeafRow | None, index: int, held: Held) -> None:
    try:
        same = row is not None and agree(row, orjson.loads(row.entry))
    except ValueError:
        same = False
    if not same:
        raise TimesChanged(
            f"The database's columns do not say what entry {index} of generation {held.number} "
            "says, so it is not known which entries are of that time. Run `manage.py audit "
            "verify`."
        )


def _place(text: str, edge: str, operator: str, held: Held) -> int:
    """An entry number, or the outermost entry whose event was at or after (before) a time."""
    if NUMBER.fullmatch(text):
        return int(text)
    when, first = _time(text), held.first
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {edge}(l."index") FROM compliance_leaf l '  # noqa: S608 - constants
            f"JOIN compliance_event e ON e.id = l.event_id "
            f'WHERE l."index" >= %s AND l."index" < %s AND e.time {operator} %s',
            [
                first,
                first + held.size,
                when if connection.vendor == "postgresql" else when.replace(tzinfo=None),
            ],
        )
        place = cursor.fetchone()[0]
    if place is None:
        return 1 << 62 if edge == "MIN" else -1
    return int(place) - first


def _time(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
        day = parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if moment is None:
        raise ExportImpossible(
            f"{text[:40]!r} is neither an entry's number nor a time such as 2026-11-30 or "
            "2026-11-30T12:00:00Z."
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

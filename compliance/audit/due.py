"""Where in the log the details lie that may be due: by place and time, a few look-ups each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from compliance.models import Generation, LogHead

SKEW = dt.timedelta(minutes=2)  # by which times may be out of the log's order
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Span:
    """A generation of the log, in `Leaf.index`."""

    number: int
    first: int
    end: int


def spans() -> list[Span]:
    """All that the database holds, oldest first."""
    head = LogHead.objects.get(id=1)
    ended = [Span(g.number, g.first, g.first + g.size) for g in Generation.objects.all()]
    return [
        *sorted(ended, key=lambda span: span.number),
        Span(head.generation, head.first, head.first + head.size),
    ]


def end_of(span: Span, low: int, before: dt.datetime) -> int:
    """Where events younger than `before` begin: by halving, some twenty look-ups.

    The least time of some neighbours counts, so that a single clock that was ahead misleads
    nobody. What is out of order by more than `SKEW` is found when the range has grown past it.
    """
    high = span.end
    while low < high:
        middle = (low + high) // 2
        with connection.cursor() as cursor:
            cursor.execute(_LEAST, [middle, span.end])
            (least,) = cursor.fetchone()
        if least is None or _time(least) >= before + SKEW:
            high = middle
        else:
            low = middle + 1
    return high


_LEAST = """
    SELECT MIN(near.time) FROM (
        SELECT e.time FROM compliance_leaf l JOIN compliance_event e ON e.id = l.event_id
        WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index" LIMIT 32) near
"""
_HELD = """
    SELECT l."index", e.id, e.application, e.time, e.type
    FROM compliance_leaf l JOIN compliance_event e ON e.id = l.event_id
    WHERE l."index" >= %s AND l."index" < %s AND e.detail IS NOT NULL ORDER BY l."index"
"""

Held = tuple[int, int, UUID | None, dt.datetime, str]  # index, row id, application, time, type


def detailed(low: int, high: int) -> Iterator[Held]:
    """The events in `[low, high)` that have their details, in the log's order."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [low, high])
        rows = cursor.fetchall()
    for index, row, application, when, kind in rows:
        yield index, row, _uuid(application), _time(when), kind


@lru_cache(maxsize=1_024)
def _uuid(stored: Any) -> UUID | None:
    """SQLite stores whatever it is given; what is no UUID belongs to nobody's rule."""
    if stored is None or isinstance(stored, UUID):
        return stored
    try:
        return UUID(stored)
    except (ValueError, AttributeError):
        return _NOBODY


def _time(stored: Any) -> dt.datetime:
    """SQLite holds a naive time in UTC, and a minimum of such as text."""
    when = stored if isinstance(stored, dt.datetime) else dt.datetime.fromisoformat(stored)
    return when if when.tzinfo else when.replace(tzinfo=dt.UTC)

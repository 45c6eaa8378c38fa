"""Reading the record newest first, at a speed that does not depend on its size.

No page counts rows, skips rows or looks at more than `SPAN` of them. Where a filter finds
little, the page says how far back it looked, and the next one goes on from there. So the
hot path pays for no index that only people's searches would use.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, Func, Max, Min, QuerySet

from compliance.models import Event

SIZE = 50  # rows of a page
SPAN = 100_000  # events that one page looks at
SKEW = dt.timedelta(minutes=2)
"""How far `time` may be out of the order of `id`: writers queue, and clocks differ."""


@dataclass(frozen=True, slots=True)
class Page:
    """Up to `SIZE` events, newest first.

    `older` is where the next page begins (an id, exclusive); None at the beginning of the
    record or of the period. `searched_to` is the time of the oldest event looked at, where the
    page has room for more.
    """

    events: list[Event]
    older: int | None
    searched_to: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to `until`, either of which may be open."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None


def page(events: QuerySet[Event], period: Period, before: int | None = None) -> Page:
    """The newest of `events` in `period` whose id is less than `before`."""
    floor = _first_at(period.since - SKEW) if period.since else _edge(Min("id"))
    top = _edge(Max("id")) + 1
    if period.until:
        top = min(top, _first_at(period.until + SKEW))
    if before is not None:
        top = min(top, before)
    low = max(floor, top - SPAN)
    if period.since:
        events = events.filter(time__gte=period.since)
    if period.until:
        events = events.filter(time__lt=period.until)
    rows = list(events.filter(id__gte=low, id__lt=top).order_by("-id")[: SIZE + 1])
    if len(rows) > SIZE:
        return Page(rows[:SIZE], rows[SIZE - 1].pk, None)
    if low > floor:
        oldest = Event.objects.filter(id__gte=low).order_by("id").values_list("time").first()
        return Page(rows, low, oldest[0] if oldest else None)
    return Page(rows, None, None)


def first_since(moment: dt.datetime, at_most: int) -> int:
    """Where to begin to see all events since `moment`, but not more than `at_most` events."""
    return max(_first_at(moment - SKEW), _edge(Max("id")) + 1 - at_most)


def _edge(which: Max | Min) -> int:
    return Event.objects.aggregate(edge=which)["edge"] or 0


def _first_at(moment: dt.datetime) -> int:
    """The id at which the events of `moment` begin: by halving, about log2(rows) look-ups."""
    low, high = _edge(Min("id")), _edge(Max("id")) + 1
    while low < high:
        middle = (low + high) // 2
        found = Event.objects.filter(id__gte=middle).order_by("id").values_list("id", "time")
        row = found.first()
        if row is None or row[1] >= moment:
            high = middle
        else:
            low = row[0] + 1
    return low


class Said(Func):
    """A word in an event's detail, by its name: `Said("detail", name="decision")`.

    A member of a member has a dot in its name, as in `obligations.review`.
    """

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """A blob is cast, because SQLite would take it for its own binary JSON."""
        name = self.extra["name"]
        template = f"json_extract(CAST(%(expressions)s AS TEXT), '$.{name}')"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """A detail is UTF-8."""
        path = self.extra["name"].replace(".", ",")
        template = f"(convert_from(%(expressions)s, 'UTF8')::json #>> '{{{path}}}')"
        return self.as_sql(compiler, connection, template=template, **extra)


def decisions(since: dt.datetime, at_most: int) -> Mapping[tuple[str, str | None], int]:
    """How many requests since `since`, by type of event and decision."""
    first = first_since(since, at_most)
    rows = (
        Event.objects.filter(id__gte=first, time__gte=since, type__startswith="request.")
        .annotate(decision=Said("detail", name="decision"))
        .values_list("type", "decision")
        .annotate(count=Count("id"))
        .order_by()
    )
    return {(kind, decision): count for kind, decision, count in rows}

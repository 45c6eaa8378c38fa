"""What the log says of details that are not there any more.

The log's own events (`record.pruned`) excuse a missing detail, not the table of permits:
whoever can write to a table cannot write to the log unseen.
"""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max

from compliance.audit import kept
from compliance.audit.installation import JOURNALS
from compliance.models import Event, Pruning

PRUNED = "record.pruned"


@dataclass(frozen=True, slots=True)
class Cover:
    """A `record.pruned` of the log, as its detail says. `begin` and `end` are of a generation.

    It excuses events of `application` alone; where that is None, of no application.
    """

    generation: int
    begin: int
    end: int
    application: str | None
    before: str  # YYYY-MM-DD, UTC
    count: int
    rule: str
    reason: str


class Covers:
    """All of them, in the log's order, to be asked for each missing detail.

    `newest` is the id of the newest permit there was when they were read.
    """

    def __init__(self, covers: Iterable[Cover], newest: int = 0) -> None:
        self._newest = newest
        self._by: dict[tuple[int, str | None], list[Cover]] = defaultdict(list)
        self._reach: dict[tuple[int, str | None], list[str]] = defaultdict(list)
        for cover in covers:
            key = cover.generation, cover.application
            self._by[key].append(cover)
            reach = self._reach[key]  # the latest `before` so far, so that it can be halved
            reach.append(max(cover.before, reach[-1] if reach else ""))

    @classmethod
    def of_log(cls) -> Covers:
        """From the events that have their places in the log."""
        return cls(_covers("JOIN"))

    @classmethod
    def recorded(cls) -> Covers:
        """From all events; those that wait for their places come last.

        A detail goes as soon as the event is on record, and the notary may be away.
        """
        newest = _newest_permit()
        return cls(_covers("LEFT JOIN"), newest)

    @property
    def outdated(self) -> bool:
        """Whether a rule was applied since they were read."""
        return _newest_permit() > self._newest

    def find(
        self, generation: int, index: int, application: str | None, time: str, kind: str
    ) -> Cover | None:
        """What excuses this entry's missing detail, and counted it; None where nothing does.

        That is the first in the log. `time` is the entry's own.
        """
        if kept.is_kept(kind):
            return None
        key, day = (generation, application), time[:10]
        covers = self._by.get(key, [])
        for cover in covers[bisect.bisect_right(self._reach.get(key, []), day) :]:
            if cover.begin <= index < cover.end and day < cover.before:
                return cover
        return None


def read(detail: bytes) -> Cover | None:
    """The detail of a `record.pruned`; None where it is not one."""
    try:
        said = json.loads(detail)
        names = ("generation", "begin", "end", "count")
        numbers = [said[name] for name in names]
        texts = [said[name] for name in ("before", "rule", "reason")]
        application = said["application"]
    except (ValueError, KeyError, TypeError):
        return None
    if not all(type(one) is int for one in numbers) or not all(
        isinstance(one, str) for one in (*texts, application or "")
    ):
        return None
    generation, begin, end, count = numbers
    return Cover(generation, begin, end, application, texts[0], count, texts[1], texts[2])


def _covers(join: str) -> Iterator[Cover]:
    marks = ", ".join(["%s"] * len(JOURNALS))
    with connection.cursor() as cursor:
        cursor.execute(_COVERS.format(join=join, marks=marks), [*JOURNALS, PRUNED])
        details = [bytes(detail) for (detail,) in cursor.fetchall() if detail is not None]
    return (cover for detail in details if (cover := read(detail)) is not None)


_COVERS = """
    SELECT e.detail FROM compliance_event e {join} compliance_leaf l ON l.event_id = e.id
    WHERE e.source IN ({marks}) AND e.type = %s ORDER BY l."index" IS NULL, l."index", e.id
"""


def _newest_permit() -> int:
    return int(Pruning.objects.aggregate(newest=Max("id"))["newest"] or 0)


@dataclass(frozen=True, slots=True)
class Removal:
    """When the details of an event went, and by which rule; for people."""

    pruning: Pruning
    event: Event | None
    rule: str


def removal(event: Event) -> Removal | None:
    """What removed this event's detail; None where it is there, or nobody knows."""
    if event.detail is not None:
        return None
    leaf = getattr(event, "leaf", None)
    if leaf is None:
        return None
    permits = Pruning.objects.filter(
        begin__lte=leaf.index, end__gt=leaf.index, before__gt=event.time
    )
    permit = permits.filter(application=event.application).order_by("id").first()
    if permit is None:
        return None
    told = Event.objects.filter(
        source__in=JOURNALS, type=PRUNED, time=permit.pruned, application=permit.application
    ).first()
    cover = read(bytes(told.detail)) if told is not None and told.detail is not None else None
    return Removal(permit, told, cover.rule if cover else "")

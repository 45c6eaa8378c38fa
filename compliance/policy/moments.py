"""Times that rules can tell apart, each shown by one moment.

Rules look at a time in two ways: which hours it is within, on the clocks of the policies'
zones, and which countries are in a region then. Between two changes of a clock's offset and of
a membership all weeks are alike, so that one week of each such span shows every combination.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from compliance.policy.regions import spans
from compliance.policy.terms import Hours, Policy
from compliance.policy.zones import zone

SECOND = 1_000_000
"""Times are in microseconds since the Unix epoch."""
MINUTE = 60 * SECOND
DAY = 1_440 * MINUTE
WEEK = 7 * DAY
YEAR = 366 * DAY

Sign = tuple[int, tuple[bool, ...]]
"""The number of the span between changes of memberships, and which hours hold."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments that stand for all times from `since` to `until` (not included)."""

    since: int
    until: int
    hours: tuple[tuple[Hours, str], ...]
    changes: tuple[int, ...]
    shown: Mapping[Sign, int]

    @property
    def all(self) -> tuple[int, ...]:
        """One moment each, in the order in which they first occur."""
        return tuple(self.shown.values())

    def like(self, time: int) -> int:
        """The moment that no rule can tell from a time.

        Raises `KeyError` for a time that is like none, which must lie outside of the span.
        """
        return self.shown[self._sign(time)]

    def spans(self) -> Iterator[tuple[int, frozenset[int]]]:
        """When each span between changes of memberships begins, with the moments in it."""
        for number, begin in enumerate((self.since, *self.changes)):
            yield (
                begin,
                frozenset(t for (span, _held), t in self.shown.items() if span == number),
            )

    def _sign(self, time: int) -> Sign:
        held = tuple(holds(hours, zone(name), time) for hours, name in self.hours)
        return bisect_right(self.changes, time), held


def holds(hours: Hours, clock: ZoneInfo, time: int) -> bool:
    """Whether a time is within the hours, on the clock of a zone."""
    local = dt.datetime.fromtimestamp(time // SECOND, clock)
    day, minute = local.isoweekday(), local.hour * 60 + local.minute
    if hours.start is None or hours.end is None:
        return _on(hours, day)
    if hours.start < hours.end:
        return _on(hours, day) and hours.start <= minute < hours.end
    before = 7 if day == 1 else day - 1
    return (minute >= hours.start and _on(hours, day)) or (
        minute < hours.end and _on(hours, before)
    )


def _on(hours: Hours, day: int) -> bool:
    return hours.days is None or day in hours.days


def moments(
    policies: Sequence[Policy],
    *,
    since: int,
    named: Iterable[tuple[str, str]] = (),
) -> Moments:
    """The moments of some policies; `named` are regions with the edition that they are of.

    They reach a year beyond the last change of a membership that is known, so that every zone's
    clock was set forth and back in between.
    """
    changes = tuple(sorted({time for time in _changes(named) if time > since}))
    hours = tuple(
        dict.fromkeys(
            (rule.when.hours, policy.zone_name)
            for policy in policies
            for rule in policy.rules
            if rule.when.hours is not None
        )
    )
    until = max((since, *changes)) + YEAR
    made = Moments(since, until, hours, changes, {})
    shown: dict[Sign, int] = {}
    for time in _looks(hours, changes, since, until):
        shown.setdefault(made._sign(time), time)  # noqa: SLF001 - its own
    return Moments(since, until, hours, changes, shown)


def _changes(named: Iterable[tuple[str, str]]) -> Iterator[int]:
    for region, edition in set(named):
        for _country, begins, ends in spans(region, edition):
            yield begins
            if ends is not None:
                yield ends


def _looks(
    hours: Sequence[tuple[Hours, str]], changes: Sequence[int], since: int, until: int
) -> Iterator[int]:
    """Every time at which something may change, once for spans that are alike."""
    clocks = sorted({name for _hours, name in hours})
    edges = {since, until, *changes}
    for name in clocks:
        edges |= set(_turns(zone(name), since, until))
    seen: set[tuple[int, tuple[int, ...]]] = set()
    marks = {m for one, _zone in hours for m in (0, one.start or 0, one.end or 0)}
    inside = sorted(edges)
    for begin, end in pairwise(inside):
        yield begin
        offsets = tuple(_offset(zone(name), begin) for name in clocks)
        alike = (bisect_right(changes, begin), tuple(o - offsets[0] for o in offsets))
        if not hours or alike in seen:
            continue
        if end - begin >= WEEK:
            seen.add(alike)
        for offset in set(offsets):
            yield from _marked(begin, min(end, begin + WEEK), offset, marks)


def _marked(begin: int, end: int, offset: int, marks: set[int]) -> Iterator[int]:
    """The times from `begin` to `end` at which a clock with this offset shows a mark."""
    midnight = (begin + offset) // DAY * DAY - offset
    while midnight < end:
        for mark in marks:
            if begin <= (time := midnight + mark * MINUTE) < end:
                yield time
        midnight += DAY


def _offset(clock: ZoneInfo, time: int) -> int:
    """Microseconds by which a clock is ahead of UTC."""
    ahead = dt.datetime.fromtimestamp(time // SECOND, clock).utcoffset() or dt.timedelta()
    return ahead // dt.timedelta(microseconds=1)


def _turns(clock: ZoneInfo, since: int, until: int) -> Iterator[int]:
    """When a clock is set forth or back, found day by day and then by halving."""
    for day in range(since, until, DAY):
        low, high = day, min(day + DAY, until)
        if _offset(clock, low) == _offset(clock, high):
            continue
        while high - low > SECOND:
            middle = (low + high) // 2
            if _offset(clock, middle) == _offset(clock, low):
                low = middle
            else:
                high = middle
        yield high // SECOND * SECOND

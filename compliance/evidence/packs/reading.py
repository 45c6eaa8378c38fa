"""Reading the record for a pack: only what the log's signed checkpoints cover, and verified.

`Reading.events` hashes every entry of its ranges, holds the outcome against each generation's
checkpoint, and every detail against the entry that commits to it. What it yielded holds once it
has ended without an error; so a pack is put on paper after that, never before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from compliance.audit import cosigned, ledger
from compliance.audit.columns import agree
from compliance.audit.entry import commitment
from compliance.audit.ledger import LeafRow
from compliance.audit.owners import Owners
from compliance.audit.pruned import Covers
from compliance.evidence.packs.covered import UNSOUND, Covered, PackImpossible, generations
from compliance.models import Leaf

__all__ = ["PackImpossible", "Period", "Progress", "Reading", "Verified", "nobody_waits"]
Ranges = tuple[tuple[int, int, int], ...]
"""Generation, and in it the entries `[begin, end)`."""

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do; may raise to end the run."""


def nobody_waits(_done: int, _total: int) -> None:
    """The progress that nobody wants to see."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to `until` (exclusive), either of which may be open."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def holds(self, moment: dt.datetime) -> bool:
        """Whether the moment is in it."""
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment < self.until
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """An event as the log commits to it: entry `index` of a generation.

    `detail` is None where a retention rule removed it.
    """

    generation: int
    index: int
    type: str
    time: dt.datetime
    source: str
    epoch: int
    seq: int
    request: str | None
    application: str | None
    detail: Mapping[str, Any] | None
    content: str = ""  # the commitment to what was kept, where something was

    def said(self, name: str) -> Any:
        """A member of the detail; None where there is none."""
        return None if self.detail is None else self.detail.get(name)


class Reading:
    """The log in all its generations, each under its newest checkpoint."""

    def __init__(self, log: Path, period: Period) -> None:
        """Raises `PackImpossible`."""
        self.generations, self.words = generations(log)
        self.policy = cosigned.policy()
        self.period = period
        for one in self.generations:
            one.narrow(period.since, period.until)
        self._owners = Owners()  # after the checkpoints, so that it knows all whom they cover
        self._covers = Covers.of_log()
        self._typed = False
        self._registered: frozenset[str] | None = None

    @property
    def newest(self) -> Covered:
        """The generation that grows."""
        return self.generations[-1]

    @property
    def read(self) -> Ranges:
        """What is read: entries `[begin, end)` of each generation that has any."""
        return tuple(
            (one.number, one.begin, one.end) for one in self.generations if one.begin < one.end
        )

    @property
    def count(self) -> int:
        """How many entries that is."""
        return sum(end - begin for _, begin, end in self.read)

    def nothing(self) -> None:
        """Read no entry: it is not known of when."""
        for one in self.generations:
            one.begin = one.end = 0

    def events(self, progress: Progress = nobody_waits) -> Iterator[Verified]:
        """The events of the period, in the log's order; raises `PackImpossible`."""
        done, total = 0, self.count
        if total:
            self.registered()  # each with its application's label key
        for one in self.generations:
            for rows in one.pieces():
                progress(done, total)
                for row in rows:
                    event = self._verified(one.number, row)
                    if self.period.holds(event.time):
                        yield event
                done += len(rows)
        if total:
            progress(total, total)

    def registered(self) -> frozenset[str]:
        """The applications whose registration a checkpoint covers, by their ids."""
        if self._registered is None:
            found = self.of_types("application.registered")
            self._registered = frozenset(one.application for one in found if one.application)
        return self._registered

    def of_types(self, *types: str) -> list[Verified]:
        """Every event of these types under a checkpoint, oldest first, each proven alone.

        For the few that a pack needs from outside of its period, as registrations. They are
        found by the database's column; where any event's says another type than its entry, no
        pack is made.
        """
        if not self._typed and (where := ledger.mistyped()):
            raise PackImpossible(
                f"Event {where}: its columns do not say what was signed. {UNSOUND}"
            )
        self._typed = True
        found = Leaf.objects.filter(event__type__in=types).order_by("index")
        places = list(found.values_list("index", flat=True))
        return [
            self._verified(one.number, one.one(place - one.held.first))
            for one in self.generations
            for place in places
            if 0 <= place - one.held.first < one.reach
        ]

    def _verified(self, generation: int, row: LeafRow) -> Verified:
        """What the entry says, with its detail and the database's columns held against it."""
        entry = _object(row.entry)
        where = f"Entry {row.index} ({row.type}) of generation {generation}"
        if entry is None:
            raise PackImpossible(f"{where} is not JSON. {UNSOUND}")
        if not agree(row, entry):
            raise PackImpossible(f"{where}: its columns do not say what was signed. {UNSOUND}")
        detail = None
        if row.detail is not None and row.detail_key is not None:
            detail = _object(row.detail)
            if detail is None or entry.get("detail") != commitment(row.detail_key, row.detail):
                raise PackImpossible(f"{where}: its detail is not the one signed. {UNSOUND}")
        when = dt.datetime.fromisoformat(str(entry["time"]))
        if detail is not None:
            when = dt.datetime.fromtimestamp(int(detail["time"]) / 1_000_000, dt.UTC)
        elif not self._covers.find(
            generation, row.index, row.application, str(entry["time"]), row.type
        ):
            raise PackImpossible(f"{where}: its detail is gone, and no rule says so. {UNSOUND}")
        for problem in self._owners.problems(row, entry):
            raise PackImpossible(f"{where}: {problem} {UNSOUND}")
        for problem in self._owners.unknown():
            raise PackImpossible(f"{where}: {problem} {UNSOUND}")
        return Verified(
            generation=generation,
            index=row.index,
            type=row.type,
            time=when,
            source=row.source,
            epoch=row.epoch,
            seq=row.seq,
            request=row.request,
            application=row.application,
            detail=detail,
            content=str(entry.get("content", "")),
        )


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(data)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None

"""What each entry says, held against its columns, its detail and the entries before it.

What is held in memory grows with the number of open requests, of writer epochs and of prunings.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.utils.dateparse import parse_datetime

from compliance.audit import ledger
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.entry import canonical, commitment
from compliance.audit.findings import Report
from compliance.audit.owners import Owners
from compliance.audit.pruned import Cover, Covers
from compliance.audit.second_key import KEY_ADDED, told
from compliance.models import WriterEpoch
from compliance.vocabulary import TERMINAL

GRACE = timedelta(seconds=30)  # within which an admitted request has ended, or is lost


def agree(row: ledger.LeafRow, entry: object) -> bool:
    """Whether the columns by which an event is found say what its parsed entry says.

    Its application is not among them: see `owners`.
    """
    stored = (row.source, row.epoch, row.seq, row.type, row.time, row.request)
    names = ("source", "epoch", "seq", "type", "time", "request")
    return isinstance(entry, dict) and stored == tuple(map(entry.get, names))


class Columns:
    """The log's entries in their order, through all of its generations."""

    generation: int

    def __init__(self, report: Report) -> None:
        self.report = report
        self.next: Counter[tuple[str, int]] = Counter()
        self.announced: dict[tuple[str, int], int] = {}
        self.open: dict[str, tuple[str, str, str, int]] = {}  # entry, time, source, epoch
        self.early: dict[str, str] = {}  # ends that came before their beginnings
        self.covers = Covers.recorded()
        self.removed: Counter[Cover] = Counter()
        self.owners = Owners()
        self.second: list[tuple[int, bytes]] = []  # keys of ML-DSA-44 and where they are named

    def begin(self, generation: int) -> None:
        """The entries that follow are of that generation; a key named before stays named."""
        self.generation = generation
        self.second = [(-1, key) for _, key in self.second[-1:]]

    def name(self, index: int) -> str:
        """An entry, for people."""
        of = f" of generation {self.generation}" if self.generation > 1 else ""
        return f"entry {index}{of}"

    def entry(self, row: ledger.LeafRow) -> None:
        """The next one."""
        self.report.entries += 1
        name = self.name(row.index).capitalize()
        where = f"{name} ({row.type} {row.source}/{row.epoch}/{row.seq})"
        try:
            entry = orjson.loads(row.entry)
            same = type(entry) is dict and canonical(entry) == row.entry
        except ValueError:
            same = False
        if not same:
            self.report.problem(f"{where} is not canonical JSON.")
            return
        if not agree(row, entry):
            self.report.problem(f"{where}: its columns do not say what its entry says.")
        if row.detail is None or row.detail_key is None:
            self._missing(row, str(entry.get("time")), where)
        elif entry.get("detail") != commitment(row.detail_key, row.detail):
            self.report.problem(f"{where}: its detail is not the one that was committed to.")
        for problem in self.owners.problems(row, entry):
            self.report.problem(f"{where}: {problem}")
        self._sequence(row, where)
        if row.type == KEY_ADDED:
            self._second_key(row, where)
        if row.request is not None:
            self._request(row, row.request, str(entry.get("time")), where)

    def _missing(self, row: ledger.LeafRow, time: str, where: str) -> None:
        """A detail may be gone only by a rule, and only if the log itself says so."""
        cover = None
        if row.detail is None and row.detail_key is None:
            cover = self._cover(row, time)
        if cover is None:
            self.report.problem(
                f"{where}: its detail is missing, and no rule on the record removed it."
            )
        else:
            self.removed[cover] += 1

    def _cover(self, row: ledger.LeafRow, time: str) -> Cover | None:
        """What excuses a missing detail, also if it was recorded since the check began."""
        place = self.generation, row.index, row.application, time, row.type
        found = self.covers.find(*place)
        if found is None and self.covers.outdated:
            self.covers = Covers.recorded()
            found = self.covers.find(*place)
        return found

    def _sequence(self, row: ledger.LeafRow, where: str) -> None:
        writer = (row.source, row.epoch)
        if row.seq != self.next[writer]:
            self.report.problem(f"{where}: expected number {self.next[writer]} of its writer.")
        self.next[writer] = row.seq + 1
        if row.type in ("writer.stopped", "writer.lost"):
            try:
                detail: dict[str, Any] = orjson.loads(row.detail or b"")
                ended = (detail.get("source", row.source), detail.get("epoch", row.epoch))
                self.announced[ended] = int(detail["events"])
            except (ValueError, KeyError, TypeError):
                self.report.problem(f"{where} does not say how many events there were.")

    def _second_key(self, row: ledger.LeafRow, where: str) -> None:
        try:
            self.second.append((row.index, told(row.detail)))
        except CheckpointInvalid as error:
            self.report.problem(f"{where}: {error}")

    def _request(self, row: ledger.LeafRow, request: str, time: str, where: str) -> None:
        if row.type == "request.admitted":
            self.report.requests += 1
            if self.early.pop(request, None) is None:
                if request in self.open:
                    self.report.problem(f"{where}: request {request} was admitted twice.")
                self.open[request] = (self.name(row.index), time, row.source, row.epoch)
        elif row.type in TERMINAL and self.open.pop(request, None) is None:
            if request in self.early:
                self.report.problem(f"{where}: request {request} ended twice.")
            self.early[request] = self.name(row.index)

    def end(self, end: int) -> None:
        """What must hold after the last entry; `end` is the `Leaf.index` after it."""
        self._details_end()
        for problem in self.owners.unknown():
            self.report.problem(problem)
        self._requests_end()
        self._sources_end(end)

    def _details_end(self) -> None:
        """Say how many details each rule removed; no more than it said."""
        by_rule: Counter[str] = Counter()
        for cover, count in self.removed.items():
            by_rule[cover.rule] += count
            if count > cover.count:
                self.report.problem(
                    f"{count} details are missing where a rule removed {cover.count}: entries "
                    f"{cover.begin} to {cover.end - 1} before {cover.before}. {cover.rule}"
                )
        for rule, count in sorted(by_rule.items()):
            self.report.notes.append(f"{count} details were removed by rule: {rule}")

    def _requests_end(self) -> None:
        """Every admitted request has ended, or its writer lives."""
        closed = set(WriterEpoch.objects.exclude(closed=None).values_list("source", "epoch"))
        late = datetime.now(UTC) - GRACE
        for request, (name, time, source, epoch) in self.open.items():
            began = parse_datetime(time)
            if (source, epoch) in closed and began is not None and began < late:
                self.report.problem(
                    f"Request {request} ({name}) was admitted and never ended, and its "
                    f"writer {source}/{epoch} is closed."
                )
            else:
                self.report.open_requests += 1
        for request, name in self.early.items():
            self.report.problem(
                f"Request {request} ({name}) ended twice, or was never admitted."
            )

    def _sources_end(self, end: int) -> None:
        """Every writer's events are there up to the number that it announced."""
        for (source, epoch), count in self.announced.items():
            if self.next[source, epoch] > count:
                self.report.problem(
                    f"Writer {source}/{epoch} ended with {count} events; the log has more."
                )
        for source, epoch, held, first, last in ledger.unplaced(end):
            expected = self.next[source, epoch]
            self.report.waiting += held
            if first != expected or last != expected + held - 1:
                self.report.problem(
                    f"Events of writer {source}/{epoch} are missing from number {expected} on."
                )
            self.next[source, epoch] = last + 1
        for (source, epoch), count in self.announced.items():
            if self.next[source, epoch] < count:
                self.report.problem(
                    f"Writer {source}/{epoch} ended with {count} events; "
                    f"{count - self.next[source, epoch]} are missing."
                )

"""The whole log, checked against the database, the tiles and the checkpoint, in plain words.

Streams: what it holds in memory grows with the number of open requests and of writer epochs,
not with the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils.dateparse import parse_datetime

from compliance.audit import checkpoint, ledger, triggers
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.entry import canonical, commitment, label, label_key_digest
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder
from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.merkle import EMPTY_ROOT
from compliance.audit.tiles import Builder
from compliance.models import Application, WriterEpoch
from compliance.vocabulary import TERMINAL

CHUNK = 1_024  # entries read at a time
PROBLEMS_MAX = 50  # told one by one
GRACE = timedelta(seconds=30)  # within which an admitted request has ended, or is lost


@dataclass(slots=True)
class Report:
    """What was found. `problems` are contradictions; `notes` are not."""

    entries: int = 0
    requests: int = 0
    open_requests: int = 0
    waiting: int = 0  # events that are recorded and not yet in the log
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    more_problems: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts anything."""
        return not self.problems

    def problem(self, text: str) -> None:
        """Note a contradiction; after the first fifty they are only counted."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)
        else:
            self.more_problems += 1

    def _counts(self) -> str:
        return (
            f"{self.entries} entries, {self.requests} admitted requests "
            f"({self.open_requests} still open), {self.waiting} events waiting."
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The report for people, a sentence a line; the verdict first."""
        verdict = "The log is sound." if self.ok else "THE LOG IS NOT SOUND."
        more = (f"and {self.more_problems} more.",) if self.more_problems else ()
        return (f"{verdict} {self._counts()}", *self.problems, *more, *self.notes)


def verify_log(log_dir: Path | None = None, public_key: bytes | None = None) -> Report:
    """Check the whole log. Without arguments: this appliance's, with this appliance's key."""
    folder = LogFolder(log_dir or settings.DOMICILE.data / "log")
    report = Report()
    last = _signed(folder, public_key, report)
    size, root = ledger.head()
    if last.size > size:
        report.problem(
            f"The checkpoint covers {last.size} entries and the database holds {size}: entries "
            "were cut off, or an older copy of the database was restored."
        )
    walk = _Walk(report, folder, last)
    for low in range(0, size, CHUNK):
        high = min(low + CHUNK, size)
        walk.rows(low, high, ledger.leaves(low, high))
    walk.tree_ends(size, root)
    walk.requests_end()
    walk.sources_end(size)
    for name in triggers.missing():
        report.problem(f"The trigger {name} is missing; run `manage.py migrate` to restore it.")
    return report


def _signed(folder: LogFolder, public_key: bytes | None, report: Report) -> Checkpoint:
    note = folder.read(CHECKPOINT)
    nothing = Checkpoint("", 0, EMPTY_ROOT)
    if note is None:
        report.problem(f"There is no checkpoint in {folder.root}; is the notary running?")
        return nothing
    try:
        key = public_key or _public_key(folder, report)
        return checkpoint.verify(note, checkpoint.parse(note).origin, key)
    except CheckpointInvalid as error:
        report.problem(str(error))
        return nothing


def _public_key(folder: LogFolder, report: Report) -> bytes:
    try:
        seed = read_key(settings.DOMICILE.data / "keys" / "log.ed25519")
    except KeyUnusable:
        line = (folder.read(VERIFIER_KEY) or b"").decode(errors="replace").strip()
        report.notes.append("The log's key is not here; its public key was taken from the log.")
        return checkpoint.parse_verifier_key(line)[1]
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


class _Walk:
    """One pass over the log from its first entry."""

    def __init__(self, report: Report, folder: LogFolder, last: Checkpoint) -> None:
        self.report = report
        self.folder = folder
        self.last = last
        self.builder = Builder()
        self.next: Counter[tuple[str, int]] = Counter()
        self.announced: dict[tuple[str, int], int] = {}
        self.open: dict[str, tuple[int, str, str, int]] = {}  # index, time, source, epoch
        self.early: dict[str, int] = {}  # ends that came before their beginnings
        self.keys: dict[str, bytes] = {}  # of applications, by id
        self.digests: dict[str, str] = {}  # digests of these keys, by the unique name
        for identifier, name, key in Application.objects.values_list("id", "name", "label_key"):
            self.keys[str(identifier)] = bytes(key)
            self.digests[name] = label_key_digest(bytes(key))
        if last.size == 0:
            self._compare_root()

    def rows(self, start: int, end: int, rows: list[ledger.LeafRow]) -> None:
        """The entries `[start, end)`, as far as they were found."""
        for row, expected in zip_longest(rows, range(start, end)):
            if row is None or row.index != expected:
                self.report.problem(f"Entry {expected} is missing from the database.")
                return
            self._entry(row)
            for file in self.builder.append(row.entry):
                held = self.folder.read(file.path)
                if held != file.data and self.builder.size <= self.last.size:
                    what = (
                        "is missing" if held is None else "does not hold the database's entries"
                    )
                    self.report.problem(f"The log's file {file.path} {what}.")
            if self.builder.size == self.last.size:
                self._compare_root()

    def _entry(self, row: ledger.LeafRow) -> None:
        self.report.entries += 1
        where = f"Entry {row.index} ({row.type} {row.source}/{row.epoch}/{row.seq})"
        try:
            entry = orjson.loads(row.entry)
            same = type(entry) is dict and canonical(entry) == row.entry
        except ValueError:
            same = False
        if not same:
            self.report.problem(f"{where} is not canonical JSON.")
            return
        stored = (row.source, row.epoch, row.seq, row.type, row.request)
        if tuple(map(entry.get, ("source", "epoch", "seq", "type", "request"))) != stored:
            self.report.problem(f"{where}: its columns do not say what its entry says.")
        if row.detail is None or row.detail_key is None:
            self.report.problem(f"{where}: its detail is missing.")
            return
        if entry.get("detail") != commitment(row.detail_key, row.detail):
            self.report.problem(f"{where}: its detail is not the one that was committed to.")
        key = self.keys.get(row.application or "")
        if key and row.request and entry.get("application") != label(key, row.request):
            self.report.problem(f"{where} is labelled as another application's.")
        if row.type == "application.registered":
            self._registration(row, where)
        self._sequence(row, where)
        if row.request is not None:
            self._request(row, row.request, str(entry.get("time")), where)

    def _registration(self, row: ledger.LeafRow, where: str) -> None:
        """Hold the application's label key against what was registered, by its name."""
        try:
            detail: dict[str, Any] = orjson.loads(row.detail or b"")
            name, digest = str(detail["name"]), detail["label_key_sha256"]
        except (ValueError, KeyError, TypeError):
            self.report.problem(f"{where} does not say which application with which key.")
            return
        held = self.digests.get(name)
        if held is None:
            self.report.problem(
                f"{where}: the application {name} was registered and is not in the database."
            )
        elif held != digest:
            self.report.problem(
                f"{where}: the label key of the application {name} in the database is not the "
                "one that was registered; its entries cannot be told as its own."
            )

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

    def _request(self, row: ledger.LeafRow, request: str, time: str, where: str) -> None:
        if row.type == "request.admitted":
            self.report.requests += 1
            if self.early.pop(request, None) is None:
                if request in self.open:
                    self.report.problem(f"{where}: request {request} was admitted twice.")
                self.open[request] = (row.index, time, row.source, row.epoch)
        elif row.type in TERMINAL and self.open.pop(request, None) is None:
            if request in self.early:
                self.report.problem(f"{where}: request {request} ended twice.")
            self.early[request] = row.index

    def _compare_root(self) -> None:
        if self.builder.root() != self.last.root:
            self.report.problem(
                f"The first {self.last.size} entries in the database are not the ones that "
                "the checkpoint was signed over."
            )

    def tree_ends(self, size: int, root: bytes) -> None:
        """Hold the tree against the head; nothing may follow it."""
        if self.builder.size == size and self.builder.root() != root:
            self.report.problem("The head in the database is not the root of its entries.")
        if self.last.size < size:
            self.report.notes.append(
                f"{size - self.last.size} entries are newer than the last checkpoint."
            )
        if self.builder.size == self.last.size:
            for file in self.builder.partials():
                if self.folder.read(file.path) != file.data:
                    self.report.problem(f"The log's file {file.path} is missing or changed.")

    def requests_end(self) -> None:
        """Every admitted request has ended, or its writer lives."""
        closed = set(WriterEpoch.objects.exclude(closed=None).values_list("source", "epoch"))
        late = datetime.now(UTC) - GRACE
        for request, (index, time, source, epoch) in self.open.items():
            began = parse_datetime(time)
            if (source, epoch) in closed and began is not None and began < late:
                self.report.problem(
                    f"Request {request} (entry {index}) was admitted and never ended, and its "
                    f"writer {source}/{epoch} is closed."
                )
            else:
                self.report.open_requests += 1
        for request, index in self.early.items():
            self.report.problem(
                f"Request {request} (entry {index}) ended twice, or was never admitted."
            )

    def sources_end(self, size: int) -> None:
        """Every writer's events are there up to the number that it announced."""
        for (source, epoch), count in self.announced.items():
            if self.next[source, epoch] > count:
                self.report.problem(
                    f"Writer {source}/{epoch} ended with {count} events; the log has more."
                )
        for source, epoch, held, first, last in ledger.unplaced(size):
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

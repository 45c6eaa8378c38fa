"""The whole log, checked against the database, the tiles and the checkpoint, in plain words.

Streams: what it holds in memory grows with the number of open requests, of writer epochs and
of prunings, not with the log.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.utils.dateparse import parse_datetime

from compliance.audit import checkpoint, conflicts, copies, cosigned, ledger, rotation, triggers
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.entry import canonical, commitment
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.handover import Chain
from compliance.audit.keys import KeyUnusable
from compliance.audit.ledger import Held
from compliance.audit.merkle import EMPTY_ROOT
from compliance.audit.owners import Owners
from compliance.audit.pruned import Cover, Covers
from compliance.audit.ring import FileRing, public_of, ring_of
from compliance.audit.second_key import KEY_ADDED, told, unsigned
from compliance.audit.tiles import Builder, TileInvalid
from compliance.audit.tree import Tree
from compliance.models import WriterEpoch
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
    """Check the whole log. Without arguments: this appliance's, with this appliance's key.

    `public_key` is any key that the log was ever signed with: from each of them, rotations
    lead to the others.
    """
    log = log_dir or settings.DOMICILE.data / "log"
    report = Report()
    places = Places(log, settings.DOMICILE.checkpoints if log_dir is None else None)
    keys = _keys(places, public_key, report)
    walk = _Walk(report)
    for held in ledger.ended():
        folder = LogFolder(folder_of(log, held.number))
        walk.begin(held, folder, _last_of_ended(folder, keys, report, held))
        walk.tree_ends(ended=True)
    held = ledger.current()
    folder = LogFolder(folder_of(log, held.number))
    last = _signed(folder, keys, report)
    if last.size > held.size:
        report.problem(
            f"The checkpoint covers {last.size} entries and the database holds {held.size}: "
            "entries were cut off, or an older copy of the database was restored."
        )
    if log_dir is None and last.origin and keys is not None:
        _outside(places, last, held, keys, report)
    walk.begin(held, folder, last)
    walk.tree_ends(ended=False)
    walk.details_end()
    walk.owners_end()
    walk.requests_end()
    walk.sources_end(held.first + held.size)
    for words in conflicts.standing(held.number):
        report.problem(words)
    report.notes += conflicts.claimed(held.number)
    walk.witnesses_end()
    for name in triggers.missing():
        report.problem(f"The trigger {name} is missing; run `manage.py migrate` to restore it.")
    return report


def _outside(places: Places, last: Checkpoint, held: Held, keys: Chain, report: Report) -> None:
    """Hold the database against the copies of checkpoints that a restore does not reach."""
    found = copies.known(places, last.origin, keys)
    tree = Tree(LogFolder(folder_of(places.log, held.number)), last.size)
    for one in found:
        size = one.state.size
        if one.generation != held.number or size > last.size:
            continue
        with suppress(TileInvalid):  # told already
            if tree.root(size) != one.state.root:
                report.problem(
                    f"The checkpoint in {one.path} was signed over other entries than the "
                    f"first {size} of this log: it went on from an older copy and has forked. "
                    "Keep all of it, and tell whoever holds checkpoints of this log."
                )
    newest = copies.ahead(held, found)
    if newest is not None and newest.reach > (held.number, last.size):
        report.problem(
            f"The copy in {newest.path} covers {newest.state.size} entries of "
            f"{newest.state.origin}, and the database holds {held.size} of generation "
            f"{held.number}: an older copy of the database was restored."
        )


def _last_of_ended(
    folder: LogFolder, keys: Chain | None, report: Report, held: Held
) -> Checkpoint:
    """The last checkpoint in the folder of a generation that ended; it may reach further."""
    if folder.read(CHECKPOINT) is None:
        report.notes.append(
            f"The files of generation {held.number} are not in {folder.root}; its entries were "
            "held against the generation after it only."
        )
        return Checkpoint("", 0, EMPTY_ROOT)
    return _signed(folder, keys, report)


def _signed(folder: LogFolder, keys: Chain | None, report: Report) -> Checkpoint:
    note = folder.read(CHECKPOINT)
    nothing = Checkpoint("", 0, EMPTY_ROOT)
    if note is None:
        report.problem(f"There is no checkpoint in {folder.root}; is the notary running?")
        return nothing
    if keys is None:  # why was said already
        return nothing
    try:
        return keys.verify(note)
    except CheckpointInvalid as error:
        report.problem(str(error))
        return nothing


def _keys(places: Places, public_key: bytes | None, report: Report) -> Chain | None:
    """The keys of the log, each vouched for by the one before; None where they are not."""
    ring = ring_of(settings.DOMICILE)
    folder = LogFolder(folder_of(places.log, ledger.current().number))
    try:
        line = (folder.read(VERIFIER_KEY) or b"").decode(errors="replace").strip()
        key = public_key or _own(ring, line, report)
        name = checkpoint.parse(folder.read(CHECKPOINT) or b"").origin
        keys = rotation.chain(places, name, key)
    except CheckpointInvalid as error:
        if folder.read(CHECKPOINT) is not None:
            report.problem(str(error))
        return None
    for one in rotation.lost(keys):
        report.problem(rotation.untold(one))
    if public_key is None and key != keys.current:
        try:
            waits = ring.find(keys.current) is not None
        except KeyUnusable:
            waits = False
        if waits:
            report.notes.append("A rotation of the log's key is under way.")
        else:
            report.problem(rotation.older(keys))
    return keys


def _own(ring: FileRing, line: str, report: Report) -> bytes:
    """This appliance's public key; where the file is not here, as the log itself gives it."""
    try:
        return public_of(ring.current())
    except KeyUnusable:
        report.notes.append("The log's key is not here; its public key was taken from the log.")
        return checkpoint.parse_verifier_key(line)[1]


class _Walk:
    """One pass over the log from its first entry, through all of its generations."""

    held: Held
    folder: LogFolder
    last: Checkpoint
    builder: Builder
    cosigned: dict[int, bytes]  # roots that witnesses have cosigned, by size
    before: Held | None = None  # the generation before this one

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

    def begin(self, held: Held, folder: LogFolder, last: Checkpoint) -> None:
        """Go through a generation; `last` is its last checkpoint."""
        self.held, self.folder, self.last = held, folder, last
        self.builder = Builder()
        self.cosigned = {state.size: state.root for state, _ in cosigned.notes(held.number)}
        if last.size == 0:
            self._compare_root()
        for low in range(0, held.size, CHUNK):
            high = min(low + CHUNK, held.size)
            self.rows(low, high, ledger.leaves(low, high, held.first))

    def name(self, index: int) -> str:
        """An entry, for people."""
        of = f" of generation {self.held.number}" if self.held.number > 1 else ""
        return f"entry {index}{of}"

    def rows(self, start: int, end: int, rows: list[ledger.LeafRow]) -> None:
        """The entries `[start, end)`, as far as they were found."""
        for row, expected in zip_longest(rows, range(start, end)):
            if row is None or row.index != expected:
                missing = self.name(expected).capitalize()
                self.report.problem(f"{missing} is missing from the database.")
                return
            if row.index == 0 and self.before is not None:
                self._resumption(row, self.before)
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
            root = self.cosigned.get(self.builder.size)
            if root is not None and root != self.builder.root():
                self.report.problem(
                    f"Witnesses have cosigned other entries than these in the checkpoint at "
                    f"{self.builder.size}: the log has forked, or was changed."
                )

    def _entry(self, row: ledger.LeafRow) -> None:
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
        stored = (row.source, row.epoch, row.seq, row.type, row.request)
        said = tuple(map(entry.get, ("source", "epoch", "seq", "type", "request")))
        if said != stored:
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

    def _resumption(self, row: ledger.LeafRow, before: Held) -> None:
        """Hold what a generation's entry 0 says of the generation before against it."""
        try:
            detail: dict[str, Any] = orjson.loads(row.detail or b"")
            said = detail["generation"], detail["database_size"], detail["database_root"]
            lost = range(detail["lost_begin"], detail["lost_end"])
            _, old = checkpoint.generation_of(detail["old_origin"])
            lost_too = [str(one["origin"]) for one in detail["also_lost"]]
        except (ValueError, KeyError, TypeError, CheckpointInvalid):
            said, lost, old, lost_too = (0, 0, ""), range(0), 0, []
        held = (self.held.number, before.size, before.root.hex())
        if (row.type, said, old) != ("log.resumed", held, before.number):
            self.report.problem(
                f"Entry 0 of generation {self.held.number} does not say how generation "
                f"{before.number} ended in this database."
            )
            return
        if lost:
            self.report.notes.append(
                f"Entries {lost.start} to {lost.stop - 1} of generation {before.number} were "
                "lost when an older database was restored, as the log itself says."
            )
        self.report.notes += [
            f"All of {origin} was lost in the same way." for origin in lost_too
        ]

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
        place = self.held.number, row.index, row.application, time, row.type
        found = self.covers.find(*place)
        if found is None and self.covers.outdated:
            self.covers = Covers.recorded()
            found = self.covers.find(*place)
        return found

    def details_end(self) -> None:
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

    def _second_signature(self) -> None:
        """The newest ML-DSA-44 key that the checkpoint's entries name has signed it too.

        Of one that covers lost entries it is not known which key they named.
        """
        if self.last.size > self.held.size:
            return
        note = self.folder.read(CHECKPOINT)
        keys = [key for index, key in self.second if index < self.last.size]
        if note is not None and keys and (problem := unsigned(note, keys[-1])):
            self.report.problem(problem)

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

    def _compare_root(self) -> None:
        if self.builder.root() != self.last.root:
            self.report.problem(
                f"The first {self.last.size} entries in the database are not the ones that "
                "the checkpoint was signed over."
            )

    def tree_ends(self, *, ended: bool) -> None:
        """Hold the tree against the head; nothing may follow it."""
        held, size = self.held, self.held.size
        if self.builder.size == size and self.builder.root() != held.root:
            self.report.problem(
                f"The head of generation {held.number} in the database is not the root of its "
                "entries."
            )
        self.before = held
        self._second_signature()
        self.second = [(-1, key) for _, key in self.second[-1:]]
        if self.last.size < size and not ended:
            self.report.notes.append(
                f"{size - self.last.size} entries are newer than the last checkpoint."
            )
        if self.builder.size == self.last.size:
            for file in self.builder.partials():
                if self.folder.read(file.path) != file.data:
                    self.report.problem(f"The log's file {file.path} is missing or changed.")

    def witnesses_end(self) -> None:
        """What witnesses have cosigned is what the log holds, and enough of them have."""
        held = self.held
        for size in sorted(self.cosigned):
            if size > held.size:
                self.report.problem(
                    f"Witnesses have cosigned {size} entries of generation {held.number}, and "
                    f"the database holds {held.size}: an older copy of it was restored."
                )
        found = cosigned.standing(held.number)
        enough = cosigned.witnessed(held.number)
        if found is not None and enough is None:
            self.report.problem(f"{found.words} No checkpoint has met it.")
        elif enough is not None:
            state, _, judgement = enough
            self.report.notes.append(f"The first {state.size} entries: {judgement.words}")

    def owners_end(self) -> None:
        """Say which applications the database does not know."""
        for problem in self.owners.unknown():
            self.report.problem(problem)

    def requests_end(self) -> None:
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

    def sources_end(self, end: int) -> None:
        """Every writer's events are there up to the number that it announced.

        `end` is the `Leaf.index` after the last entry.
        """
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

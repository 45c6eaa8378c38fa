"""P3 and P4 as what must hold in the database, in the tiles and for the callers, at any time.

Reads only. Violations come back as sentences; an empty list means that all holds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from compliance.vocabulary import TERMINAL
from tests.chaos import tree
from tests.chaos.load import Answer
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE

OVERDUE = PATIENCE  # once database and notary are up; 30 s is what a machine at rest keeps


@dataclass(frozen=True, slots=True)
class Row:
    """One event, without its detail."""

    id: int
    source: str
    epoch: int
    seq: int
    type: str
    request: str | None
    entry: bytes


def rows(appliance: Appliance) -> list[Row]:
    """Every event, as one snapshot."""
    with appliance.database() as connection:
        found = connection.execute(
            "SELECT id, source, epoch, seq, type, request, entry FROM compliance_event"
        )
        return [Row(*row) for row in found]


def gaps(events: Iterable[Row]) -> list[str]:
    """Writers whose sequence does not run 0, 1, 2, … without holes."""
    numbers: dict[tuple[str, int], list[int]] = defaultdict(list)
    for event in events:
        numbers[event.source, event.epoch].append(event.seq)
    return [
        f"{source}/{epoch} has numbers that are not 0..{len(seqs) - 1}"
        for (source, epoch), seqs in numbers.items()
        if sorted(seqs) != list(range(len(seqs)))
    ]


def endings(events: Iterable[Row]) -> list[str]:
    """Requests that ended twice, or ended without having been admitted."""
    events = list(events)
    admitted = Counter(event.request for event in events if event.type == "request.admitted")
    ended = Counter(event.request for event in events if event.type in TERMINAL)
    return (
        [f"request {name} was admitted {n} times" for name, n in admitted.items() if n > 1]
        + [f"request {name} ended {n} times" for name, n in ended.items() if n > 1]
        + [f"request {name} ended but was never admitted" for name in ended - admitted]
    )


def open_requests(events: Iterable[Row]) -> set[str]:
    """Admitted requests that have not ended."""
    events = list(events)
    admitted = {event.request for event in events if event.type == "request.admitted"}
    ended = {event.request for event in events if event.type in TERMINAL}
    return {name for name in admitted - ended if name}


def unrecorded(events: Iterable[Row], answers: Iterable[Answer]) -> list[str]:
    """Answers that a caller got in full although the record has no admission of them."""
    admitted = {event.request for event in events if event.type == "request.admitted"}
    return [
        f"request {answer.request} was answered in full but not admitted"
        for answer in answers
        if answer.ended == "completed" and answer.request not in admitted
    ]


def untrue(events: Iterable[Row], answers: Iterable[Answer]) -> list[str]:
    """Requests recorded as completed of which the caller, who stayed, got only a part."""
    completed = {event.request for event in events if event.type == "request.completed"}
    return [
        f"request {answer.request} is recorded as completed, but the caller saw it fail"
        for answer in answers
        if answer.ended == "failed" and answer.request in completed
    ]


@dataclass(slots=True)
class LogWatch:
    """Keeps every checkpoint that was ever published, and holds the log to each of them."""

    appliance: Appliance
    seen: dict[int, tree.Checkpoint] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    judged: tree.Checkpoint | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Look at the checkpoint twenty times a second, in a thread."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.look()

    def look(self) -> None:
        """Note the checkpoint that is published now."""
        with suppress(FileNotFoundError):
            text = (self.appliance.data / "log" / "checkpoint").read_text()
            try:
                found = tree.checkpoint(text)
            except ValueError:
                self.violations.append(
                    f"a checkpoint of {len(text)} characters is half-written"
                )
                return
            known = self.seen.setdefault(found.size, found)
            if known != found:
                self.violations.append(
                    f"two roots or origins for a log of {found.size} entries"
                )

    def judge(self) -> list[str]:
        """Check tiles, entries and all checkpoints seen against each other."""
        self.look()
        checkpoints = [self.seen[size] for size in sorted(self.seen)]
        if not checkpoints:
            return [*self.violations, "no checkpoint was published"]
        newest = checkpoints[-1]
        leaves = tree.leaves(self.appliance.data / "log", newest.size)
        problems = list(self.violations)
        if leaves != self._entries(newest.size):
            problems.append("the tiles do not hold the hashes of the stored entries")
        prefixes = _roots(leaves, set(self.seen))
        problems += [
            f"the checkpoint of {old.size} entries is not a beginning of the log"
            for old in checkpoints
            if prefixes[old.size] != old.root
        ]
        old = self.judged
        if old is not None and old.size:
            proof = tree.consistency(old.size, leaves)
            if not tree.consistent(old, newest, proof):
                problems.append(f"no proof joins {old.size} to {newest.size} entries")
        self.judged = newest
        return problems

    def _entries(self, size: int) -> list[bytes]:
        with self.appliance.database() as connection:
            found = connection.execute(
                'SELECT l."index", e.entry FROM compliance_leaf l'
                " JOIN compliance_event e ON e.id = l.event_id"
                ' WHERE l."index" < ? ORDER BY l."index"',
                (size,),
            ).fetchall()
        assert [index for index, _ in found] == list(range(size)), "the leaves have a hole"
        return [tree.leaf(entry) for _, entry in found]


def _roots(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The roots of the prefixes of the given sizes, in one pass."""
    roots = {0: tree.root([])}
    frontier: list[tuple[int, bytes]] = []  # (height, hash) of complete subtrees, high first
    for number, hash_ in enumerate(leaves, start=1):
        height, joined = 0, hash_
        while frontier and frontier[-1][0] == height:
            joined = tree.node(frontier.pop()[1], joined)
            height += 1
        frontier.append((height, joined))
        if number in sizes:
            folded = frontier[-1][1]
            for _, left in reversed(frontier[:-1]):
                folded = tree.node(left, folded)
            roots[number] = folded
    return roots


@dataclass(slots=True)
class Deadlines:
    """Whether admitted requests end within `OVERDUE` seconds while the notary is up."""

    notary_since: float  # seconds since the Unix epoch
    open_at: dict[float, set[str]] = field(default_factory=dict)
    abandoned_at: dict[float, set[str]] = field(default_factory=dict)

    def late(self, events: Iterable[Row], oldest_call: float) -> list[str]:
        """Requests whose call had ended `OVERDUE` s ago and which are still open.

        Every call that was being made before `oldest_call` (s since the Unix epoch) has
        ended, so what was open then and still is was abandoned.
        """
        now, still_open = time.time(), open_requests(events)
        self.open_at[now] = still_open
        abandoned = {
            name
            for at, were_open in self.open_at.items()
            if at < oldest_call
            for name in were_open & still_open
        }
        self.abandoned_at[now] = abandoned
        stuck = {
            name
            for at, were_abandoned in self.abandoned_at.items()
            if self.notary_since <= at < now - OVERDUE
            for name in were_abandoned & still_open
        }
        return [f"request {name} has not ended" for name in sorted(stuck)]

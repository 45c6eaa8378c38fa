"""Puts recorded events into the Merkle log and signs what it then is.

In this order, and a crash after any step is mended at the next start: (1) one transaction
gives events their places, moves each source's cursor and the head; (2) tiles are written;
(3) the checkpoint is signed over what is durable in both. Tiles are derived from the
database, so a tile that a crash left out is made again; the head in the database, the
tiles and the last checkpoint must agree, or nothing is signed.

A source's events are taken only in order; at a hole the notary waits.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import django.db
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from compliance.audit import checkpoint, journal, ledger
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, FileConflict, LogFolder
from compliance.audit.leader import leadership
from compliance.audit.leases import Leases
from compliance.audit.merkle import EMPTY_ROOT
from compliance.audit.tiles import (
    HEIGHT,
    WIDTH,
    Builder,
    File,
    TileInvalid,
    hashes_in,
    tile_path,
)
from compliance.vocabulary import Event

POLL = 0.1  # seconds between looks for new events
PUBLISH = 0.5  # seconds between checkpoints while there is news
BATCH = 2_048  # entries a transaction: SQLite's one write lock is held that long
RETRY = 1.0  # seconds
CLOCK_JUMP = 2.0  # seconds

_log = logging.getLogger(__name__)


class NotaryRefuses(Exception):
    """Database, tiles and checkpoint disagree; signing would put a lie on record."""


@dataclass(slots=True)
class _Tree:
    """The log as this notary knows it, and the finished tiles that are not on disk yet."""

    builder: Builder
    files: list[File] = field(default_factory=list)

    def append(self, entry: bytes) -> None:
        self.files += self.builder.append(entry)


class Notary:
    """Leads one log. `key` is the Ed25519 private key's 32 bytes; `origin` the log's name.

    Not safe for threads.
    """

    def __init__(self, log_dir: Path, key: bytes, origin: str) -> None:
        self._folder = LogFolder(log_dir)
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self._origin = origin
        self._leases = Leases()
        self._tree: _Tree | None = None
        self._signed = -1
        self._published = 0.0
        self._clock = time.time() - time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Lead, or stand by to lead, until `stop`; raises `NotaryRefuses`.

        While the database or the disk is away it waits and tries again.
        """
        while not stop.is_set():
            try:
                with leadership(stop) as leads:
                    if leads:
                        self._lead(stop)
            except (django.db.Error, OSError) as error:
                _log.error("The notary waits for database and disk: %s", error)
                self._tree = None
                self._leases.forget()
                connection.close()
                stop.wait(RETRY)
        connection.close()

    def integrate_once(self) -> int:
        """Integrate one batch and publish it; the number of entries.

        For a caller who leads: `run` does the same under leadership.
        """
        tree = self._tree or self._recover()
        taken = self._take(tree)
        self._publish(tree)
        return taken

    def _lead(self, stop: threading.Event) -> None:
        self._tree = None
        tree = self._recover()
        _log.info("The notary leads %s from entry %d.", self._origin, tree.builder.size)
        self._record("notary.started", {"process": os.getpid(), "size": tree.builder.size})
        while not stop.is_set():
            self._leases.end_dead()
            self._watch_clock()
            taken = self._take(tree)
            news = tree.builder.size != self._signed
            if news and time.monotonic() - self._published >= PUBLISH:
                self._publish(tree)
            elif tree.files:
                self._write(tree)
            if not taken:
                stop.wait(POLL)
        self._publish(tree)

    # --- the three steps ------------------------------------------------------------------

    def _take(self, tree: _Tree) -> int:
        """Step 1: give the next events their places, durably."""
        batch = ledger.waiting(BATCH)
        if not batch.events:
            return 0
        start, self._tree = tree.builder.size, None  # unknown, if this ends in an error
        for _, entry in batch.events:
            tree.append(entry)
        if not ledger.place(start, batch, tree.builder.root()):
            raise django.db.OperationalError("Another notary moved the head of the log.")
        self._tree = tree
        return len(batch.events)

    def _write(self, tree: _Tree) -> None:
        """Step 2, of tiles that are full; raises `NotaryRefuses`."""
        self._add(tree.files)
        tree.files = []

    def _publish(self, tree: _Tree) -> None:
        """Steps 2 and 3: write what is left, then sign."""
        self._write(tree)
        if tree.builder.size == self._signed:
            return
        self._add(tree.builder.partials())
        state = Checkpoint(self._origin, tree.builder.size, tree.builder.root())
        self._folder.replace(CHECKPOINT, checkpoint.sign(state, self._key))
        self._signed, self._published = tree.builder.size, time.monotonic()

    def _add(self, files: Iterable[File]) -> None:
        try:
            self._folder.add(files)
        except FileConflict as error:
            raise NotaryRefuses(str(error)) from error

    # --- after a start --------------------------------------------------------------------

    def _recover(self) -> _Tree:
        """Bring database, tiles and checkpoint together again; raises `NotaryRefuses`."""
        ledger.insist_on_durability()
        self._folder.prepare()
        public = self._key.public_key().public_bytes_raw()
        line = checkpoint.verifier_key(self._origin, public).encode() + b"\n"
        last = self._last_checkpoint(public)
        if self._folder.read(VERIFIER_KEY) != line:
            self._folder.replace(VERIFIER_KEY, line)
        size, root = ledger.head()
        if last.size > size:
            raise NotaryRefuses(
                f"The last checkpoint of {self._origin} has {last.size} entries and the "
                f"database {size}: an older copy of the database was restored. Restore a newer "
                "one; nothing is signed until then."
            )
        tree = self._replay(self._from_tiles(last), last, size, root)
        if tree is None:
            _log.warning("The tiles are incomplete; they are made anew from the database.")
            tree = self._replay(Builder(), last, size, root)
        if tree is None:
            raise NotaryRefuses(
                f"The entries in the database are not the ones that the checkpoint of "
                f"{self._origin} at {last.size} or its own head at {size} was made of. Run "
                "`manage.py audit verify`; nothing is signed until they agree."
            )
        self._signed = last.size or -1
        self._tree = tree
        return tree

    def _last_checkpoint(self, public: bytes) -> Checkpoint:
        note = self._folder.read(CHECKPOINT)
        if note is None:
            return Checkpoint(self._origin, 0, EMPTY_ROOT)
        try:
            return checkpoint.verify(note, self._origin, public)
        except CheckpointInvalid as error:
            raise NotaryRefuses(
                f"The checkpoint in {self._folder.root} is not ours: {error} Give this log "
                "its own key and folder back, or move the folder away to begin another log."
            ) from error

    def _from_tiles(self, last: Checkpoint) -> Builder:
        """A builder at the last multiple of 256 below the checkpoint; empty if tiles lack."""
        levels: list[Sequence[bytes]] = [()]
        level = 1
        try:
            while count := last.size >> (HEIGHT * level):
                width, number = count % WIDTH, count // WIDTH
                data = self._folder.read(tile_path(level, number, width)) if width else b""
                levels.append(hashes_in(data or b"", width))
                level += 1
            return Builder(levels, last.size - last.size % WIDTH)
        except TileInvalid:
            return Builder()

    def _replay(
        self, builder: Builder, last: Checkpoint, size: int, root: bytes
    ) -> _Tree | None:
        """Grow `builder` to the head from the database; None where the roots do not agree."""
        tree = _Tree(builder)
        agreed = last.size == 0
        for entry in self._entries(builder.size, size):
            if builder.size == last.size and not agreed:
                if builder.root() != last.root:
                    return None
                agreed = True
            tree.append(entry)
            if tree.files:
                self._write(tree)
        if builder.size == last.size:
            agreed = builder.root() == last.root
        return tree if agreed and builder.size == size and builder.root() == root else None

    @staticmethod
    def _entries(start: int, end: int) -> Iterator[bytes]:
        for low in range(start, end, BATCH):
            yield from ledger.entries(low, min(low + BATCH, end))

    # --- what the notary itself records ---------------------------------------------------

    def _record(self, kind: str, detail: dict[str, int]) -> None:
        with transaction.atomic():
            journal.record("notary", [Event(kind, time.time_ns() // 1000, detail)])

    def _watch_clock(self) -> None:
        """Record a jump of the wall clock against the steady one."""
        now = time.time() - time.monotonic()
        if abs(now - self._clock) > CLOCK_JUMP:
            self._record("clock.jumped", {"milliseconds": round(1000 * (now - self._clock))})
        self._clock = now

"""Puts recorded events into the Merkle log and signs what it then is.

In this order, and a crash after any step is mended at the next start: (1) one transaction
gives events their places, moves each source's cursor and the head; (2) tiles are written;
(3) the checkpoint is signed over what is durable in both, where the log's key is just rotated
by both keys (`rotation`). Tiles are derived from the database, so a tile that a crash left out
is made again; the head in the database, the tiles and the last checkpoint must agree, or
nothing is signed.

A source's events are taken only in order; at a hole the notary waits.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import django.db
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.db import connection, transaction

from compliance.audit import checkpoint, conflicts, copies, journal, ledger, rotation
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Known, Places
from compliance.audit.files import CHECKPOINT, FileConflict, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable
from compliance.audit.leader import leadership
from compliance.audit.leases import Leases
from compliance.audit.ledger import Held
from compliance.audit.merkle import EMPTY_ROOT
from compliance.audit.replay import Growing, replay
from compliance.audit.retention import Daily
from compliance.audit.ring import One, Ring
from compliance.audit.signing import Signing
from compliance.audit.watch import Watch
from compliance.vocabulary import Event

POLL = 0.1  # seconds between looks for new events
PUBLISH = 0.5  # seconds between checkpoints while there is news
BATCH = 2_048  # entries a transaction: SQLite's one write lock is held that long
RETRY = 1.0  # seconds
CLOCK_JUMP = 2.0  # seconds

_ROTATES = f'"type":"{rotation.KEY_ROTATED}"'.encode()

_log = logging.getLogger(__name__)


class NotaryRefuses(Exception):
    """Database, tiles and checkpoint disagree; signing would put a lie on record."""


class Notary:
    """Leads one log. `key` is its ring of keys, or the 32 bytes of one that is never rotated.

    `origin` is the log's name in any of its generations; the database says which one grows.
    `outside` is a folder that a restore does not replace, for a copy of each checkpoint;
    `watch` looks at what is beside the log; `second` signs too. Not safe for threads.
    """

    def __init__(
        self,
        log_dir: Path,
        key: bytes | Ring,
        origin: str,
        outside: Path | None = None,
        watch: Watch | None = None,
        *,
        second: MLDSA44PrivateKey | None = None,
    ) -> None:
        self._places = Places(log_dir, outside)
        self._folder = LogFolder(log_dir)
        ring: Ring = One(key) if isinstance(key, bytes) else key
        self._signing = Signing(self._places, ring, second)
        self._origin = origin
        self._leases = Leases()
        self._watch = watch or Watch()
        self._tree: Growing | None = None
        self._signed = -1
        self._published = 0.0
        self._uncopied = False
        self._halted = ""
        self._clock = time.time() - time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Lead, or stand by to lead, until `stop`; raises `NotaryRefuses`.

        While the database, the disk or the key's token is away it waits and tries again.
        """
        while not stop.is_set():
            try:
                with leadership(stop) as leads:
                    if leads:
                        self._lead(stop)
            except (django.db.Error, OSError) as error:
                _log.error("The notary waits for database, disk and key: %s", error)
                self._tree = None
                self._leases.forget()
                connection.close()
                stop.wait(RETRY)
        connection.close()

    def halt(self, words: str) -> None:
        """Let `run` end with `NotaryRefuses`, in these words. For any thread."""
        self._halted = words

    def integrate_once(self) -> int:
        """Integrate one batch and publish it; the number of entries.

        For a caller who leads: `run` does the same under leadership.
        """
        tree = self._tree or self._recover()
        taken = self._take(tree)
        self._publish(tree)
        self._settle()
        return taken

    def _lead(self, stop: threading.Event) -> None:
        self._tree = None
        tree = self._recover()
        _log.info("The notary leads %s from entry %d.", self._origin, tree.builder.size)
        self._record("notary.started", {"process": os.getpid(), "size": tree.builder.size})
        daily = Daily()
        while not stop.is_set():
            if self._halted:
                raise NotaryRefuses(self._halted)
            self._leases.end_dead()
            self._watch_clock()
            self._watch.look()
            taken = self._take(tree)
            news = tree.builder.size != self._signed
            if news and time.monotonic() - self._published >= PUBLISH:
                self._publish(tree)
            elif tree.files:
                self._write(tree)
            self._settle()
            daily.turn()
            if not taken:
                stop.wait(POLL)
        self._publish(tree)
        self._settle()

    # --- the three steps ------------------------------------------------------------------

    def _take(self, tree: Growing) -> int:
        """Step 1: give the next events their places, durably."""
        batch = ledger.waiting(BATCH)
        if not batch.events:
            return 0
        place = replace(tree.held, size=tree.builder.size)
        self._tree = None  # unknown, if this ends in an error
        for _, entry in batch.events:
            tree.append(entry)
        if not ledger.place(place, batch, tree.builder.root()):
            raise django.db.OperationalError("Another notary moved the head of the log.")
        if any(_ROTATES in entry for _, entry in batch.events):
            self._learn_keys()
        self._tree = tree
        return len(batch.events)

    def _write(self, tree: Growing) -> None:
        """Step 2, of tiles that are full; raises `NotaryRefuses`."""
        with _refusing():
            tree.write(self._folder)

    def _publish(self, tree: Growing) -> None:
        """Steps 2 and 3: write what is left, then sign."""
        self._write(tree)
        if tree.builder.size == self._signed or not self._signing.ready:
            return
        with _refusing():
            self._folder.add(tree.builder.partials())
        state = Checkpoint(self._origin, tree.builder.size, tree.builder.root())
        note = self._signing.sign(state)
        self._signing.bridge(self._folder, note)
        self._folder.replace(CHECKPOINT, note)
        self._copy(state, note)
        self._signing.tell(self._folder, self._origin)
        self._signed, self._published = tree.builder.size, time.monotonic()

    def _copy(self, state: Checkpoint, note: bytes) -> None:
        """Leave a copy where a restore does not reach; the log goes on without."""
        try:
            self._signing.keep(state, note)
            self._uncopied = False
        except OSError as error:
            if not self._uncopied:
                self._uncopied = True
                _log.error("No copy of the checkpoint can be kept outside: %s", error.strerror)

    def _learn_keys(self) -> None:
        """Find out who signs from now on; raises `NotaryRefuses`."""
        try:
            self._signing.learn(self._origin)
        except CheckpointInvalid as error:
            raise NotaryRefuses(f"{error} Nothing is signed until they do.") from error
        except KeyUnusable as error:
            raise NotaryRefuses(str(error)) from error
        if self._signing.rotating:
            self._signed = -1

    def _settle(self) -> None:
        """Destroy the key that was put aside, once both have signed."""
        if self._signed >= 0:
            self._signing.settle()

    # --- after a start --------------------------------------------------------------------

    def _recover(self) -> Growing:
        """Bring database, tiles and checkpoint together again; raises `NotaryRefuses`."""
        ledger.insist_on_durability()
        held = ledger.current()
        self._origin = checkpoint.in_generation(self._origin, held.number)
        self._folder = LogFolder(folder_of(self._places.log, held.number))
        for words in conflicts.standing(held.number):
            raise NotaryRefuses(words)
        self._folder.prepare()
        self._learn_keys()
        last = self._last_checkpoint()
        found = copies.known(self._places, self._origin, self._signing.keys)
        newest = copies.ahead(held, found)
        if newest is not None:
            raise NotaryRefuses(behind(held, newest))
        if missing := rotation.lost(self._signing.keys):
            raise NotaryRefuses(rotation.untold(missing[0]))
        if not self._signing.rotating:
            self._signing.tell(self._folder, self._origin)
        signed = [last, *(one.state for one in found if one.generation == held.number)]
        with _refusing():
            tree = replay(self._folder, held, last, signed)
        if tree is None:
            raise NotaryRefuses(
                f"The entries in the database are not the ones that the checkpoint of "
                f"{self._origin} at {max(one.size for one in signed)} or its own head at "
                f"{held.size} was made of. Run `manage.py audit verify`; nothing is signed "
                "until they agree."
            )
        self._signed = -1 if self._signing.rotating else last.size or -1
        self._tree = tree
        self._signing.announce(self._origin)
        return tree

    def _last_checkpoint(self) -> Checkpoint:
        note = self._folder.read(CHECKPOINT)
        if note is None:
            return Checkpoint(self._origin, 0, EMPTY_ROOT)
        try:
            return self._signing.keys.verify(note, self._origin)
        except CheckpointInvalid as error:
            raise NotaryRefuses(
                f"The checkpoint in {self._folder.root} is not ours: {error} Give this log "
                "its own key and folder back, or move the folder away to begin another log."
            ) from error

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


def behind(held: Held, newest: Known) -> str:
    """What the operator is told of a database that is older than a checkpoint."""
    return (
        f"The checkpoint of {newest.state.origin} in {newest.path} has {newest.state.size} "
        f"entries, and the database has {held.size} of generation {held.number}: an older copy "
        "of the database was restored. Restore a newer one, or go on without what is missing: "
        "`manage.py audit resume --after-restore --reason TEXT`. Nothing is signed until then."
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """Let the notary refuse where a tile on disk is not the one that belongs there."""
    try:
        yield
    except FileConflict as error:
        raise NotaryRefuses(str(error)) from error

"""Asks the witnesses of this log to cosign its checkpoints (C2SP tlog-witness).

Beside the notary, and not in its way: a thread of its own, where a witness that is slow or away
costs nothing but its cosignature. What a witness answers is verified before it is kept. One
that knows more of this log than is here, or other entries, is a conflict (`conflicts`): proven
by this log's signature it ends the signing, else it is told.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

from compliance.audit import conflicts, copies, cosigned, ledger, submission
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, key_id, parse
from compliance.audit.conflicts import Conflict
from compliance.audit.files import CHECKPOINT, COSIGNED, ROTATIONS, LogFolder, folder_of
from compliance.audit.tree import Tree
from compliance.audit.witness import SIZE, address_of
from compliance.models import Witness

LOOK = 1.0  # seconds between looks for what is due
ROUNDS = 4  # exchanges with one witness at a time
SIZE_MAX = 2**63 - 1  # the largest that a database holds
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")
OK, REFUSED, ABSENT, CONFLICT, PROOF = 200, 403, 404, 409, 422

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, content type and body of an HTTP answer."""

    status: int
    kind: str
    body: bytes


Call = Callable[[str, str, bytes], Reply]
"""Sends `body` by `method` to a URL; raises OSError. Belongs to the appliance, which knows
which addresses may be called."""
Mine = Callable[[bytes], Checkpoint]
"""The checkpoint in a note that this log signed; raises `CheckpointInvalid`."""


class WitnessFailed(Exception):
    """A witness gave no cosignature. The message says why and what to do."""


class Asker:
    """The thread beside the notary. `halt` is called with what stands against signing."""

    def __init__(  # noqa: PLR0917 - what there is to know
        self,
        log: Path,
        mine: Mine,
        call: Call,
        interval: float,
        outside: Path | None = None,
        halt: Callable[[str], object] = lambda _words: None,
    ) -> None:
        self._log, self._outside = log, outside
        self.call = call
        self._mine, self._halt = mine, halt
        self._interval = timedelta(seconds=interval)
        self._written = b""

    def run(self, stop: threading.Event) -> None:
        """Ask whenever somebody is due, until `stop`."""
        while not stop.wait(LOOK):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - one witness must not cost all the others
                _log.error("The witnesses could not be asked: %s", type(error).__name__)
                connection.close()
        connection.close()

    def look(self) -> None:
        """Ask those that are due."""
        witnesses = list(Witness.objects.filter(active=True))
        if not witnesses:
            return
        generation = ledger.current().number
        for words in conflicts.standing(generation):
            self._halt(words)
            return
        folder = LogFolder(folder_of(self._log, generation))
        note = folder.read(CHECKPOINT)
        if note is None:
            return
        state = parse(note)
        now = datetime.now(UTC)
        due = [one for one in witnesses if self._is_due(one, (generation, state.size), now)]
        for witness in due:
            self._ask(witness, generation)
        if due or not self._written:
            self._write(folder, generation)

    def _is_due(self, witness: Witness, newest: tuple[int, int], now: datetime) -> bool:
        """Whether it has not seen this checkpoint for an interval, or is wanted at once."""
        if not witness.address:
            return False
        if witness.wanted is not None:
            return True
        news = (witness.generation, witness.size) != newest or bool(witness.error)
        asked = witness.asked
        return news and (asked is None or not asked <= now < asked + self._interval)

    def _ask(self, witness: Witness, generation: int) -> None:
        """Ask one witness, unless another process does so at this moment."""
        row = Witness.objects.filter(pk=witness.pk)
        now = datetime.now(UTC)
        if not row.filter(asked=witness.asked).update(asked=now, wanted=None):
            return
        try:
            Exchange(self, witness, generation).run()
        except (WitnessFailed, CheckpointInvalid) as error:
            row.update(error=str(error))
        except OSError as error:
            words = error.strerror or str(error) or type(error).__name__
            row.update(
                error=f"{witness.address} does not answer: {words}. Look whether the witness "
                "runs, and whether this machine may call it."
            )

    def _write(self, folder: LogFolder, generation: int) -> None:
        """The newest checkpoint that was cosigned, as a file of the log."""
        newest = next(cosigned.notes(generation), None)
        if newest is not None and newest[1] != self._written:
            folder.replace(COSIGNED, newest[1])
            self._written = newest[1]

    def newest(self, generation: int) -> tuple[bytes, Checkpoint, Tree]:
        """The checkpoint that is signed now, and its tree; raises `WitnessFailed`."""
        folder = LogFolder(folder_of(self._log, generation))
        note = folder.read(CHECKPOINT)
        if note is None:
            raise WitnessFailed("No checkpoint has been signed yet.")
        state = self._mine(note)
        return note, state, Tree(folder, state.size)

    def shows_rotations(self, witness: Witness, generation: int) -> bool:
        """Lead a witness that knows an older key of this log to the newest; if it follows."""
        rotations = LogFolder(folder_of(self._log, generation)).read(ROTATIONS)
        if not rotations:
            return False
        return self.call("POST", f"{witness.address}/add-rotations", rotations).status == OK

    def shown(self, witness: Witness, origin: str) -> bytes:
        """The last checkpoint that the witness has of this log, if this log signed it.

        It is kept where a restore does not reach, so that everybody here sees it.
        """
        try:
            url = f"{witness.address}/{address_of(origin)}/checkpoint"
            reply = self.call("GET", url, b"")
            state = self._mine(reply.body) if reply.status == OK else None
        except (OSError, CheckpointInvalid):
            return b""
        if state is None or state.origin != origin:
            return b""
        if self._outside is not None:
            mark = key_id(origin, witness.name.encode())
            copies.keep(self._outside, state, reply.body, mark)
        return reply.body


class Exchange:
    """What is said between this log and one witness until it has cosigned, or will not."""

    def __init__(self, asker: Asker, witness: Witness, generation: int) -> None:
        self._asker, self._witness, self._generation = asker, witness, generation
        self._old = witness.size if witness.generation == generation else 0

    def run(self) -> None:
        """Keep its cosignature; raises `WitnessFailed`, `CheckpointInvalid` and OSError."""
        for _ in range(ROUNDS):
            note, state, tree = self._asker.newest(self._generation)
            old = self._old if self._old <= state.size else 0
            proof = tree.consistency(old) if 0 < old < state.size else []
            reply = self._asker.call(
                "POST",
                f"{self._witness.address}/add-checkpoint",
                submission.body(old, proof, note),
            )
            if reply.status == OK:
                lines = reply.body.decode("utf-8", "replace")
                cosigned.keep(self._witness, self._generation, note, lines)
                return
            if reply.status == REFUSED and self._asker.shows_rotations(
                self._witness, self._generation
            ):
                continue
            if reply.status == CONFLICT:
                self._learn(reply, old, state)
            elif reply.status == PROOF and old:
                self._conflict(state, old)
            else:
                raise WitnessFailed(refused(self._witness, reply.status))
        raise WitnessFailed(
            f"{self._witness} answers each time that it knows another size; somebody else may "
            "be submitting this log's checkpoints."
        )

    def _learn(self, reply: Reply, old: int, state: Checkpoint) -> None:
        """Take the size that the witness knows; raises `WitnessFailed` for a conflict."""
        found = _SIZE.fullmatch(reply.body)
        known = int(found[1]) if found is not None else SIZE_MAX + 1
        if reply.kind.partition(";")[0].strip() != SIZE or known > SIZE_MAX:
            raise WitnessFailed(
                f"{self._witness} refuses and does not say which size it knows."
            )
        _, newest, _ = self._asker.newest(self._generation)
        if known > newest.size or (known == old == state.size and newest.size == known):
            self._conflict(newest, known)
        self._old = known

    def _conflict(self, ours: Checkpoint, known: int) -> None:
        """Keep what contradicts `ours`, with its proof if there is one; raises `WitnessFailed`.

        What the witness shows is no proof where the entries here lead to it.
        """
        note = self._asker.shown(self._witness, ours.origin)
        if note:
            state, (_, ours, tree) = parse(note), self._asker.newest(self._generation)
            if state.size > ours.size or tree.root(state.size) != state.root:
                known = state.size
            else:
                note = b""
        found = Conflict(self._witness.name, ours, known, note)
        conflicts.keep(found, self._generation, source="notary")
        raise WitnessFailed(found.words)


def refused(witness: Witness, status: int) -> str:
    """What another answer than a cosignature means."""
    reasons = {
        ABSENT: f"{witness} does not know this log: ask its officer to register this log's "
        "verifier key, and look whether the address ends as that of a witness does.",
        REFUSED: f"{witness} does not know the key that signs this log: give its officer the "
        "log's newest verifier key.",
        PROOF: f"{witness} could not follow how the log grew.",
    }
    return reasons.get(status, f"{witness} answered {status} in place of a cosignature.")

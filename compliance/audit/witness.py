"""This appliance as a witness of other logs (C2SP tlog-witness, `add-checkpoint`).

A checkpoint is cosigned only if the log's registered key signed it, and if it was proven to
have grown from the last one that was cosigned. What was cosigned last is a row; it is replaced
by comparing with what it was, in one transaction, before the cosignature is made known. So of
two submissions at once one is refused, and never are two roots cosigned for one size.

Who may ask is not asked: the log's signature says it. What is refused goes on the record at
most once an hour for each log and reason, so that nobody fills the log by it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import alarms, checkpoint, cosignature, journal, ledger, submission
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.merkle import EMPTY_ROOT, ProofInvalid, verify_consistency
from compliance.audit.submission import Submission, SubmissionInvalid
from compliance.models import WitnessedLog
from compliance.vocabulary import Event

COSIGNED, REFUSED = "witness.cosigned", alarms.WITNESSED
KEY_FILE = "witness.ed25519"
SOURCE = "console"
OLD = "old"
"""The usual refusal: a log that does not know how far its witness is. It is not recorded."""
TELL_EVERY = timedelta(hours=1)
"""Between two events of one log: two appliances that witness each other would else keep each
other's logs growing for ever."""
NAMED = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
ROUNDS = 3  # tries where somebody else was faster


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    kind: str = NAMED


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a checkpoint is not cosigned, and the answer that says so.

    With `grave`, an officer must know: the log may have been set back, or has forked.
    """

    answer: Answer
    reason: str
    grave: bool = False


def name_of(organisation: str) -> str:
    """The name of an organisation's witness: `<organisation>/witness`."""
    return f"{organisation}/witness"


def address_of(origin: str) -> str:
    """Where below the witness's address the last checkpoint of a log lies: SHA-256, hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


class Witness:
    """The witness `name` of this appliance. Safe for threads."""

    def __init__(self, name: str, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self._clock = clock
        self._refused: dict[tuple[str, str], tuple[float, int]] = {}

    @property
    def verifier_key(self) -> str:
        """What others are given to know its cosignatures by."""
        return cosignature.verifier_key(self.name, self._key.public_key().public_bytes_raw())

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign the checkpoint of a submission, or say why not."""
        try:
            asked = submission.parse(body)
        except SubmissionInvalid as error:
            return _plain(400, str(error))
        for _ in range(ROUNDS):
            log = WitnessedLog.objects.filter(origin=asked.state.origin, active=True).first()
            if log is None:
                return _plain(404, "This witness does not know the log.")
            refusal = judged(log, asked)
            if refusal is not None:
                self._tell_refusal(log, asked, refusal)
                return refusal.answer
            moment = int(self._clock())  # before the row is taken: it was the newest then
            if self._keep(log, asked, moment):
                line = cosignature.cosign(asked.text, self.name, self._key, moment)
                return Answer(200, line.encode())
        return _plain(503, "Too many ask at once; ask again.")

    def last(self, address: str) -> Answer:
        """The last checkpoint cosigned of the log with this address (`address_of`).

        So that a log that was set back learns, by its own signature, how far it had come.
        """
        rows = WitnessedLog.objects.exclude(checkpoint="").values_list("origin", "checkpoint")
        for origin, note in rows:
            if address_of(origin) == address:
                return Answer(200, note.encode())
        return _plain(404, "This witness has cosigned no such log.")

    def _keep(self, log: WitnessedLog, asked: Submission, moment: int) -> bool:
        """Compare and swap; false if the row is not what it was. Durable when it returns."""
        now = datetime.fromtimestamp(moment, UTC)
        news = asked.state.size != log.size or not log.checkpoint
        tell = news and (log.told is None or now - log.told >= TELL_EVERY or now < log.told)
        fields: dict[str, Any] = {"cosigned": now}
        if news:
            fields |= {
                "size": asked.state.size,
                "root": asked.state.root,
                "checkpoint": asked.note.decode(),
                "untold": 0 if tell else log.untold + 1,
            }
        if tell:
            fields["told"] = now
        ledger.insist_on_durability()
        with transaction.atomic():
            same = WitnessedLog.objects.filter(
                pk=log.pk, active=True, size=log.size, root=bytes(log.root), untold=log.untold
            )
            if not same.update(**fields):
                return False
            if tell:
                said = {
                    "log": log.origin,
                    "not_recorded": log.untold,
                    "root": asked.state.root.hex(),
                    "size": asked.state.size,
                }
                journal.record(SOURCE, [Event(COSIGNED, time.time_ns() // 1000, said)])
        return True

    def _tell_refusal(self, log: WitnessedLog, asked: Submission, refusal: Refusal) -> None:
        """Put it on the record, unless that was done within the hour."""
        if refusal.reason == OLD:
            return
        about, now = (log.origin, refusal.reason), time.monotonic()
        last, count = self._refused.get(about, (float("-inf"), 0))
        if now - last < TELL_EVERY.total_seconds():
            self._refused[about] = (last, count + 1)
            return
        self._refused[about] = (now, 0)
        said: Mapping[str, Any] = {
            "known": log.size,
            "log": log.origin,
            "not_recorded": count,
            "reason": refusal.reason,
            "root": asked.state.root.hex(),
            "size": asked.state.size,
        }
        with transaction.atomic():
            if refusal.grave:
                alarms.raise_(REFUSED, log.origin, _words(log, asked, refusal.reason))
            journal.record(SOURCE, [Event(REFUSED, time.time_ns() // 1000, said)])


def judged(log: WitnessedLog, asked: Submission) -> Refusal | None:
    """Why the log's checkpoint cannot be cosigned; None if it can."""
    state = asked.state
    if not _signed(log, asked):
        return Refusal(_plain(403, "No known key of the log signed this."), "signature")
    if asked.old > state.size:
        return Refusal(_plain(400, "The old size is larger than the checkpoint's."), "request")
    if state.size < log.size:
        return Refusal(_size(log), "smaller", grave=True)
    if state.size == log.size and state.root != bytes(log.root):
        return Refusal(_size(log), "fork", grave=True)
    if asked.old != log.size:
        return Refusal(_size(log), OLD)
    return _grown(log, asked)


def _grown(log: WitnessedLog, asked: Submission) -> Refusal | None:
    state, old = asked.state, asked.old
    if not old and (asked.proof or (not state.size and state.root != EMPTY_ROOT)):
        return Refusal(_plain(422, "From nothing there is nothing to prove."), "proof")
    try:
        if old:
            verify_consistency(old, state.size, bytes(log.root), state.root, asked.proof)
    except ProofInvalid as error:
        return Refusal(_plain(422, str(error)), "proof")
    return None


def _signed(log: WitnessedLog, asked: Submission) -> bool:
    for line in log.verifier_keys.split():
        name, key = checkpoint.parse_verifier_key(line)
        try:
            checkpoint.signed_text(asked.note, name, key)
        except CheckpointInvalid:
            continue
        return name == asked.state.origin
    return False


def _words(log: WitnessedLog, asked: Submission, reason: str) -> str:
    if reason == "fork":
        return (
            f"{log.origin} signed two different checkpoints of {log.size} entries. That proves "
            "that its log has forked; keep both, and ask its operator."
        )
    return (
        f"A signed checkpoint of {log.origin} with {asked.state.size} entries was submitted "
        f"after one with {log.size}. Either an older copy of that log was restored, or "
        "somebody sent an old checkpoint again; ask its operator."
    )


def _size(log: WitnessedLog) -> Answer:
    return Answer(409, f"{log.size}\n".encode(), SIZE)


def _plain(status: int, words: str) -> Answer:
    return Answer(status, f"{words}\n".encode())

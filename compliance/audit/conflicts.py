"""What a witness knows that contradicts this log: that it was set back, or has forked.

Such a conflict stands in the witness's row until the log's next generation begins (`audit
resume`), or until somebody says that the witness is wrong. While one stands that is proven by
this log's own signature nothing is signed: whoever signed on would sign a second history in one
name. A witness that only claims something cannot stop the log. Its word is told to the
officers; it has no `conflict_size`, for what it says that it has cosigned is not known.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance.audit import alarms, journal
from compliance.audit.checkpoint import Checkpoint
from compliance.models import Witness
from compliance.vocabulary import Event

MEND = (
    "Nothing is signed until this is settled. Restore a newer database, or go on without what "
    "is missing: `manage.py audit resume --after-restore --reason TEXT`. If it is the witness "
    "that errs: `manage.py audit cosign dismiss {witness} --reason TEXT`."
)
LOOK = (
    "It shows no proof of it, so the log is signed on. Ask the witness's officer for the "
    "checkpoint that it has, and look whether an older database was restored here. If it is "
    "the witness that errs: `manage.py audit cosign dismiss {witness} --reason TEXT`."
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """`ours` is the checkpoint that a witness refused; it has cosigned `known` entries.

    `note` is the proof: a checkpoint that this log signed and that its entries here do not lead
    to; empty where the witness showed none.
    """

    witness: str
    ours: Checkpoint
    known: int
    note: bytes = b""

    @property
    def reason(self) -> str:
        """`smaller` where the witness knows more entries, `fork` where it knows others."""
        return "smaller" if self.known > self.ours.size else "fork"

    @property
    def words(self) -> str:
        """What happened, and what to do."""
        proof = "shows a checkpoint signed by this log" if self.note else "claims"
        then = (MEND if self.note else LOOK).format(witness=self.witness)
        if self.reason == "smaller":
            what = (
                f"that {self.ours.origin} had {self.known} entries, and it has "
                f"{self.ours.size} here: an older copy of the database was restored."
            )
        else:
            what = (
                f"that {self.ours.origin} had other entries than here when it had "
                f"{self.known}: an older copy of the database was restored and continued."
            )
        return f"The witness {self.witness} {proof} {what} {then}"


def keep(found: Conflict, generation: int, *, source: str) -> None:
    """Put a conflict on the record, with an alarm; once for each witness and generation.

    Once more where a claim is proven.
    """
    told = Q(conflict_generation=generation)
    if found.note:
        told &= Q(conflict_size__isnull=False)
    row = Witness.objects.filter(name=found.witness).exclude(told)
    detail = {
        "checkpoint": found.note.decode(),
        "known": found.known,
        "reason": found.reason,
        "size": found.ours.size,
        "witness": found.witness,
    }
    with transaction.atomic():
        if not row.update(
            conflict=found.words,
            conflict_generation=generation,
            conflict_size=found.known if found.note else None,
            error=found.words,
        ):
            return
        alarms.raise_(alarms.CONFLICT, found.witness, found.words)
        journal.record(source, [Event(alarms.CONFLICT, time.time_ns() // 1000, detail)])


def standing(generation: int) -> Sequence[str]:
    """What is proven against this generation of the log, in words."""
    rows = _of(generation).filter(conflict_size__isnull=False)
    return list(rows.values_list("conflict", flat=True))


def claimed(generation: int) -> Sequence[str]:
    """What is said against it without proof, in words."""
    rows = _of(generation).filter(conflict_size__isnull=True)
    return list(rows.values_list("conflict", flat=True))


def reach(generation: int) -> dict[str, int]:
    """Entries that each witness in conflict is proven to have cosigned, by its name."""
    rows = _of(generation).filter(conflict_size__isnull=False)
    return {name: size or 0 for name, size in rows.values_list("name", "conflict_size")}


def _of(generation: int) -> QuerySet[Witness]:
    return Witness.objects.filter(active=True, conflict_generation=generation)

"""What a witness knows that contradicts this log: that it was set back, or has forked.

Such a conflict stands in the witness's row until the log's next generation begins (`audit
resume`), or until somebody says that the witness is wrong. While one stands nothing is signed:
whoever signed on would sign a second history in one name.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from compliance.audit import alarms, journal
from compliance.audit.checkpoint import Checkpoint
from compliance.models import Witness
from compliance.vocabulary import Event

CONFLICT = alarms.CONFLICT
MEND = (
    "Nothing is signed until this is settled. Restore a newer database, or go on without what "
    "is missing: `manage.py audit resume --after-restore --reason TEXT`. If it is the witness "
    "that errs: `manage.py audit cosign dismiss {witness} --reason TEXT`."
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """`ours` is the checkpoint that a witness refused; it has cosigned `known` entries.

    `note` is the checkpoint that the witness showed, signed by this log; empty where it showed
    none.
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
        proof = "shows a checkpoint signed by this log" if self.note else "says"
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
        return f"The witness {self.witness} {proof} {what} {MEND.format(witness=self.witness)}"


def keep(found: Conflict, generation: int, *, source: str) -> None:
    """Put a conflict on the record, with an alarm; once for each witness and generation."""
    row = Witness.objects.filter(name=found.witness).exclude(conflict_generation=generation)
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
            conflict_size=found.known,
            error=found.words,
        ):
            return
        alarms.raise_(CONFLICT, found.witness, found.words)
        journal.record(source, [Event(CONFLICT, time.time_ns() // 1000, detail)])


def standing(generation: int) -> Sequence[str]:
    """What stands against this generation of the log, in words."""
    rows = Witness.objects.filter(active=True, conflict_generation=generation)
    return list(rows.values_list("conflict", flat=True))


def reach(generation: int) -> dict[str, int]:
    """Entries that each witness in conflict had cosigned, by its name."""
    rows = Witness.objects.filter(active=True, conflict_generation=generation)
    return {name: size or 0 for name, size in rows.values_list("name", "conflict_size")}

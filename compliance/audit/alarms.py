"""Alarms: what an officer must look into, until one says that it was done.

Who raises one appends the event that says the same in the same transaction. The log keeps what
happened; an alarm only keeps it from being overlooked.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import F

from compliance.models import Alarm

CHANGE = "change.unrecorded"
STATEMENT = "statement.refused"
DISK = "disk.low"
TRIGGERS = "triggers.missing"
WITNESSED = "witness.refused"
CONFLICT = "witness.conflict"
CANARY = "canary.escaped"
FORGED = "policy.forged"
DRIFT = "engine.refused"
RECOVERED = "approval_key.recovered"

TITLES = {
    CHANGE: "Something was changed behind the record's back",
    STATEMENT: "A node's word could not be believed",
    DISK: "The disk is nearly full",
    WITNESSED: "A log that this appliance witnesses may have been set back",
    CONFLICT: "A witness contradicts this log",
    FORGED: "The policy is not what people signed",
    RECOVERED: "An approval key was certified without an approver",
    CANARY: "A node could get out of its confinement, and is closed",
    DRIFT: "A model is not as it was registered, and does not run",
    TRIGGERS: "The record is not protected by its triggers",
}


def raise_(kind: str, subject: str, words: str, count: int = 1) -> None:
    """Raise an alarm, or add to the one of this kind and subject that stands."""
    now = datetime.now(UTC)
    standing = Alarm.objects.filter(kind=kind, subject=subject[:64], acknowledged=None)
    if not standing.update(words=words, count=F("count") + count, last=now, ended=None):
        Alarm.objects.create(
            kind=kind, subject=subject[:64], words=words, count=count, first=now, last=now
        )


def end(kind: str, subject: str = "") -> None:
    """Note that it is over by itself; it stays until it is acknowledged."""
    Alarm.objects.filter(kind=kind, subject=subject, ended=None).update(ended=datetime.now(UTC))


def standing(kind: str, subject: str | None = None) -> bool:
    """Whether the newest alarm of a kind is not over, acknowledged or not.

    Of those about `subject`, where one is given.
    """
    found = Alarm.objects.filter(kind=kind)
    newest = (found if subject is None else found.filter(subject=subject)).first()
    return newest is not None and newest.ended is None

"""What a person does with a held request: read it, approve it, deny it. Each is an event.

Of two who decide at once one does, and the other is told who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.audit.keystore import VaultUnreadable
from compliance.gate import now
from compliance.holds import text
from compliance.holds.asked import asked
from compliance.models import Application, Hold
from compliance.vocabulary import Event

SOURCE = "console"
READ, APPROVED, DENIED, EXPIRED = (
    f"hold.{word}" for word in ("read", "approved", "denied", "expired")
)
REASON_MAX = 2_000  # characters


class HoldGone(Exception):
    """The hold cannot be read or decided on any more. The message says why."""


def read(hold: str, actor: str) -> bytes:
    """The text of a waiting hold: the body that the model would get, as JSON.

    That it was read is on the record before. Raises `HoldGone`.
    """
    with recorded():
        row = _waiting(hold)
        journal.record(SOURCE, [said(row, READ, {"actor": actor})])
    return _text(hold)


def approve(hold: str, actor: str, reason: str) -> None:
    """Let the request, sent again, pass the rules that held it, once. Raises `HoldGone`."""
    _text(hold)  # nobody approves what nobody can read
    _decide(hold, actor, reason, Hold.State.APPROVED, APPROVED)


def deny(hold: str, actor: str, reason: str) -> None:
    """Say no; its text is gone when this returns. Raises `HoldGone`."""
    _decide(hold, actor, reason, Hold.State.DENIED, DENIED)
    text.destroy(hold)


def said(row: Hold, kind: str, detail: Mapping[str, Any]) -> Event:
    """An event of a hold, labelled as its application's like those of the request itself."""
    key = Application.objects.filter(pk=row.application).values_list("label_key", flat=True)
    label_key = key.first()
    return Event(
        type=kind,
        time=now(),
        detail={"hold": row.pk, **detail},
        request=row.pk,
        application=str(row.application) if label_key else None,
        label_key=bytes(label_key) if label_key else None,
    )


def _decide(hold: str, actor: str, reason: str, state: Hold.State, kind: str) -> None:
    with recorded():
        moment = datetime.now(UTC)
        mine = Hold.objects.filter(pk=hold, state=Hold.State.WAITING, expires__gt=moment)
        if not mine.update(state=state, decided=moment, actor=actor, reason=reason):
            _waiting(hold)
        row = Hold.objects.get(pk=hold)
        held = asked(hold)
        rules = sorted(held.rules) if held else []
        detail = {"actor": actor, "reason": reason, "rules": rules}
        journal.record(SOURCE, [said(row, kind, detail)])


def _waiting(hold: str) -> Hold:
    row = Hold.objects.filter(pk=hold).first()
    if row is None:
        raise HoldGone("There is no such held request.")
    if row.state == Hold.State.WAITING and row.expires > datetime.now(UTC):
        return row
    if row.state in (Hold.State.APPROVED, Hold.State.DENIED, Hold.State.USED):
        word = "denied" if row.state == Hold.State.DENIED else "approved"
        raise HoldGone(f"{row.actor} has {word} this request already.")
    raise HoldGone("This request has waited for too long, or its text was erased.")


def _text(hold: str) -> bytes:
    _waiting(hold)
    try:
        return text.opened(hold)
    except VaultUnreadable as error:
        raise HoldGone(str(error)) from error

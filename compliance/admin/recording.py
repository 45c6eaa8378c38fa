"""What the console does goes on the record, in the transaction that does it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from compliance.audit import journal
from compliance.gate import now
from compliance.models import Application
from compliance.vocabulary import Event

SOURCE = "console"


def record(
    actor: str,
    kind: str,
    detail: Mapping[str, Any] | None = None,
    *,
    application: Application | None = None,
    about: Model | None = None,
) -> None:
    """Append an event of type `kind` inside the caller's transaction.

    `about` is what was changed, if a governed object was; the transaction is then one of
    `changes.recorded`. `actor` is a user's name. Raises `RecordUnavailable`; the caller's
    change then must not be committed.
    """
    event = Event(
        type=kind,
        time=now(),
        detail={"actor": actor, **(detail or {})},
        application=str(application.pk) if application else None,
        label_key=bytes(application.label_key) if application else None,
    )
    journal.record(SOURCE, [event], [about] if about is not None else [])


def actor(request: HttpRequest) -> str:
    """Who asks, by name."""
    return str(request.user.get_username())


def plain(value: Any) -> Any:
    """A field's value as an event's detail may hold it: no floats, no objects."""
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds")
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    return str(value)


def changes(before: Model, after: Model, fields: list[str]) -> dict[str, dict[str, Any]]:
    """Old and new value of each of `fields` that differs."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in fields}
    return {
        name: {"from": plain(old), "to": plain(new)}
        for name, (old, new) in pairs.items()
        if old != new
    }

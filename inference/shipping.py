"""Registers the model that comes with the appliance; who installs it accepts its licence."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.utils import timezone

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.vocabulary import Event
from inference.models import Model
from inference.registry import Entry, Shipped


def register(entry: Entry, actor: str) -> Model:
    """The row of a model whose weights are checked, with its events."""
    text = _licence(entry)
    with recorded():
        model = Model.objects.create(
            name=entry.name,
            engine=entry.engine,
            digest=entry.digest,
            size=entry.size,
            licence=entry.licence,
            licence_text=text,
            licence_digest=_sha256(text),
            licence_accepted=timezone.now(),
            licence_accepted_by="installer",
            origin=entry.origin,
            context_length=entry.context_length,
        )
        said = {"model": entry.name, "digest": entry.digest, "licence": entry.licence}
        accepted = {**said, "licence_digest": model.licence_digest}
        _record(
            model,
            actor,
            {
                "model.registered": {**said, "origin": entry.origin},
                "model.licence_accepted": accepted,
            },
        )
    return model


def complete(model: Model, entry: Entry, actor: str) -> None:
    """Give a model that came with an earlier release the text that it then lacked."""
    text = _licence(entry)
    if not text or model.licence_text or model.digest != entry.digest:
        return
    with recorded():
        bare = Model.objects.filter(pk=model.pk, licence_text="")
        if bare.update(licence_text=text, licence_digest=_sha256(text)):
            changes = {"licence_digest": {"from": "", "to": _sha256(text)}}
            _record(model, actor, {"model.changed": {"model": model.name, "changes": changes}})


def _licence(entry: Entry) -> str:
    return entry.kept.licence() if isinstance(entry.kept, Shipped) else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _record(model: Model, actor: str, told: dict[str, dict[str, Any]]) -> None:
    now = time.time_ns() // 1000
    events = [Event(kind, now, {"actor": actor, **detail}) for kind, detail in told.items()]
    journal.record("command", events, [model])

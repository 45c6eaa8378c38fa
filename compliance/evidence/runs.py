"""Runs of exports: begun, cancelled and removed by people; carried out by `running`.

A run is a row of `Export`. Whoever starts one waits for nothing but the check of what was asked
for; the worker `records` does the rest. What people do to runs is on the record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance import background
from compliance.audit import journal
from compliance.evidence import shelf
from compliance.evidence.forms import FORMS, ScopeInvalid
from compliance.gate import now
from compliance.models import Export
from compliance.vocabulary import Event

SOURCE = "console"
UNFINISHED = (Export.State.WAITING, Export.State.RUNNING)
UNTAKEN = dt.timedelta(seconds=30)
"""A run that waits for so long, while none is at work, waits for a worker that is away."""


def start(actor: str, form: str, scope: Mapping[str, Any]) -> Export:
    """Have an export made in the background; raises `ScopeInvalid`, which names the field.

    The run and its event are committed together; the worker is told afterwards.
    """
    if form not in FORMS:
        raise ScopeInvalid("form", f"There is no form {form[:32]!r}.")
    checked = FORMS[form].check(scope)
    if not shelf.room():
        raise ScopeInvalid("form", "The disk is nearly full; make room first.")
    with transaction.atomic():
        run = Export.objects.create(
            actor=actor, form=form, scope=checked, asked=timezone.now(), step="waits"
        )
        told = {"export": run.pk, "form": form, "scope": checked}
        record(actor, "evidence.requested", told)
        transaction.on_commit(lambda: background.tell(background.EXPORT, run.pk))
    return run


def cancel(actor: str, pk: int) -> bool:
    """End a run that is not finished; False if it is. What is being written goes."""
    with transaction.atomic():
        changed = Export.objects.filter(pk=pk, state__in=UNFINISHED).update(
            state=Export.State.CANCELLED, finished=timezone.now(), step=""
        )
        if changed:
            record(actor, "evidence.cancelled", {"export": pk})
    return bool(changed)


def remove(actor: str, run: Export, reason: str) -> bool:
    """Let the file of a finished run go; False if it has gone already.

    Where this process may not write to the folder, the worker removes it at its next sweep.
    """
    with transaction.atomic():
        rows = Export.objects.filter(pk=run.pk, state=Export.State.DONE, removed=None)
        if not rows.update(removed=timezone.now()):
            return False
        told = {"export": run.pk, "file": run.file, "sha256": run.digest, "reason": reason}
        record(actor, "evidence.removed", told)
    path = shelf.kept(run.file)
    if path is not None:
        with suppress(OSError):
            path.unlink()
    return True


def expire() -> int:
    """Remove files that are past their time; how many."""
    days = settings.DOMICILE.export_days
    before = timezone.now() - dt.timedelta(days=days)
    old = Export.objects.filter(state=Export.State.DONE, removed=None, finished__lt=before)
    return sum(remove("records", run, f"kept for {days} days") for run in old)


def untaken() -> bool:
    """Whether a run waits although none is at work: the worker is away."""
    waiting = Export.objects.filter(state=Export.State.WAITING)
    since = timezone.now() - UNTAKEN
    at_work = Export.objects.filter(state=Export.State.RUNNING, seen__gte=since).exists()
    return not at_work and waiting.filter(asked__lt=since).exists()


def record(actor: str, kind: str, detail: Mapping[str, Any]) -> None:
    """Append an event inside the caller's transaction."""
    journal.record(SOURCE, [Event(kind, now(), {"actor": actor, **detail})])

"""Simulations that people begin and cancel. No content is needed: facts were recorded."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from compliance import background
from compliance.audit import journal
from compliance.gate import now
from compliance.models import Event as StoredEvent
from compliance.models import Simulation
from compliance.policy.rules import Policy, canonical
from compliance.vocabulary import Event

DAYS_MAX = 366
UNFINISHED = (Simulation.State.WAITING, Simulation.State.RUNNING)
SKEW = dt.timedelta(minutes=5)
"""How far the times of neighbouring events may be out of order; more is looked at, not less."""


def start(actor: str, title: str, policy: Policy, against: Policy, days: int) -> Simulation:
    """Begin a replay of the last `days` days; raises ValueError outside of 1 to `DAYS_MAX`."""
    if not 1 <= days <= DAYS_MAX:
        raise ValueError(f"days: must be from 1 to {DAYS_MAX}")
    asked = timezone.now()
    newest = StoredEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    begin = _before(asked - dt.timedelta(days=days), newest)
    with transaction.atomic():
        run = Simulation.objects.create(
            actor=actor,
            title=title,
            document=canonical(policy).decode(),
            digest=policy.digest,
            against=canonical(against).decode(),
            against_number=against.version,
            days=days,
            begin=begin,
            cursor=begin,
            last=newest,
            asked=asked,
        )
        told = {"simulation": run.pk, "digest": policy.digest, "days": days}
        record("console", actor, "policy.simulation_started", told)
        transaction.on_commit(lambda: background.tell(background.SIMULATE, run.pk))
    return run


def cancel(actor: str, pk: int) -> bool:
    """End a simulation that is not finished; False if it is."""
    with transaction.atomic():
        changed = Simulation.objects.filter(pk=pk, state__in=UNFINISHED).update(
            state=Simulation.State.CANCELLED, finished=timezone.now()
        )
        if changed:
            record("console", actor, "policy.simulation_cancelled", {"simulation": pk})
    return bool(changed)


def record(source: str, actor: str, kind: str, detail: dict[str, object]) -> None:
    """Append an event inside the caller's transaction."""
    journal.record(source, [Event(kind, now(), {"actor": actor, **detail})])


def _before(since: dt.datetime, newest: int) -> int:
    """An id with no event at or below it that is newer than `since`; found by halving.

    Ids rise with time, as far as writers' clocks and commits do; there is no index on times.
    """
    low, high = 0, newest
    while low < high:
        middle = (low + high) // 2
        found = StoredEvent.objects.filter(id__gt=middle).order_by("id")
        time = found.values_list("time", flat=True).first()
        if time is not None and time < since - SKEW:
            low = middle + 1
        else:
            high = middle
    return low

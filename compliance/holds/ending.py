"""Holds that end by themselves, and keys that crashes leave. The process `records` does it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from compliance.audit import journal, vault
from compliance.audit.changes import recorded
from compliance.audit.keystore import store
from compliance.holds import text
from compliance.holds.deciding import EXPIRED, SOURCE, said
from compliance.models import OPEN, Content, Hold

OVER, ERASED = "time_over", "text_erased"
REMEMBERED = timedelta(days=30)  # after which an ended hold's row goes; its events stay
UNDECIDED = 600.0  # seconds that a key may stand before the hold it is for is on the record
BATCH = 500  # holds that one transaction ends


def end(now: datetime | None = None) -> int:
    """End what is past its time or was erased, destroy the keys of all that ended; how many."""
    now = now or datetime.now(UTC)
    count = _ended(Hold.objects.filter(state__in=OPEN, expires__lte=now), OVER)
    held = Content.objects.filter(request=OuterRef("pk"), part=vault.HELD)
    count += _ended(Hold.objects.filter(~Exists(held), state__in=OPEN), ERASED)
    _destroy_left()
    Hold.objects.filter(expires__lt=now - REMEMBERED).exclude(state__in=OPEN).delete()
    return count


def _ended(due: QuerySet[Hold], reason: str) -> int:
    count = 0
    while ids := list(due.values_list("pk", flat=True)[:BATCH]):
        with recorded():
            rows = list(Hold.objects.select_for_update().filter(pk__in=ids, state__in=OPEN))
            Hold.objects.filter(pk__in=[row.pk for row in rows]).update(
                state=Hold.State.EXPIRED
            )
            journal.record(SOURCE, [said(row, EXPIRED, {"reason": reason}) for row in rows])
        for row in rows:
            text.destroy(row.pk)
        count += len(rows)
    return count


def _destroy_left() -> None:
    """Keys whose hold ended, or never became durable, because a process died in between."""
    keys = store().all_held()
    states = dict(Hold.objects.filter(pk__in=keys).values_list("pk", "state"))
    for request in keys:
        begun = int(request[:8], 16)  # an id begins with the second that it was made in
        late = time.time() - begun > UNDECIDED
        if states.get(request, Hold.State.EXPIRED if late else Hold.State.WAITING) not in OPEN:
            text.destroy(request)

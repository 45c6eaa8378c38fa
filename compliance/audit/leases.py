"""Ends what dead writers left open.

A writer renews its lease every 2 s. The notary judges by its own steady clock: a lease that
it saw unchanged for longer than it lasts has run out, whatever the wall clocks say. While the
database was away, or the notary itself stood still, nobody could renew; then it looks afresh.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from compliance.audit import journal
from compliance.audit.epoch import LEASE
from compliance.audit.installation import JOURNALS
from compliance.models import Application, WriterEpoch
from compliance.models import Event as StoredEvent
from compliance.vocabulary import TERMINAL, Event

STALLED = 3.0  # seconds between two looks, beyond which the notary itself stood still
LOOK = 1.0  # seconds between looks


class Leases:
    """What the notary saw of the open epochs' leases. Belongs to its thread."""

    def __init__(self, lease: float = LEASE.total_seconds()) -> None:
        self._lease = lease
        self._seen: dict[int, tuple[datetime | None, float]] = {}
        self._looked = 0.0

    def forget(self) -> None:
        """Look afresh: renewals may have been impossible."""
        self._seen.clear()

    def end_dead(self) -> int:
        """Close the epochs whose leases ran out; how many."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return 0
        if now - self._looked > STALLED:
            self.forget()
        self._looked = now
        ended = 0
        epochs = list(WriterEpoch.objects.filter(closed=None).exclude(source__in=JOURNALS))
        seen = {
            epoch.pk: self._seen.get(epoch.pk, (epoch.lease_until, now)) for epoch in epochs
        }
        for epoch in epochs:
            lease, since = seen[epoch.pk]
            if lease != epoch.lease_until:
                seen[epoch.pk] = (epoch.lease_until, now)
            elif now - since > self._lease:
                ended += _end(epoch)
        self._seen = seen
        return ended


def _end(epoch: WriterEpoch) -> bool:
    """Close an epoch and end its requests, all or nothing; False if it was renewed meanwhile.

    The update waits for an append that is under way, and every later one fails.
    """
    with transaction.atomic():
        claimed = WriterEpoch.objects.filter(
            id=epoch.pk, closed=None, lease_until=epoch.lease_until
        ).update(closed=datetime.now(UTC))
        if not claimed:
            return False
        events = StoredEvent.objects.filter(source=epoch.source, epoch=epoch.epoch)
        last = events.order_by("-seq").values_list("seq", flat=True).first()
        count = 0 if last is None else last + 1
        about = {"source": epoch.source, "epoch": epoch.epoch, "events": count}
        ends = [*_lost(epoch), Event("writer.lost", _now(), about)]
        WriterEpoch.objects.filter(id=epoch.pk).update(next_seq=count, open_from=count)
        journal.record("notary", ends)
    return True


def _lost(epoch: WriterEpoch) -> Iterable[Event]:
    """What it admitted and nobody ended.

    One request that took long leaves thousands after it that have ended: the database tells
    them apart, because it takes no list that long.
    """
    ends = StoredEvent.objects.filter(request=OuterRef("request"), type__in=TERMINAL)
    admitted = StoredEvent.objects.filter(
        ~Exists(ends),
        source=epoch.source,
        epoch=epoch.epoch,
        seq__gte=WriterEpoch.objects.get(id=epoch.pk).open_from,
        type="request.admitted",
    ).values_list("request", "application")
    keys = dict(Application.objects.values_list("id", "label_key"))
    for request, application in admitted.order_by("seq"):
        key = keys.get(application) if application else None
        yield Event(
            type="request.lost",
            time=_now(),
            detail={"reason": "writer_lost", "source": epoch.source, "epoch": epoch.epoch},
            request=request,
            application=str(application) if application else None,
            label_key=bytes(key) if key else None,
        )


def _now() -> int:
    return time.time_ns() // 1000

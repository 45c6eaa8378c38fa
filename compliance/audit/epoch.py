"""A writer's life, from its announcement to its end: the numbers it gave, what it left open."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from compliance.audit import vault
from compliance.audit.entry import EntryInvalid, encode
from compliance.audit.storage import Lease, Row
from compliance.models import WriterEpoch
from compliance.vocabulary import TERMINAL, Event

LEASE = timedelta(seconds=10)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(slots=True)
class Epoch:
    """Belongs to one thread. `next` is the number of its next event."""

    id: int  # the row's
    source: str
    number: int
    next: int = 0
    open: dict[str, int] = field(default_factory=dict)  # request -> its admission, in order

    @classmethod
    def begin(cls, source: str) -> Epoch:
        """The source's next epoch, durable when this returns."""
        now = datetime.now(UTC)
        with transaction.atomic():
            last = WriterEpoch.objects.filter(source=source).aggregate(Max("epoch"))
            row = WriterEpoch.objects.create(
                source=source,
                epoch=(last["epoch__max"] or 0) + 1,
                opened=now,
                lease_until=now + LEASE,
            )
        return cls(row.pk, source, row.epoch)

    def finish(self) -> None:
        """Close the epoch; it must have nothing open."""
        WriterEpoch.objects.filter(id=self.id, closed=None).update(
            closed=datetime.now(UTC), next_seq=self.next, open_from=self.next
        )

    def lease(self) -> Lease:
        """A new lease, and where open requests begin. It holds before the next append too."""
        oldest = next(iter(self.open.values()), self.next)
        return Lease(datetime.now(UTC) + LEASE, oldest)

    def row(self, event: Event, offset: int) -> Row:
        """The event as number `next + offset`; raises `EntryInvalid`."""
        if event.application is not None and not _UUID.match(event.application):
            raise EntryInvalid("An event's application is not a UUID in lower case.")
        seq, key = self.next + offset, secrets.token_bytes(32)
        encoded = encode(event, source=self.source, epoch=self.number, seq=seq, key=key)
        if encoded.content_key is None:
            return Row(event, self.source, self.number, seq, encoded)
        kept = vault.seal(event, encoded.content_key)
        return Row(event, self.source, self.number, seq, encoded, kept)

    def advance(self, rows: Sequence[Row]) -> None:
        """Take note that these rows are durable."""
        for row in rows:
            request = row.event.request
            if request is None:
                continue
            if row.event.type == "request.admitted":
                self.open[request] = row.seq
            elif row.event.type in TERMINAL:
                self.open.pop(request, None)
        self.next += len(rows)

    def forget(self, events: Iterable[Event]) -> None:
        """Take note that the requests of these events have ended elsewhere."""
        for event in events:
            self.open.pop(event.request or "", None)

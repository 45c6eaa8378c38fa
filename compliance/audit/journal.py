"""Events inside the caller's own transaction: what the console, the notary and commands do.

Their counter is a row, so the number is given with the change that it records, or not at
all. Record last: the counter's row stays locked until the transaction ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection
from django.db.models import F, Model

from compliance.audit import changes
from compliance.audit.entry import encode
from compliance.audit.installation import JOURNALS
from compliance.models import Event as StoredEvent
from compliance.models import WriterEpoch
from compliance.vocabulary import Event

EPOCH = 1


def record(source: str, events: Sequence[Event], about: Iterable[Model] = ()) -> None:
    """Append the events as part of the open transaction; they are durable when it commits.

    The events speak of the changes that this transaction made to `about` (`changes.recorded`).
    `source` is `console`, `notary` or `command`. Raises `EntryInvalid`, and RuntimeError
    outside of `transaction.atomic`.
    """
    if source not in JOURNALS:
        raise ValueError(f"{source} is no journal; there are {', '.join(JOURNALS)}.")
    if any(event.content for event in events):
        raise ValueError("A journal keeps no content; only a writer does.")
    if not connection.in_atomic_block:
        raise RuntimeError("journal.record belongs inside transaction.atomic().")
    changes.cover(about)
    counter = WriterEpoch.objects.filter(source=source, epoch=EPOCH)
    counter.update(next_seq=F("next_seq") + len(events))  # locks it until the commit
    first = counter.get().next_seq - len(events)
    StoredEvent.objects.bulk_create(
        _stored(event, source, first + place) for place, event in enumerate(events)
    )


def _stored(event: Event, source: str, seq: int) -> StoredEvent:
    encoded = encode(event, source=source, epoch=EPOCH, seq=seq, key=secrets.token_bytes(32))
    return StoredEvent(
        source=source,
        epoch=EPOCH,
        seq=seq,
        type=event.type,
        time=datetime.fromtimestamp(event.time / 1_000_000, UTC),
        request=event.request,
        application=event.application,
        entry=encoded.entry,
        detail=encoded.detail,
        detail_key=encoded.key,
    )

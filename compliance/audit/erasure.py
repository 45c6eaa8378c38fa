"""Erases kept content so that no copy of it can be opened, and says so on the record.

For each bucket concerned: (1) a new bucket key, durable; (2) one transaction that deletes what
is erased, wraps the bucket's other data keys under the new key and raises the generation;
(3) the old key destroyed. Then (4) one transaction: the event, and the certificate. After a
crash at any point `recover` goes on from there: superseded keys are destroyed first, and what
was erased so far is on the erasure's own row.

Every erasure that a person asked for is also on a list in the vault, which no restore of the
database takes back; `reapply` does again what an older database does not know of.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from compliance.audit import asking, journal
from compliance.audit.asking import Work, affected, ask, noted
from compliance.audit.certificate import certificate
from compliance.audit.keystore import KeyStore, store
from compliance.audit.vault import rewrap
from compliance.models import Content, ContentBucket, ContentSubject, Erasure, WriterEpoch
from compliance.vocabulary import Event

ERASED, EXPIRED = "content.erased", "content.expired"
NOBODY = "domicile"  # who acts where no person does
EVENT_REQUESTS = 10_000  # requests that one event names: a detail is bounded
_CHUNK = 500  # values of one IN


# --- What is asked for --------------------------------------------------------------------


def erase(
    kind: str, value: str, *, actor: str, reason: str, source: str = "command"
) -> Erasure:
    """Erase all kept content of a person (`subject`) or of one `request`; done when it returns.

    A person is found by one identifier, as `asking.found` finds it. Erasing again is harmless:
    it finds nothing more. `source` is the journal to record in. Raises `ErasureRefused`,
    `KeyUnusable`, `VaultUnreadable` and OSError; what was begun is then completed by `recover`.
    """
    return carry_out(ask(kind, value, actor=actor, reason=reason).pk, source=source)


def expire(now: datetime | None = None, *, source: str = "console") -> int:
    """Erase what is past its time; how many requests."""
    keys = store()
    with keys.lock():
        _recover(keys, source)
        now = now or datetime.now(UTC)
        if not Content.objects.filter(expires__lte=now).exists():
            return 0
        reason = "Kept for as long as was set for its application."
        erasure = noted(Erasure.Kind.EXPIRY, Work(), actor=NOBODY, reason=reason, now=now)
        return _carried_out(keys, erasure, source).requests


def carry_out(pk: int, *, source: str = "command") -> Erasure:
    """Do what `asking.ask` noted, or go on with it; the erasure when it is done."""
    keys = store()
    with keys.lock():
        _destroy_superseded(keys)
        erasure = Erasure.objects.get(pk=pk)
        if erasure.state == Erasure.State.DONE:
            return erasure
        if erasure.kind != Erasure.Kind.EXPIRY:
            _list(keys, erasure)
        return _carried_out(keys, erasure, source)


def recover(*, source: str = "console") -> int:
    """Complete what a crash cut short; how many erasures. None while someone else erases."""
    with store().lock(wait=False) as mine:
        return _recover(store(), source) if mine else 0


def reapply(*, source: str = "command") -> int:
    """After a restore: erase again what is on the vault's list; how many erasures found any.

    A person's later requests are not touched: ids begin with the second they came in.
    """
    keys = store()
    with keys.lock():
        done = _recover(keys, source)
        for kind, request, work in asking.still_found(list(keys.listed())):
            if affected(Erasure(kind=kind, request=request), work).exists():
                reason = "Erased before the database was restored; done again."
                now = datetime.now(UTC)
                erasure = noted(
                    kind, work, actor=NOBODY, reason=reason, request=request, now=now
                )
                _carried_out(keys, erasure, source)
                done += 1
        return done


# --- How it is done; the caller holds the vault's lock ------------------------------------


def _recover(keys: KeyStore, source: str) -> int:
    _destroy_superseded(keys)
    begun = list(Erasure.objects.filter(state=Erasure.State.ASKED).order_by("id"))
    for erasure in begun:
        if erasure.kind != Erasure.Kind.EXPIRY:
            _list(keys, erasure)
        _carried_out(keys, erasure, source)
    return len(begun)


def _destroy_superseded(keys: KeyStore) -> None:
    keys.destroy_superseded(dict(ContentBucket.objects.values_list("number", "generation")))


def _list(keys: KeyStore, erasure: Erasure) -> None:
    """Put an erasure on the list that outlives a restore, before anything is destroyed."""
    what: dict[str, Any] = {"kind": erasure.kind, "time": int(time.time())}
    if erasure.kind == Erasure.Kind.REQUEST:
        what["request"] = erasure.request
    else:
        what["subjects"] = Work.of(erasure).subjects
    keys.list_erasure(what)


def _carried_out(keys: KeyStore, erasure: Erasure, source: str) -> Erasure:
    work = Work.of(erasure)
    buckets = set(affected(erasure, work).values_list("bucket", flat=True))
    work.total, work.fault = len(work.buckets) + len(buckets), ""
    for bucket in sorted(buckets):
        _renew(keys, bucket, erasure, work)
    with transaction.atomic():
        _finish(erasure, work, source)
    return erasure


def _renew(keys: KeyStore, bucket: int, erasure: Erasure, work: Work) -> None:
    """Steps 1 to 3 for one bucket."""
    new = keys.renew(bucket, ContentBucket.objects.get(number=bucket).generation)
    key = keys.open(bucket, new)
    with transaction.atomic():
        row = ContentBucket.objects.select_for_update().get(number=bucket)
        concerned = affected(erasure, work).filter(bucket=bucket)
        gone = sorted(set(concerned.values_list("request", flat=True)))
        for requests in _chunks(gone):
            count, _ = Content.objects.filter(request__in=requests).delete()
            ContentSubject.objects.filter(request__in=requests).delete()
            work.parts += count
        if row.generation in keys.generations(bucket):
            _rewrap(bucket, row.generation, keys.open(bucket, row.generation), new, key)
        row.generation = new
        row.save(update_fields=["generation"])
        work.count += len(gone)
        if erasure.kind != Erasure.Kind.EXPIRY:
            work.requests += gone
        work.buckets.append(bucket)
        erasure.certificate = work.text()
        erasure.save(update_fields=["certificate"])
    keys.destroy(bucket, new)


def _rewrap(bucket: int, generation: int, old: bytes, new: int, key: bytes) -> None:
    """Take what is left of a bucket to its new key, inside the caller's transaction."""
    rows = Content.objects.filter(bucket=bucket, generation=generation)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE compliance_content SET wrapped = %s, generation = %s WHERE id = %s",
            [
                (wrapped, new, pk)
                for pk, before in rows.values_list("id", "wrapped")
                if (wrapped := rewrap(bytes(before), old, key)) is not None
            ],
        )


def _finish(erasure: Erasure, work: Work, source: str) -> None:
    """Step 4, inside a transaction: on the record, and the certificate."""
    erasure.finished = datetime.now(UTC)
    erasure.state, erasure.requests = Erasure.State.DONE, work.count
    events = _events(erasure, work)
    journal.record(source, events)
    last = WriterEpoch.objects.get(source=source, epoch=journal.EPOCH).next_seq - 1
    places = [f"{source}/{journal.EPOCH}/{last - back}" for back in range(len(events))][::-1]
    erasure.certificate = certificate(erasure, work.parts, places)
    erasure.save(update_fields=["finished", "state", "requests", "certificate"])


def _events(erasure: Erasure, work: Work) -> list[Event]:
    now = time.time_ns() // 1000
    if erasure.kind == Erasure.Kind.EXPIRY:
        detail = {"requests": work.count, "buckets": work.buckets}
        return [Event(EXPIRED, now, detail)]
    about = {"kind": str(erasure.kind), "actor": erasure.actor, "reason": erasure.reason}
    if erasure.kind == Erasure.Kind.REQUEST:
        about["request"] = erasure.request
    else:
        about["subject"] = erasure.subject
    parts = list(_chunks(work.requests, EVENT_REQUESTS)) or [[]]
    return [
        Event(ERASED, now, about | {"requests": part, "buckets": work.buckets})
        for part in parts
    ]


def _chunks(values: Sequence[str], size: int = _CHUNK) -> Iterator[list[str]]:
    for first in range(0, len(values), size):
        yield list(values[first : first + size])

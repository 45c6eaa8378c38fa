"""What an erasure is about: what was typed, whom and which requests it concerns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min, QuerySet

from compliance.audit import subjects
from compliance.audit.keys import read_key
from compliance.models import Content, ContentSubject, Erasure

REASON_MAX = 2_000  # characters
IDENTIFIER_MAX = 256  # characters
UNTAKEN = timedelta(seconds=15)
"""What waits for so long waits for a worker that is away: one looks every ten seconds."""
LATE = timedelta(minutes=5)
"""Who asked for an erasure was promised a second; what takes so long needs somebody."""
_BATCH = 200  # entries of the vault's list for one query; an entry has a few index values
_REQUEST = re.compile(r"[0-9a-f]{32}\Z")


class ErasureRefused(Exception):
    """What was asked for cannot be erased as it was asked. The message says why."""


@dataclass(slots=True)
class Work:
    """What an erasure is about and how far it came; on its row while it is not done."""

    subjects: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # of an expiry none: they may be millions
    buckets: list[int] = field(default_factory=list)
    count: int = 0  # requests erased
    parts: int = 0
    until: str = ""  # greatest request id concerned, where not all are
    total: int = 0  # buckets, those that are done among them; 0 before it is begun
    fault: str = ""  # why it waits

    @property
    def subject(self) -> str:
        """The index value of the identifier as it was typed."""
        return self.subjects[0] if self.subjects else ""

    @classmethod
    def of(cls, erasure: Erasure) -> Work:
        """As it stands on the row."""
        return cls(**json.loads(erasure.certificate))

    def text(self) -> str:
        """What stands on the row in the place of the certificate that is to come."""
        return json.dumps(asdict(self), sort_keys=True)


def ask(kind: str, value: str, *, actor: str, reason: str) -> Erasure:
    """Note durably that something is to be erased; one that is under way is joined."""
    reason = reason.strip()
    if not reason or len(reason) > REASON_MAX:
        raise ErasureRefused(f"An erasure needs a reason of up to {REASON_MAX} characters.")
    work, request = Work(), ""
    if kind == Erasure.Kind.SUBJECT:
        work.subjects = list(_typed(value))
    elif kind == Erasure.Kind.REQUEST:
        request = _request(value)
    else:
        raise ErasureRefused("Content is erased by subject or by request.")
    with transaction.atomic():
        asked = Erasure.objects.filter(
            kind=kind, subject=work.subject, request=request, state=Erasure.State.ASKED
        )
        return asked.first() or noted(
            kind, work, actor=actor, reason=reason, request=request, now=datetime.now(UTC)
        )


def untaken() -> bool:
    """Whether an erasure waits that nobody has begun: the worker is away."""
    waiting = Erasure.objects.filter(
        state=Erasure.State.ASKED, asked__lt=datetime.now(UTC) - UNTAKEN
    )
    return any(not Work.of(one).total and not Work.of(one).fault for one in waiting)


def waiting_since() -> datetime | None:
    """When the oldest erasure that is not done was asked for; None if all are."""
    waiting = Erasure.objects.filter(state=Erasure.State.ASKED)
    return waiting.order_by("asked").values_list("asked", flat=True).first()


def stalled(words: str) -> None:
    """Note on every erasure that is not done why it waits."""
    with transaction.atomic():
        for erasure in Erasure.objects.select_for_update().filter(state=Erasure.State.ASKED):
            work = Work.of(erasure)
            if work.fault != words:
                work.fault = words
                erasure.certificate = work.text()
                erasure.save(update_fields=["certificate"])


def found(kind: str, value: str) -> list[str]:
    """The requests whose kept content `erase` would erase, in the order of their ids."""
    if kind == Erasure.Kind.REQUEST:
        contents = Content.objects.filter(request=_request(value))
    else:
        contents = _of_subjects(_typed(value))
    return sorted(set(contents.values_list("request", flat=True)))


def affected(erasure: Erasure, work: Work) -> QuerySet[Content]:
    """The content that an erasure is about, as far as it still stands."""
    match erasure.kind:
        case Erasure.Kind.SUBJECT:
            contents = _of_subjects(work.subjects)
        case Erasure.Kind.REQUEST:
            contents = Content.objects.filter(request=erasure.request)
        case _:
            due = Content.objects.filter(expires__lte=erasure.asked)
            contents = Content.objects.filter(request__in=due.values("request"))
    return contents.filter(request__lte=work.until) if work.until else contents


def still_found(listed: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Work]]:
    """Which erasures of the vault's list may still find content: kind, request, and work.

    One query for each `_BATCH` of entries, since nearly all of a long list find nothing. Later
    requests of the same person are none of an erasure's.
    """
    for first in range(0, len(listed), _BATCH):
        batch = [_listed(entry) for entry in listed[first : first + _BATCH]]
        subjects = {one for _kind, _request, work in batch for one in work.subjects}
        rows = ContentSubject.objects.filter(subject__in=subjects).values_list("subject")
        oldest = dict(rows.annotate(Min("request")))
        asked = {request for _kind, request, _work in batch if request}
        held = Content.objects.filter(request__in=asked)
        kept = set(held.values_list("request", flat=True)) if asked else set()
        for kind, request, work in batch:
            found = (oldest.get(one) for one in work.subjects)
            if request in kept or any(one and one <= work.until for one in found):
                yield kind, request, work


def _listed(entry: Mapping[str, Any]) -> tuple[str, str, Work]:
    work = Work(subjects=list(entry.get("subjects", ())))
    work.until = f"{int(entry['time']):08x}" + "f" * 24
    request = str(entry.get("request", ""))
    return (Erasure.Kind.REQUEST if request else Erasure.Kind.SUBJECT), request, work


def _of_subjects(values: Sequence[str]) -> QuerySet[Content]:
    about = ContentSubject.objects.filter(subject__in=values)
    return Content.objects.filter(request__in=about.values("request"))


def noted(
    kind: str, work: Work, *, actor: str, reason: str, request: str = "", now: datetime
) -> Erasure:
    """The row of an erasure, as asked for."""
    return Erasure.objects.create(
        kind=kind,
        subject=work.subject,
        request=request,
        actor=actor,
        reason=reason,
        asked=now,
        certificate=work.text(),
    )


def _typed(value: str) -> tuple[str, ...]:
    """The index values of an identifier; it goes no further."""
    if not value.strip() or len(value) > IDENTIFIER_MAX:
        raise ErasureRefused(
            f"Give one identifier of the person, of up to {IDENTIFIER_MAX} characters."
        )
    key = read_key(settings.DOMICILE.data / "keys" / "subject-index")
    return subjects.typed(key, value, settings.DOMICILE.country)


def _request(value: str) -> str:
    request = value.strip().lower().removeprefix("chatcmpl-")
    if not _REQUEST.match(request):
        raise ErasureRefused("A request's id has 32 hex digits.")
    return request

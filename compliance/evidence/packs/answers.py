"""What officers type into packs: each answer is a row that stays, and the newest one counts."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils import timezone

from compliance.audit import journal
from compliance.evidence.packs.fields import Answer
from compliance.evidence.packs.law import ORGANISATION, FieldLaw, Law
from compliance.gate import now
from compliance.models import Application, PackAnswer
from compliance.vocabulary import Event

VALUE_MAX = 20_000  # characters
CASE = re.compile(r"[0-9]{8}-[0-9a-f]{8}\Z", re.ASCII)
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class AnswerInvalid(ValueError):
    """What was typed cannot be taken. The message says what is wanted instead."""


def new_case() -> str:
    """The number of a new case: a day and random digits, so that it names nobody."""
    return f"{timezone.now():%Y%m%d}-{secrets.token_hex(4)}"


def subject_of(law: FieldLaw, subject: str) -> str:
    """Under what the answer to a field is kept."""
    return "" if law.of == ORGANISATION else subject


def current(pack: Law, subject: str) -> Mapping[str, Answer]:
    """The newest answer to each field of the pack, for one application or case."""
    rows = PackAnswer.objects.filter(
        pack__in=(pack.id, ORGANISATION), subject__in=("", subject)
    ).order_by("id")
    newest = {(row.pack, row.field, row.subject): row for row in rows}
    found = {}
    for law in pack.fields:
        row = newest.get((_shelf(pack, law), law.id, subject_of(law, subject)))
        if row is not None:
            found[law.id] = Answer(row.value, row.actor, row.time)
    return found


def history(pack: Law, law: FieldLaw, subject: str) -> list[PackAnswer]:
    """Every answer to one field, newest first."""
    rows = PackAnswer.objects.filter(
        pack=_shelf(pack, law), field=law.id, subject=subject_of(law, subject)
    )
    return list(rows.order_by("-id"))


def cases(pack: Law) -> list[str]:
    """The cases of a pack, newest first."""
    rows = PackAnswer.objects.filter(pack=pack.id).exclude(subject="")
    return sorted(set(rows.values_list("subject", flat=True)), reverse=True)


def _shelf(pack: Law, law: FieldLaw) -> str:
    return ORGANISATION if law.shared else pack.id


def answer(
    pack: Law, values: Mapping[str, str], subject: str, *, actor: str, source: str = "console"
) -> list[str]:
    """Keep what was typed into fields, with one event each; the ids of those that changed.

    An empty value takes the answer back. Answers and events are one transaction. Raises
    `AnswerInvalid`.
    """
    before = current(pack, subject)
    checked = {name: clean(pack.field(name), value) for name, value in values.items()}
    changed = {
        name: value
        for name, value in checked.items()
        if value != (before[name].value if name in before else "")
    }
    if not changed:
        return []
    about = {} if not subject else {pack.of: subject}
    with transaction.atomic():
        PackAnswer.objects.bulk_create(
            PackAnswer(
                pack=_shelf(pack, pack.field(name)),
                field=name,
                subject=subject_of(pack.field(name), subject),
                value=value,
                actor=actor,
                time=timezone.now(),
            )
            for name, value in changed.items()
        )
        journal.record(
            source,
            [
                Event(
                    "pack.answered",
                    now(),
                    {"actor": actor, "pack": pack.id, "field": name, "empty": not value}
                    | ({} if pack.field(name).of == ORGANISATION else about),
                )
                for name, value in changed.items()
            ],
        )
    return list(changed)


def clean(law: FieldLaw, value: str) -> str:
    """The value as it is kept; raises `AnswerInvalid`."""
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > VALUE_MAX:
        raise AnswerInvalid(
            f"{law.label}: {len(text)} characters are too many; give at most {VALUE_MAX}, and "
            "refer to a document for the rest."
        )
    if _UNSTORABLE.search(text):
        raise AnswerInvalid(f"{law.label}: the text has control characters; remove them.")
    if law.kind == "moment" and text:
        return moment(text, law.label).isoformat()
    if law.kind == "applications" and text:
        return "\n".join(_applications(text.split("\n"), law.label))
    return text


def moment(text: str, label: str = "The time") -> dt.datetime:
    """A moment with its time zone; raises `AnswerInvalid`."""
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise AnswerInvalid(
            f"{label}: give date, time and time zone, as in 2026-11-22T09:30+01:00."
        )
    return when


def _applications(names: Iterable[str], label: str) -> list[str]:
    given = [name.strip() for name in names if name.strip()]
    known = set(Application.objects.filter(name__in=given).values_list("name", flat=True))
    if unknown := [name for name in given if name not in known]:
        raise AnswerInvalid(f"{label}: there is no application {unknown[0][:64]!r}.")
    return sorted(set(given))

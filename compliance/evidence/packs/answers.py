"""What officers type into packs: each answer is a row that stays, and the newest one counts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from compliance.audit import journal
from compliance.evidence.packs.fields import Answer
from compliance.evidence.packs.kinds import AnswerInvalid, clean, moment
from compliance.evidence.packs.law import ORGANISATION, FieldLaw, Law
from compliance.gate import now
from compliance.models import PackAnswer
from compliance.vocabulary import Event

__all__ = ["AnswerInvalid", "answer", "clean", "current", "history", "moment", "new_case"]

CASE = re.compile(r"[0-9]{8}-[0-9a-f]{8}\Z", re.ASCII)
MEMBERS = {"application": "application", "case": "case", "model": "model_digest"}
"""How an event names what an answer is about."""


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
    about = {} if not subject else {MEMBERS[pack.of]: subject}
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

"""What an export may be asked to hold. All times are UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.db import connection

from compliance.admin.events import Moment
from compliance.audit import ledger
from compliance.audit.catalogue import GROUPS
from compliance.audit.ledger import current, ended
from compliance.evidence import extent
from compliance.evidence.file import ExportImpossible
from compliance.evidence.forms import FORMS, ScopeInvalid
from compliance.models import Application

CONTENTS = "compliance.disclose_content"
COUNTED = 500_000  # entries up to which a preview counts each application's
REASON_MAX = 500  # characters
FIELDS = {"begin": ("first", "since"), "end": ("last", "until")}


@dataclass(frozen=True, slots=True)
class Preview:
    """The entries `[begin, end)`, and how many are of each application; None if too many."""

    begin: int
    end: int
    applications: list[tuple[str, int]] | None
    ended: tuple[str, ...] = ()  # how the generation did, in sentences

    @property
    def count(self) -> int:
        """Entries in the range."""
        return self.end - self.begin

    @property
    def last(self) -> int:
        """The last entry."""
        return self.end - 1


class ExportForm(forms.Form):
    """Which part of the log, whose details, and what beside them."""

    part = forms.ChoiceField(
        label="Part of the log",
        choices=[
            ("all", "the whole log"),
            ("period", "a period"),
            ("entries", "entries by number"),
        ],
    )
    since = Moment(required=False, label="From (UTC)")
    until = Moment(required=False, label="Until (UTC)", help_text="Empty: until now.")
    first = forms.IntegerField(required=False, min_value=0, label="First entry")
    last = forms.IntegerField(
        required=False, min_value=0, label="Last entry", help_text="Empty: the newest."
    )
    generation = forms.TypedChoiceField(
        coerce=int,
        label="Generation of the log",
        help_text="The log grows under one name until a restore of an older database loses "
        "entries that were signed. It then goes on under another name, as its next generation, "
        "whose first entry says what was lost. An export is of one generation; entries count "
        "from 0 in each.",
    )
    applications = forms.ModelMultipleChoiceField(
        Application.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Applications whose details are shown",
        help_text="None chosen: all. Every entry of the range is in the export in any case, so "
        "that the receiver can check that nothing was left out.",
    )
    types = forms.MultipleChoiceField(
        required=False,
        choices=[
            (group, [(kind.type, f"{kind.type}: {kind.words}") for kind in kinds])
            for group, kinds in GROUPS.items()
        ],
        widget=forms.CheckboxSelectMultiple,
        label="Types of events whose details are shown",
        help_text="None chosen: all. Registrations, keys and removals are always shown, "
        "because the receiver needs them to check that nothing was left out.",
    )
    tables = forms.BooleanField(
        required=False,
        label="Tables and a report for people (CSV, XLSX, PDF)",
        help_text="Views of the same events. What counts as evidence is beside them.",
    )
    contents = forms.BooleanField(
        required=False,
        label="Kept prompts and answers",
        help_text="Only what is still kept. It is personal data in clear: whoever has the file "
        "can read it.",
    )
    reason = forms.CharField(
        required=False,
        max_length=REASON_MAX,
        label="Reason for disclosing them",
        help_text="Goes on the record with your name.",
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, *given: Any, user: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        now, before = current(), ended()
        if before:
            field = self.fields["generation"]
            assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 - declared above
            field.choices = [
                (now.number, f"{now.number}, the one that grows"),
                *((one.number, _ended(one)) for one in before),
            ]
        else:  # nobody has to learn the word
            del self.fields["generation"]
        if not user.has_perm(CONTENTS):
            del self.fields["contents"], self.fields["reason"]

    @property
    def groups(self) -> list[tuple[str, list[Any]]]:
        """The boxes of the types, by group."""
        boxes = iter(self["types"])
        return [(group, [next(boxes) for _ in kinds]) for group, kinds in GROUPS.items()]

    def clean(self) -> dict[str, Any]:
        """Errors of one part against another, and of the range against the log."""
        asked: dict[str, Any] = super().clean() or {}
        if asked.get("contents") and not str(asked.get("reason") or "").strip():
            self.add_error("reason", "Say why prompts and answers are disclosed.")
        since, until = asked.get("since"), asked.get("until")
        if asked.get("part") == "period" and since and until and since >= until:
            self.add_error("until", "This is not after the beginning.")
        first, last = asked.get("first"), asked.get("last")
        if asked.get("part") == "entries" and _before(last, first):
            self.add_error("last", "This is before the first entry.")
        if not self.errors:
            try:
                FORMS["evidence"].check(self.scope())
            except ScopeInvalid as error:
                self.refuse(error)
        return asked

    def refuse(self, error: ScopeInvalid) -> None:
        """Show what is wrong at the field that the reader filled in."""
        by_number = self.cleaned_data.get("part") == "entries"
        names = FIELDS.get(error.field)
        field = names[0 if by_number else 1] if names else error.field
        shown = self.cleaned_data.get("part") != "all" or not names
        self.add_error(field if shown and field in self.fields else None, str(error))

    def scope(self) -> dict[str, Any]:
        """What the form of evidence takes."""
        asked = self.cleaned_data
        begin, end = "0", ""
        if asked["part"] == "period":
            begin, end = _written(asked["since"]) or "0", _written(asked["until"])
        elif asked["part"] == "entries":
            begin = str(asked["first"] or 0)
            end = "" if asked["last"] is None else str(asked["last"] + 1)
        return {
            "begin": begin,
            "end": end,
            "generation": asked.get("generation") or current().number,
            "types": asked["types"],
            "applications": [str(one.pk) for one in asked["applications"]],
            "tables": asked["tables"],
            "contents": asked.get("contents", False),
            "reason": asked.get("reason", ""),
        }

    def preview(self) -> Preview | None:
        """How many events there are; None where the log changed meanwhile.

        The form is then drawn hidden, so its fields refer to no help beside them.
        """
        for bound in self:
            bound.help_text = ""
        scope = self.scope()
        try:
            held = extent.generation(scope["generation"])
            size = extent.signed(settings.DOMICILE.data / "log", held)
            begin, end = extent.covered(scope["begin"], scope["end"], size, held)
        except ExportImpossible:
            return None
        words = extent.ending(held, size)
        if end - begin > COUNTED:
            return Preview(begin, end, None, words)
        names = dict(Application.objects.values_list("pk", "name"))
        chosen = set(scope["applications"])
        counts = [
            (names.get(pk, "an application that is unknown here"), count)
            for pk, count in _counted(held, begin, end, scope["types"])
            if not chosen or str(pk) in chosen
        ]
        return Preview(begin, end, sorted(counts), words)


def _before(last: int | None, first: int | None) -> bool:
    return last is not None and first is not None and last < first


def _written(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _ended(held: ledger.Held) -> str:
    count = f"{held.size:,} entr{'y' if held.size == 1 else 'ies'}"
    return f"{held.number}, which ended after a restore, with {count}"


def _counted(
    held: ledger.Held, begin: int, end: int, types: Sequence[str]
) -> list[tuple[Any, int]]:
    """How many of the entries `[begin, end)` are of each application; of `types`, if any."""
    field = Application._meta.pk  # noqa: SLF001 - turns what the database holds into a UUID
    only = f"AND e.type IN ({', '.join(['%s'] * len(types))})" if types else ""
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNTS.format(only=only), [held.first + begin, held.first + end, *types]
        )
        rows = cursor.fetchall()
    return [(field.to_python(str(stored)), count) for stored, count in rows]


_COUNTS = """
    SELECT e.application, COUNT(*) FROM compliance_leaf l
    JOIN compliance_event e ON e.id = l.event_id
    WHERE l."index" >= %s AND l."index" < %s AND e.application IS NOT NULL {only}
    GROUP BY e.application
"""

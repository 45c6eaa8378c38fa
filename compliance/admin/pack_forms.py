"""The forms of packs: what officers type, and of which period a pack is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from compliance.evidence import packs
from compliance.evidence.packs import answers
from compliance.evidence.packs.law import FieldLaw, Law
from compliance.models import Application

MOMENT = "%Y-%m-%dT%H:%M"


class AnswerForm(forms.Form):
    """A field of its own for each that an officer answers.

    Only what differs from what the form was drawn with is kept, so that two officers who fill
    different fields at once do not undo each other.
    """

    def __init__(self, law: Law, wanted: Sequence[FieldLaw], subject: str, data: Any) -> None:
        self.law, self.wanted = law, wanted
        self.known = answers.current(law, subject)
        super().__init__(data)
        for one in wanted:
            self.fields[one.id] = self._field(one)
            if one.default:
                self.fields[f"{one.id}_default"] = forms.BooleanField(
                    required=False, label="I confirm the default text as ours"
                )

    def _field(self, one: FieldLaw) -> forms.Field:
        known = self.known.get(one.id)
        rows = 2 if one.kind == "applications" else 4
        short = forms.TextInput(
            {"placeholder": "2026-11-22T09:30+01:00", "spellcheck": "false"}
        )
        return forms.CharField(
            required=False,
            label=one.label,
            initial=known.value if known else "",
            help_text=one.help,
            widget=short if one.kind == "moment" else forms.Textarea({"rows": rows}),
            show_hidden_initial=True,
            max_length=answers.VALUE_MAX,
            strip=True,
        )

    def clean(self) -> dict[str, Any]:
        """What was changed, as it will be kept."""
        asked = super().clean() or {}
        self.changed: dict[str, str] = {}
        for one in self.wanted:
            value = asked.get(one.id, "")
            if one.default and asked.get(f"{one.id}_default") and not value:
                value = one.default
            elif one.id not in self.changed_data:
                continue
            try:
                self.changed[one.id] = answers.clean(one, value)
            except answers.AnswerInvalid as error:
                self.add_error(one.id, ValidationError(str(error)))
        return asked

    def rows(self) -> list[tuple[Any, FieldLaw, Any, Any]]:
        """Each field as it is drawn: its input, its law, its answer, its confirmation."""
        return [
            (
                self[one.id],
                one,
                answer if (answer := self.known.get(one.id)) and answer.value else None,
                self[f"{one.id}_default"] if one.default else None,
            )
            for one in self.wanted
        ]


class BuildForm(forms.Form):
    """Of which period and applications, and by which identifiers."""

    def __init__(self, law: Law, data: Any) -> None:
        super().__init__(data, prefix="build")
        if law.id != "breach":  # its period is among its answers
            for name, label in (("since", "From (UTC)"), ("until", "Until (UTC)")):
                self.fields[name] = forms.DateTimeField(
                    required=False,
                    label=label,
                    widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT),
                )
        if law.of == "application":
            self.fields["applications"] = forms.ModelMultipleChoiceField(
                subjects(law),
                required=False,
                label="Only these applications",
                to_field_name="name",
                widget=forms.CheckboxSelectMultiple,
            )
        if law.id == "access-request":
            self.fields["identifiers"] = forms.CharField(
                label="The person's identifiers, one a line",
                max_length=8_192,
                help_text="As the person writes them: e-mail addresses, telephone numbers, "
                "what your applications send as subject. They are not stored; they stand in "
                "the file.",
                widget=forms.Textarea(
                    {"rows": 4, "autocomplete": "off", "spellcheck": "false"}
                ),
            )

    def parameters(self, case: str) -> packs.Parameters:
        """As the builder wants it."""
        asked = self.cleaned_data
        return packs.Parameters(
            period=packs.Period(asked.get("since"), asked.get("until")),
            applications=tuple(one.name for one in asked.get("applications") or ()),
            case=case,
            identifiers=tuple(asked.get("identifiers", "").splitlines()),
        )


def subjects(law: Law) -> Any:
    """The applications that a pack is about."""
    found = Application.objects.order_by("name")
    return found.filter(high_risk=True) if law.id == "ai-logs" else found

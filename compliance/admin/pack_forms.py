"""The forms of packs: what officers type, and of which period a pack is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from compliance.evidence import packs
from compliance.evidence.packs import answers, models
from compliance.evidence.packs.fields import Answer
from compliance.evidence.packs.kinds import VALUE_MAX
from compliance.evidence.packs.law import FieldLaw, Law
from compliance.models import Application

MOMENT = "%Y-%m-%dT%H:%M"
OTHERS = (
    "None means all. What one application calls this person, as a customer number, may be "
    "somebody else in another; then choose those in which it is this person."
)


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
        said: dict[str, Any] = {
            "required": False,
            "label": one.label,
            "initial": known.value if known else "",
            "help_text": one.help,
            "show_hidden_initial": True,
        }
        if one.kind == "choice":
            return forms.ChoiceField(choices=(("", "Not answered"), *one.choices), **said)
        if one.kind == "choices":
            said["initial"] = known.value.split("\n") if known and known.value else []
            boxes = forms.CheckboxSelectMultiple
            return forms.MultipleChoiceField(choices=one.choices, widget=boxes, **said)
        return forms.CharField(widget=_widget(one), max_length=VALUE_MAX, strip=True, **said)

    def clean(self) -> dict[str, Any]:
        """What was changed, as it will be kept."""
        asked = super().clean() or {}
        self.changed: dict[str, str] = {}
        for one in self.wanted:
            given = asked.get(one.id, "")
            value = "\n".join(given) if isinstance(given, list) else given
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
                self._answer(one),
                self[f"{one.id}_default"] if one.default else None,
            )
            for one in self.wanted
        ]

    def _answer(self, one: FieldLaw) -> Answer | None:
        """The answer in words, where there is one."""
        known = self.known.get(one.id)
        return replace(known, value=one.words(known.value)) if known and known.value else None


def _widget(one: FieldLaw) -> forms.Widget:
    """One line or several, and for a moment how it is written."""
    if one.kind == "applications" or (one.kind == "text" and not one.cell):
        return forms.Textarea({"rows": 2 if one.kind == "applications" else 4})
    hints = {"moment": "2026-11-22T09:30+01:00", "day": "2026-11-22"}
    hint = {"placeholder": hints[one.kind]} if one.kind in hints else {}
    return forms.TextInput({"spellcheck": "false", **hint})


class BuildForm(forms.Form):
    """Of which period and applications, and by which identifiers."""

    def __init__(self, law: Law, data: Any) -> None:
        super().__init__(data, prefix="build")
        if law.window == "asked":  # else it is among the answers
            for name, label in (("since", "From (UTC)"), ("until", "Until (UTC)")):
                self.fields[name] = forms.DateTimeField(
                    required=False,
                    label=label,
                    widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT),
                )
        if law.of == "application" or law.personal:
            self.fields["applications"] = forms.ModelMultipleChoiceField(
                applications(law),
                required=False,
                label="Only these applications",
                help_text=OTHERS if law.personal else "",
                to_field_name="name",
                widget=forms.CheckboxSelectMultiple,
            )
        if law.personal:
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


def applications(law: Law) -> QuerySet[Application]:
    """The applications that a pack is about."""
    found = Application.objects.order_by("name")
    return found.filter(high_risk=True) if law.marked else found


def subjects(law: Law) -> list[tuple[str, str]]:
    """What a pack has answers for, each with its title."""
    if law.of == "case":
        return [(case, case) for case in answers.cases(law)]
    if law.of == "model":
        return [(one.digest, one.name) for one in models.listed()]
    return [(str(one.pk), one.name) for one in applications(law)]

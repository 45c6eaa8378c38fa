"""What does not count of all that is found, as a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from compliance.admin.policy_fields import NamesField
from compliance.admin.policy_own_form import Lines, Sample, refused
from compliance.admin.policy_world import Known, country_of
from compliance.policy import words
from compliance.policy.ignored import one_of
from compliance.policy.rules import PolicyRefused
from compliance.policy.terms import Ignored


class IgnoredForm(forms.Form):
    """A definition, as a document holds it; `others` are the names of its neighbours."""

    id = forms.CharField(
        label="Short name",
        max_length=64,
        help_text="As the record names it, which counts how many findings it left out.",
        widget=forms.TextInput({"spellcheck": "false"}),
    )
    description = forms.CharField(
        label="Why these do not count",
        max_length=512,
        help_text="A sentence, for your colleagues and for auditors.",
    )

    def __init__(
        self,
        known: Known,
        data: Any = None,
        *,
        given: Mapping[str, Any] | None = None,
        others: Iterable[str] = (),
    ) -> None:
        super().__init__(data, initial=dict(given) if given else None)
        self._others = frozenset(others)
        self.read: Ignored | None = None
        self.fields |= {
            "values": Lines(
                label="Values",
                help_text="One a line: what is found and reads exactly so, in any case, such "
                "as your own address or the name of your organisation. Empty: any value.",
            ),
            "below": forms.IntegerField(
                required=False,
                min_value=1,
                max_value=100,
                label="Less sure than, in per cent",
                help_text="What a recogniser is less sure of does not count. The playground "
                "shows how sure it is. Empty: however sure.",
            ),
            "entities": NamesField(
                known.entities,
                group=country_of,
                label="Types of findings",
                help_text="Nothing ticked: every type.",
            ),
            "applications": NamesField(
                known.applications,
                label="In requests of",
                help_text="Nothing ticked: every application.",
            ),
        }

    def clean_id(self) -> str:
        """No neighbour's."""
        name = str(self.cleaned_data["id"]).strip()
        if name in self._others:
            raise forms.ValidationError(
                f"Another exception of this draft is called “{name}”. Choose another name."
            )
        return name

    def clean(self) -> dict[str, Any]:
        """The definition in `read`, once it is one."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.read = one_of(self.definition())
            except PolicyRefused as error:
                refused(self, error, "ignored.")
        return given

    def definition(self) -> dict[str, Any]:
        """As the document holds it; what says nothing is left out."""
        given = self.cleaned_data
        said = {"id": given["id"], "description": given["description"].strip()}
        for name in ("entities", "applications", "values", "below"):
            if given.get(name):
                said[name] = given[name]
        return said

    def sentence(self) -> str:
        """What it says."""
        return words.ignored(self.read) if self.read else ""

    def samples(self) -> list[Sample]:
        """None: the playground shows what counts."""
        return []

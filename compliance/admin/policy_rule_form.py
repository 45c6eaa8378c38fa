"""One rule as a form: what an officer ticks and types, as a member of the policy's document.

A field is called as the member that it fills: `when_hours_from` is `when.hours.from`. What is
left empty is left out, so that a rule says no more than was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.text import slugify

from compliance.admin.policy_fields import LengthField
from compliance.admin.policy_rule_fields import EXCEPT, ID_MAX, ONLY, fields
from compliance.admin.policy_world import Known
from compliance.policy.rules import PolicyRefused
from compliance.vocabulary import DUTIES

MEMBER = re.compile(r"(?:rules\[\d+\]\.?)?(?P<path>[a-z_.]*)(?:\[\d+\])?\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """Fields under one heading; `folded` ones open where they hold something."""

    title: str
    rows: list[forms.BoundField]
    folded: bool = False
    open: bool = True
    places: bool = False  # then the page says what the regions hold


class RuleForm(forms.Form):
    """A rule, as a document holds it; `others` are the ids of its neighbours."""

    def __init__(
        self,
        known: Known,
        data: Any = None,
        *,
        rule: Mapping[str, Any] | None = None,
        others: Iterable[str] = (),
    ) -> None:
        self.known, self.others = known, frozenset(others)
        super().__init__(data, initial=initial(rule) if rule else None)
        self.fields |= fields(known)

    def clean_id(self) -> str:
        """Made of the sentence where none is typed; no neighbour's."""
        words = str(self.data.get("description", ""))
        name = str(self.cleaned_data["id"]).strip() or _free(words, self.others)
        if name in self.others:
            raise forms.ValidationError(
                f"Another rule of this draft is called “{name}”. Choose another name."
            )
        return name

    def clean(self) -> dict[str, Any]:
        """Nothing chosen that nothing is made of."""
        given: dict[str, Any] = super().clean() or {}
        chosen = given.get("when_applications")
        if given.get("who") and not chosen and "when_applications" not in self.errors:
            self.add_error("when_applications", "Choose at least one application.")
        if chosen and not given.get("who"):
            self.add_error(
                "who",
                "Applications are chosen below. Say whether the rule is about only these or "
                "about every other one, or untick them.",
            )
        start, end = given.get("when_hours_from"), given.get("when_hours_to")
        if bool(start) != bool(end):
            missing = "to" if start else "from"
            self.add_error(f"when_hours_{missing}", "Hours need a beginning and an end.")
        return given

    def rule(self) -> dict[str, Any]:
        """The rule as the document holds it."""
        given = self.cleaned_data
        rule: dict[str, Any] = {
            "id": given["id"],
            "description": given["description"].strip(),
            "when": condition(given),
            "effect": given["effect"],
        }
        where, obligations = _members(given, "where"), _members(given, "obligations")
        if where:
            rule["where"] = where
        if obligations:
            rule["obligations"] = obligations
        return rule

    def refuse(self, error: PolicyRefused) -> None:
        """Say what the policy's parser says, at the field that it speaks of."""
        member, _colon, words = str(error).partition(": ")
        name = field_of(member, self.fields)
        self.add_error(name, sentence(words) if name else sentence(str(error)))

    def parts(self) -> list[Part]:
        """The fields by what they are about."""
        parts = [self._part(title, names, folded) for title, names, folded in PARTS]
        return [part for part in parts if part.rows]

    def _part(self, title: str, names: str, folded: bool) -> Part:
        rows = [self[name] for name in names.split() if name in self.fields]
        filled = any(row.errors or _says(row) for row in rows)
        places = "where_regions" in names
        return Part(title, rows, folded, not folded or filled, places)


_TEXT = "when_categories when_entities when_at_least when_names_unchecked"
_ASKED = (
    "who when_applications when_purposes when_legal_bases when_owners when_declared"
    " when_subject_countries when_high_risk"
)
_SERVED = (
    "when_models when_licences when_publishers when_restricted when_request_class"
    " when_tools_offered when_tools"
)
_PLACES = (
    "where_countries where_regions where_sites where_operators where_certifications"
    " where_attested_within where_witnessed_within"
)
_OWED = (
    "obligations_content_days obligations_mark_output obligations_max_tokens"
    " obligations_models obligations_review obligations_withhold_reasoning"
    " obligations_realistic_pseudonyms obligations_mask_answers obligations_block_answers"
)
PARTS = (
    ("The rule", "description id", False),
    ("What is in the text", _TEXT, True),
    ("Who asks, and why", _ASKED, True),
    ("What is asked for", _SERVED, True),
    ("At what time", "when_hours_days when_hours_from when_hours_to", True),
    ("What happens", "effect", False),
    ("Where it may be processed", _PLACES, True),
    ("What must be kept to", _OWED, True),
)
"""Titles, names of fields, and whether they are folded."""


def sentence(words: str) -> str:
    """What the parser says of a member, as a sentence at its field."""
    first = "This " if words.startswith(("must ", "is ", "has ", "holds ")) else ""
    said = f"{first}{words}" if first else words[:1].upper() + words[1:]
    return said if said.endswith((".", "?")) else f"{said}."


def _says(row: forms.BoundField) -> bool:
    """Whether a field holds anything; the unit of no length is nothing."""
    value = row.value()
    if isinstance(row.field, LengthField) and isinstance(value, list):
        value = value[0]
    return value not in (None, "", [], False)


def field_of(member: str, known: Mapping[str, Any]) -> str | None:
    """The field that fills a member of the document, as `rules[2].when.hours.from`."""
    found = MEMBER.match(member)
    if found is None:
        return None
    name = found["path"].strip(".").replace(".", "_")
    also = {
        "when_applications_except": "when_applications",
        "when_hours": "when_hours_from",
        "sites": "where_sites",
    }
    name = also.get(name, name)
    if name in known:
        return name
    return next((one for one in known if name and one.startswith(f"{name}_")), None)


def initial(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What the form holds of a rule."""
    given: dict[str, Any] = {
        name: rule.get(name, "") for name in ("id", "description", "effect")
    }
    for part in ("when", "where", "obligations"):
        for name, value in rule.get(part, {}).items():
            given[f"{part}_{name}"] = value
    for name, value in (given.pop("when_hours", None) or {}).items():
        given[f"when_hours_{name}"] = value
    excepted = given.pop("when_applications_except", None)
    if excepted is not None:
        given |= {"who": EXCEPT, "when_applications": excepted}
    elif given.get("when_applications"):
        given["who"] = ONLY
    return given


def condition(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a filled form says of when the rule speaks, as the document holds it."""
    when = _members(given, "when")
    hours = {name: when.pop(f"hours_{name}", None) for name in ("days", "from", "to")}
    if hours["days"]:
        hours["days"] = [int(day) for day in hours["days"]]
    if any(hours.values()):
        when["hours"] = {name: value for name, value in hours.items() if value}
    if given.get("who") == EXCEPT:
        when["applications_except"] = when.pop("applications", [])
    return when


def _members(given: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The members of `part` that say anything; a box that is not ticked does not."""
    ticked = {f"obligations_{name}" for name in DUTIES}
    return {
        name.removeprefix(f"{part}_"): value
        for name, value in given.items()
        if name.startswith(f"{part}_")
        and value not in (None, "", [])
        and not (name in ticked and value is False)
    }


def _free(words: str, taken: frozenset[str]) -> str:
    """A short name made of a sentence."""
    name = "-".join(slugify(words).split("-")[:5])[:ID_MAX].strip("-") or "rule"
    tried, number = name, 2
    while tried in taken:
        tried, number = f"{name}-{number}", number + 1
    return tried

"""One of the organisation's own entities as a form, and what it finds in its samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from compliance.admin.policy_rule_form import MEMBER, sentence
from compliance.admin.policy_world import Known
from compliance.detection.own import OwnEntities, PatternRefused, faults
from compliance.policy import words
from compliance.policy.own import MAX_PATTERN, entity_of
from compliance.policy.rules import PolicyRefused
from compliance.templatetags.console import CATEGORY_WORDS
from compliance.vocabulary import Category, Checksum, OwnEntity

CHECKSUMS: Mapping[Checksum, str] = {
    Checksum.LUHN: "Luhn (ISO/IEC 7812-1), as of payment cards",
    Checksum.VERHOEFF: "Verhoeff",
    Checksum.DAMM: "Damm",
    Checksum.MOD_11_2: "ISO/IEC 7064 MOD 11-2",
    Checksum.MOD_11_10: "ISO/IEC 7064 MOD 11,10",
    Checksum.MOD_37_2: "ISO/IEC 7064 MOD 37-2",
    Checksum.MOD_37_36: "ISO/IEC 7064 MOD 37,36",
    Checksum.MOD_97_10: "ISO/IEC 7064 MOD 97-10, as of bank accounts",
}
LISTS = ("words", "always", "never", "found", "not_found")
MOST_TYPED = 100_000  # characters in a list


class Lines(forms.CharField):
    """Values, one a line."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def __init__(self, **named: Any) -> None:
        super().__init__(required=False, max_length=MOST_TYPED, **named)

    def prepare_value(self, value: Any) -> Any:
        """A list as it is typed."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Each line that is not empty, once."""
        typed = str(super().clean(value) or "")
        lines = (line.strip() for line in typed.splitlines())
        return list(dict.fromkeys(line for line in lines if line))


class OwnForm(forms.Form):
    """A definition, as a document holds it; `others` are the names of its neighbours."""

    name = forms.CharField(
        label="Name",
        max_length=63,
        help_text="As rules, findings and masks call it: capital letters, digits and "
        "underscores, such as CASE_NUMBER.",
    )
    description = forms.CharField(
        label="What it is", max_length=512, help_text="A sentence, for your colleagues."
    )
    category = forms.ChoiceField(
        label="Category",
        choices=[(one, CATEGORY_WORDS[one]) for one in Category],
        help_text="Rules about this category are about it, too.",
    )
    pattern = forms.CharField(
        required=False,
        label="Pattern",
        max_length=MAX_PATTERN,
        widget=forms.TextInput(attrs={"class": "code", "spellcheck": "false"}),
        help_text="A regular expression in RE2's syntax, such as (?i)AZ-\\d{4}/\\d{2}. It is "
        "read in one pass; hence it knows no look-around and no back references, and must not "
        "be too large. Only whole words of 3 characters or more count.",
    )
    checksum = forms.ChoiceField(
        required=False,
        label="Check digit",
        choices=[("", "none"), *CHECKSUMS.items()],
        help_text="Over the pattern's first group where it has one, else over all letters and "
        "digits that it matches.",
    )
    words = Lines(
        label="Context words",
        help_text="One a line. It counts only where one of them stands near: up to 80 "
        "characters before or 30 behind. Empty: it counts anywhere.",
    )
    never = Lines(
        label="Never found", help_text="One a line: values that match and are something else."
    )
    always = Lines(
        label="Always found",
        help_text="One a line: values that are found as whole words wherever they stand, such "
        "as code names.",
    )
    found = Lines(
        label="Texts in which it must be found",
        help_text="One a line, made up: they become part of the policy, which others read.",
    )
    not_found = Lines(
        label="Texts in which it must not be found",
        help_text="One a line: numbers that look alike, ordinary sentences.",
    )
    tried = forms.CharField(
        required=False,
        label="Try it on a text",
        max_length=20_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Looked at once, and not stored.",
    )

    def __init__(
        self,
        _known: Known,
        data: Any = None,
        *,
        given: Mapping[str, Any] | None = None,
        others: Iterable[str] = (),
    ) -> None:
        super().__init__(data, initial=dict(given) if given else None)
        self._others = frozenset(others)
        self.read: OwnEntity | None = None

    def clean_name(self) -> str:
        """No neighbour's."""
        name = str(self.cleaned_data["name"]).strip()
        if name in self._others:
            raise forms.ValidationError(
                f"Another entity of this draft is called {name}. Choose another name."
            )
        return name

    def clean(self) -> dict[str, Any]:
        """The definition in `read`, once it is one; told is what its samples do not hold."""
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        try:
            entity = entity_of(self.definition())
        except PolicyRefused as error:
            refused(self, error, "entity.")
            return given
        for fault in faults(entity):
            self.add_error(fault.member, sentence(fault.words))
        self.read = entity
        return given

    def definition(self) -> dict[str, Any]:
        """As the document holds it; what says nothing is left out."""
        given = self.cleaned_data
        said = {"name": given["name"], "description": given["description"].strip()}
        said["category"] = given["category"]
        for name in ("pattern", "checksum", *LISTS):
            if value := given.get(name):
                said[name] = value
        return said

    def sentence(self) -> str:
        """What it says."""
        return words.own(self.read) if self.read else ""

    def samples(self) -> list[Sample]:
        """What it finds in its own samples, and in a text that somebody tries."""
        return samples(self.read, self.cleaned_data.get("tried", "")) if self.read else []


def refused(form: forms.Form, error: PolicyRefused, prefix: str) -> None:
    """Say what the policy's parser says, at the field of the member that it speaks of."""
    member, _colon, said = str(error).partition(": ")
    found = MEMBER.match(member.removeprefix(prefix))
    name = found["path"] if found else ""
    known = name in form.fields
    form.add_error(name if known else None, sentence(said if known else str(error)))


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text, and whether it was found."""

    text: str
    found: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, with what is found in it; `right` is None where nothing was expected."""

    parts: tuple[Part, ...]
    right: bool | None


def samples(entity: OwnEntity, tried: str) -> list[Sample]:
    """What a definition finds in its own samples, and in a text that somebody tries."""
    try:
        own = OwnEntities([entity])
    except PatternRefused:
        return []
    made = [Sample(tuple(_parts(own, text)), bool(own.find(text))) for text in entity.found]
    made += [Sample(tuple(_parts(own, text)), not own.find(text)) for text in entity.not_found]
    if tried.strip():
        made.append(Sample(tuple(_parts(own, tried)), None))
    return made


def _parts(own: OwnEntities, text: str) -> Iterator[Part]:
    at = 0
    for finding in own.find(text):
        if finding.start < at:
            continue
        yield Part(text[at : finding.start], found=False)
        yield Part(text[finding.start : finding.end], found=True)
        at = finding.end
    yield Part(text[at:], found=False)

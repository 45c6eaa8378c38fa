"""Proofs: what somebody wants to be sure of, asked of a draft or a version.

The answer is a proof or a request that shows the opposite. A process of its own finds it; what
was asked of which policy, and what came out, is on the record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect

from compliance import registered
from compliance.admin import policy_choice, policy_world
from compliance.admin.coverage import known as covered
from compliance.admin.policy_fields import CountriesField, NamesField
from compliance.admin.policy_rights import DRAFT, VIEW, demand, may
from compliance.admin.recording import actor, record
from compliance.admin.site import console
from compliance.gate import now
from compliance.policy.asking import Asking, Topic
from compliance.policy.canonical import never_document
from compliance.policy.prove import Answer, Verdict
from compliance.policy.rules import Assertion, Never, never_of
from compliance.policy.words import CATEGORIES, assertion
from compliance.proving import ProofImpossible, prove

ACTIVE = "active"

QUESTIONS: dict[str, str] = {
    Topic.LEAVES: "Can data of a kind be processed outside of a place?",
    Topic.LOOSER: "Is it anywhere looser than another version, and for whom?",
    Topic.ASSERTIONS: "Does it keep to its own standing assertions?",
    Topic.WITHOUT_PATH: "Is there an application of which no request can be answered?",
    Topic.UNREACHABLE: "Is there a rule that never speaks?",
    Topic.SHADOWED: "Is there a rule that changes nothing?",
    Topic.CONFLICTS: "Do rules contradict each other?",
}


class ProofForm(forms.Form):
    """A question. What only some questions need is looked at for those alone."""

    policy = forms.ChoiceField(
        label="Policy", help_text="The active version, a draft, or any other version."
    )
    question = forms.ChoiceField(
        label="Question", choices=list(QUESTIONS.items()), widget=forms.RadioSelect
    )
    compared = forms.ChoiceField(label="Compared with")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        choices = [(ACTIVE, "the active version"), *policy_choice.choices()]
        for name in ("policy", "compared"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
            field.choices = choices
        self.fields |= _data_and_place()

    def clean_policy(self) -> policy_choice.Chosen:
        """The policy itself."""
        return _chosen(self.cleaned_data["policy"])

    def clean(self) -> dict[str, Any]:
        """What the question is about must be given."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("question") == Topic.LEAVES:
            self._insist(given, ("categories", "entities"), "Choose which data you ask about.")
            self._insist(
                given, ("countries", "regions", "sites"), "Say outside of which place."
            )
        if given.get("question") == Topic.LOOSER and "compared" in given:
            try:
                given["compared"] = _chosen(given["compared"])
            except forms.ValidationError as error:
                self.add_error("compared", error)
        return given

    def _insist(self, given: dict[str, Any], names: Sequence[str], words: str) -> None:
        if not any(given.get(name) for name in names) and not self.errors.keys() & set(names):
            self.add_error(names[0], words)

    def never(self) -> Never:
        """The data and the place of the question."""
        given = {name: list(self.cleaned_data[name]) for name in _data_and_place()}
        chosen = {name: names for name, names in given.items() if names}
        data = {name: chosen[name] for name in ("categories", "entities") if name in chosen}
        place = {name: names for name, names in chosen.items() if name not in data}
        return never_of({**data, "outside": place})


def _data_and_place() -> dict[str, forms.Field]:
    known = policy_world.known()
    return {
        "categories": NamesField(
            [(str(one), words) for one, words in CATEGORIES.items()],
            typed=False,
            label="Data of the categories",
        ),
        "entities": NamesField(
            known.entities,
            group=policy_world.country_of,
            label="Of the types",
            help_text="Nothing chosen: every type. With categories chosen too, both must hold.",
        ),
        "countries": CountriesField(
            known.countries,
            label="Outside of the countries",
            help_text="With commas between. What is in one of the countries, regions or sites "
            "counts as inside.",
        ),
        "regions": NamesField(known.regions, typed=False, label="Outside of the regions"),
        "sites": NamesField(known.sites, label="Outside of the sites"),
    }


def _chosen(value: str) -> policy_choice.Chosen:
    try:
        if value == ACTIVE:
            return policy_choice.Chosen("the active version", policy_choice.active())
        return policy_choice.chosen(value)
    except (ValueError, policy_choice.NothingActive) as error:
        raise forms.ValidationError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as the page shows it: `about` is the assertion that it is about, if any."""

    answer: Answer
    about: str

    @property
    def tone(self) -> str:
        """As the verdict's frame is drawn."""
        tones = {Verdict.PROVED: "intact", Verdict.COUNTEREXAMPLE: "broken"}
        return tones.get(self.answer.verdict, "")


@csrf_protect
def proofs_view(request: HttpRequest) -> HttpResponse:
    """Choose a policy and a question; get the answer in words."""
    demand(request, VIEW)
    initial = {
        "policy": _linked(request),
        "question": request.GET.get("question", Topic.LEAVES),
        "compared": request.GET.get("compared", ACTIVE),
    }
    form = ProofForm(request.POST or None, initial=initial)
    shown: list[Shown] = []
    if request.method == "POST" and form.is_valid():
        try:
            shown = answered(actor(request), form)
        except ProofImpossible as error:
            form.add_error(None, str(error))
    return console.page(
        request,
        "admin/policy_proofs.html",
        "Proofs",
        form=form,
        shown=shown,
        title_of=form.cleaned_data["policy"].title if shown else "",
        asked=QUESTIONS[form.cleaned_data["question"]] if shown else "",
        no_assertions=_no_assertions(form),
        keep=_keep(request, form) if shown else None,
        errors=form.errors,
    )


def _linked(request: HttpRequest) -> str:
    """The policy that a link asks about: `draft=3`, `version=2`, or as a choice is called."""
    for kind in ("draft", "version"):
        if kind in request.GET:
            return f"{kind}-{request.GET[kind]}"
    return request.GET.get("policy", ACTIVE)


def _no_assertions(form: ProofForm) -> bool:
    if not form.is_bound or not form.is_valid():
        return False
    asserts = form.cleaned_data["policy"].policy.assertions
    return form.cleaned_data["question"] == Topic.ASSERTIONS and not asserts


def _keep(request: HttpRequest, form: ProofForm) -> dict[str, Any] | None:
    """What the page needs so that a draft can keep the question as a standing assertion."""
    kind, _, number = form.data.get("policy", "").partition("-")
    if form.cleaned_data["question"] != Topic.LEAVES or kind != "draft":
        return None
    if not may(request, DRAFT):
        return None
    never = form.never()
    said = assertion(Assertion("", "", never))
    document = json.dumps(never_document(never))
    return {"draft": int(number), "never": document, "sentence": said}


def answered(name: str, form: ProofForm) -> list[Shown]:
    """Ask, and record what was asked and answered; raises `ProofImpossible`."""
    chosen: policy_choice.Chosen = form.cleaned_data["policy"]
    policy, topic = chosen.policy, Topic(form.cleaned_data["question"])
    if topic is Topic.ASSERTIONS and not policy.assertions:
        return []
    asking = Asking(
        topic=topic,
        policy=policy,
        since=now(),
        known=registered.known(covered() or frozenset()),
        never=form.never() if topic is Topic.LEAVES else None,
        old=form.cleaned_data["compared"].policy if topic is Topic.LOOSER else None,
    )
    answers = prove(asking)
    with transaction.atomic():
        record(name, "policy.proved", _detail(asking, answers))
    about = [assertion(one) for one in policy.assertions] if topic is Topic.ASSERTIONS else [""]
    return [
        Shown(answer, said)
        for answer, said in zip(answers, [*about, *[""] * len(answers)], strict=False)
    ]


_WORST = (Verdict.COUNTEREXAMPLE, Verdict.UNDECIDED, Verdict.PROVED)
"""Of several answers the first of these is recorded: what is shown outweighs what is open."""


def _detail(asking: Asking, answers: Sequence[Answer]) -> dict[str, Any]:
    policy = asking.policy
    verdicts = {answer.verdict for answer in answers}
    worst = next(one for one in _WORST if one in verdicts)
    detail: dict[str, Any] = {
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        "question": str(asking.topic),
        "verdict": str(worst),
        "spent": sum(answer.spent for answer in answers),
    }
    if asking.never is not None:
        detail["never"] = never_document(asking.never)
    if asking.old is not None:
        detail["compared"] = asking.old.digest
    return detail


def urls() -> list[URLPattern]:
    """Where it lies."""
    return [path("proofs/", console.admin_view(proofs_view), name="policy_proofs")]


console.pages.append(urls)

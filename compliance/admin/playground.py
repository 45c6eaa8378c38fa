"""The playground: a text that is typed in, what is found in it, and what a policy makes of it.

Nothing of it is sent to a model, stored or recorded.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect

from compliance.admin import policy_choice
from compliance.admin.coverage import known as covered
from compliance.admin.policy_rights import VIEW, demand
from compliance.admin.site import console
from compliance.detection.pseudonyms import Unreplaceable, treat
from compliance.models import Application
from compliance.policy import words
from compliance.policy.decide import decide
from compliance.policy.ignored import counted
from compliance.policy.rules import Policy
from compliance.policy.simulate import NOWHERE, outcome
from compliance.vocabulary import (
    Category,
    Decision,
    DetectionFailed,
    Effect,
    Endpoint,
    Facts,
    Finding,
    OwnEntity,
    RequestClass,
    Scan,
    Segment,
    Serving,
)

LONGEST = 20_000  # characters of a text
TOOLS_MAX = 128


@dataclass(frozen=True, slots=True)
class Bench:
    """What this process can ask: what is in a text, and who serves a model.

    `models` are the names of those that are served. Each raises `DetectionFailed` where it
    cannot be told now, with why as a sentence that has no full stop.
    """

    scan: Callable[[Sequence[Segment], Sequence[OwnEntity]], Scan]
    serving: Callable[[str], Serving]
    models: Callable[[], list[str]]


_bench: list[Bench] = []


def provide(bench: Bench | None) -> None:
    """Let the playground ask `bench`. Without one it says that this process has no detector."""
    _bench[:] = [bench] if bench else []


class TryForm(forms.Form):
    """A text, and who would send it to which model."""

    text = forms.CharField(
        label="Text",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text="As an application would send it. It is looked at in the memory of this "
        "appliance: not sent to a model, not stored, not recorded.",
    )
    application = forms.ModelChoiceField(
        Application.objects.order_by("name"), label="Sent by", empty_label=None
    )
    model = forms.ChoiceField(label="To the model")
    policy = forms.ChoiceField(
        label="Policy", help_text="The active version, a draft, or any other."
    )
    request_class = forms.ChoiceField(
        label="Class",
        choices=[
            (RequestClass.INTERACTIVE, "interactive: somebody waits for the answer"),
            (RequestClass.BATCH, "batch: one of many, not waited for"),
        ],
    )
    endpoint = forms.ChoiceField(
        label="Endpoint",
        choices=[
            (Endpoint.CHAT, "/v1/chat/completions: a chat"),
            (Endpoint.COMPLETIONS, "/v1/completions: the model goes on with the text"),
            (Endpoint.EMBEDDINGS, "/v1/embeddings: a vector of the text"),
        ],
    )
    tools = forms.CharField(
        label="Tools offered",
        required=False,
        max_length=2_000,
        help_text="Names of functions that the request offers to the model, between commas.",
    )

    def __init__(self, models: Sequence[str], *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._offer("model", [(name, name) for name in models])
        self._offer("policy", [("active", "the active version"), *policy_choice.choices()])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = choices

    def clean_policy(self) -> policy_choice.Chosen:
        """The policy itself."""
        value = self.cleaned_data["policy"]
        try:
            if value == "active":
                return policy_choice.Chosen("the active version", policy_choice.active())
            return policy_choice.chosen(value)
        except (ValueError, policy_choice.NothingActive) as error:
            raise forms.ValidationError(str(error)) from error

    def clean_tools(self) -> frozenset[str]:
        """The names."""
        names = {name.strip() for name in self.cleaned_data["tools"].split(",")} - {""}
        if len(names) > TOOLS_MAX:
            raise forms.ValidationError(f"Name {TOOLS_MAX} tools at most.")
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text; `finding` where something was found."""

    text: str
    finding: Finding | None = None
    treatment: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came out. `sent` is what the model would get; None where it gets nothing."""

    pieces: tuple[Piece, ...]
    scan: Scan
    ignored: tuple[tuple[str, int], ...]  # findings that did not count, by definition
    decision: Decision
    outcome: str
    rules: tuple[tuple[str, str, str], ...]  # id, description, and what it says in words
    besides: tuple[str, ...]  # reasons that no rule gives
    obligations: str
    sent: str | None
    why_not: str


@csrf_protect
def playground_view(request: HttpRequest) -> HttpResponse:
    """Type a text; see what is found, decided and sent."""
    demand(request, VIEW)
    bench = _bench[0] if _bench else None
    models, unknown = _models(bench)
    form = TryForm(models, request.POST or None, initial=_asked(request))
    tried = None
    if bench and not unknown and request.method == "POST" and form.is_valid():
        try:
            tried = attempt(bench, form)
        except DetectionFailed as error:
            form.add_error("text", f"It could not be checked: {error}. Try again shortly.")
    return console.page(
        request,
        "admin/playground.html",
        "Playground",
        form=form,
        tried=tried,
        able=bench is not None,
        unknown=unknown,
        errors=form.errors if not unknown else None,
    )


def _models(bench: Bench | None) -> tuple[list[str], str]:
    """The names of the models that are served; and else why nobody can tell."""
    try:
        return (bench.models() if bench else []), ""
    except DetectionFailed as error:
        return [], str(error)


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {"policy": request.GET.get("policy", "active")}


def attempt(bench: Bench, form: TryForm) -> Tried:
    """Scan, decide and treat, as the gate does; raises `DetectionFailed`."""
    asked = form.cleaned_data
    segment = Segment("/messages/0/content", asked["text"])
    policy: Policy = asked["policy"].policy
    everything = bench.scan([segment], policy.own_entities)
    application: Application = asked["application"]
    scan, ignored = counted(policy, application.name, [segment], everything)
    facts = _facts(asked, scan, bench.serving(asked["model"]))
    coverage = covered() or frozenset()
    decision = decide(policy, facts, coverage)
    released = decide(policy, facts, coverage, frozenset(decision.held_by))
    sent, why_not = _sent(segment, scan, released, bytes(application.label_key))
    spoke = {rule.id: rule for rule in policy.rules}
    return Tried(
        pieces=tuple(_pieces(segment.text, scan, decision)),
        scan=scan,
        ignored=tuple(ignored.items()),
        decision=decision,
        outcome=outcome(decision),
        rules=tuple(
            (name, spoke[name].description, words.rule(spoke[name])) for name in decision.rules
        ),
        besides=decision.besides,
        obligations=words.obligations(decision.obligations),
        sent=sent,
        why_not=why_not,
    )


def _facts(asked: dict[str, Any], scan: Scan, serving: Serving) -> Facts:
    application: Application = asked["application"]
    return Facts(
        application=application.name,
        model=asked["model"],
        entities=Counter((finding.category, finding.entity) for finding in scan.findings),
        names_unchecked=scan.names_unchecked,
        time=time.time_ns() // 1_000,
        purpose=application.purpose,
        legal_basis=application.legal_basis,
        owner=application.owner,
        declared=frozenset(map(Category, application.data_categories)),
        subject_countries=frozenset(application.subject_countries),
        high_risk=application.high_risk,
        request_class=RequestClass(asked["request_class"]),
        tools=asked["tools"],
        serving=serving,
        endpoint=Endpoint(asked["endpoint"]),
    )


def _sent(
    segment: Segment, scan: Scan, decision: Decision, key: bytes
) -> tuple[str | None, str]:
    """What the model gets once nobody holds it back, or why it gets nothing."""
    if outcome(decision) in (Effect.BLOCK, NOWHERE):
        return None, "The model gets nothing."
    try:
        treated = treat(
            [segment],
            scan,
            decision.treatments,
            key=key if decision.obligations.realistic_pseudonyms else None,
        )
    except Unreplaceable as error:
        return None, str(error)
    return treated.texts.get(segment.pointer, segment.text), ""


def _pieces(text: str, scan: Scan, decision: Decision) -> Iterator[Piece]:
    at = 0
    for finding in scan.findings:
        if finding.start > at:
            yield Piece(text[at : finding.start])
        treatment = decision.treatments.get(finding.entity, "")
        yield Piece(text[finding.start : finding.end], finding, str(treatment))
        at = finding.end
    if at < len(text):
        yield Piece(text[at:])


def urls() -> list[URLPattern]:
    """Where it lies."""
    return [path("playground/", console.admin_view(playground_view), name="playground")]


console.pages.append(urls)

"""The page for an emergency: one person forbids more, at once; nobody may allow more alone.

A rule that blocks, prompts and answers kept for less long, or both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin import policy_document as documents
from compliance.admin import policy_signed, policy_world
from compliance.admin.policy_draft import person
from compliance.admin.policy_rights import APPROVE, PROPOSE, demand
from compliance.admin.policy_rule_form import RuleForm, condition
from compliance.admin.policy_signing import own_key, password_field, reason_field, refuse
from compliance.admin.site import console
from compliance.policy import words
from compliance.policy.rules import MAX_DAYS, Policy, PolicyRefused, Retention, Rule
from compliance.versions import Refused, tighten
from compliance.vocabulary import Effect

NEVER_PLACED = ("effect", "where_", "obligations_")


def urls(guard: Any) -> list[URLPattern]:
    """The address below those of policies."""
    return [path("tighten/", guard(tighten_view), name="policy_tighten")]


class TightenForm(RuleForm):
    """A rule that blocks, less keeping, why, and the password that opens the key.

    `kept` is what the active policy says of keeping.
    """

    def __init__(
        self, known: policy_world.Known, data: Any = None, *, kept: Retention, **named: Any
    ) -> None:
        super().__init__(known, data, **named)
        self.kept = kept
        self.fields["description"].required = False  # where no rule is made
        self.fields["description"].help_text += " Needed where anything is to be blocked."
        for name in list(self.fields):
            if name.startswith(NEVER_PLACED):
                del self.fields[name]
        self.fields["everything"] = forms.BooleanField(
            required=False,
            label="Block every request of everybody",
            help_text="Only where nothing is chosen above.",
        )
        if kept.content_days != 0:
            self.fields["content_days"] = forms.IntegerField(
                required=False,
                min_value=0,
                max_value=MAX_DAYS,
                label="Keep prompts and answers for days, at most",
                help_text=f"0: never. Empty: as it is, {_now(kept)}.",
            )
        self.fields["reason"] = reason_field(
            "What happened. It goes on the record. Name no person in it."
        )
        self.fields["password"] = password_field()

    def clean(self) -> dict[str, Any]:
        """A rule that blocks everything is meant, or it is a mistake."""
        given = super().clean()
        days, now = given.get("content_days"), self.kept.content_days
        if days is not None and now is not None and days >= now:
            self.add_error("content_days", f"As it is, {_now(self.kept)}. Give less.")
        if any(name == "who" or name.startswith("when_") for name in self.errors):
            return given
        chosen = bool(condition(given))
        if chosen and given.get("everything"):
            self.add_error("everything", "Something is chosen above: untick one or the other.")
        elif not chosen and not given.get("everything"):
            self._without_rule(given)
        elif not given.get("description") and "description" not in self.errors:
            self.add_error("description", "Say in one sentence what the rule is for.")
        return given

    def _without_rule(self, given: dict[str, Any]) -> None:
        if given.get("description"):
            self.add_error(
                "everything",
                "Nothing is chosen above, so every request would be blocked. Choose what is to "
                "be blocked, tick this, or empty what the rule says.",
            )
        elif "content_days" not in self.errors and given.get("content_days") is None:
            self.add_error(
                "everything",
                "Nothing would become stricter. Choose above what is to be blocked, tick this, "
                "or keep prompts and answers for less long.",
            )

    @property
    def blocks(self) -> bool:
        """Whether a rule is made, and not only less kept."""
        return bool(condition(self.cleaned_data)) or bool(self.cleaned_data["everything"])

    def rule(self) -> dict[str, Any]:
        """The rule, which blocks."""
        self.cleaned_data["effect"] = str(Effect.BLOCK)
        return super().rule()

    def retention(self) -> Retention:
        """How long anything may be kept from now on."""
        days = self.cleaned_data.get("content_days")
        return self.kept if days is None else replace(self.kept, content_days=days)


def _now(kept: Retention) -> str:
    if kept.content_days is None:
        return "each application says how long"
    return f"they are kept for {words.length(86_400 * kept.content_days)} at most"


@dataclass(frozen=True, slots=True)
class Tightening:
    """What is to be signed: a rule, less keeping, or both."""

    rules: tuple[Rule, ...]
    retention: Retention

    def said(self, policy: Policy) -> str:
        """In words, beside what the policy says."""
        said = [words.rule(rule) for rule in self.rules]
        if self.retention != policy.retention:
            said.append(words.bounds(replace(policy, retention=self.retention))[0])
        return " ".join(said)


@sensitive_post_parameters("password")
@csrf_protect
def tighten_view(request: HttpRequest) -> HttpResponse:
    """Block something, or keep less, at once, by one signature."""
    demand(request, PROPOSE, APPROVE)
    standing = policy_signed.standing()
    active, counts = policy_signed.active_row(standing), standing.active
    document = documents.read(active.version.document) if active else {}
    form = TightenForm(
        policy_world.known(),
        request.POST or None,
        others=documents.ids(document),
        kept=counts.policy.retention if counts else Retention(),
    )
    said = ""
    if request.method == "POST" and counts is not None:
        asked = _asked(form, document)
        said = asked.said(counts.policy) if asked else ""
        if asked and "save" in request.POST and _tightened(request, form, asked):
            return HttpResponseRedirect(reverse("admin:compliance_policyversion_changelist"))
    return console.page(
        request,
        "admin/policy_tighten.html",
        "Block something at once",
        active=active,
        form=form,
        errors=form.errors if "save" in request.POST else {},
        parts=form.parts(),
        sentence=said,
        hindrance=own_key(request, "propose", "approve")[1],
    )


def _asked(form: TightenForm, document: documents.Document) -> Tightening | None:
    """What the form asks for; None where that cannot be said yet."""
    form.is_valid()
    if set(form.errors) - {"password", "reason"}:
        return None
    if not form.blocks:
        return Tightening((), form.retention())
    try:
        rules = documents.alone(document, form.rule()).rules
    except PolicyRefused as error:
        form.refuse(error)
        return None
    return Tightening(rules, form.retention())


def _tightened(request: HttpRequest, form: TightenForm, asked: Tightening) -> bool:
    if not form.is_valid():
        return False
    given = form.cleaned_data
    try:
        version = tighten.tighten(
            asked.rules,
            person(request),
            given["password"],
            reason=given["reason"],
            retention=asked.retention,
            request=request,
        )
    except Refused as error:
        refuse(form, error)
        return False
    does = "blocks it" if asked.rules else "counts"
    messages.success(
        request,
        f"Version {version.number} {does} from now on. What waits is decided anew.",
    )
    return True

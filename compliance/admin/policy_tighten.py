"""The page for an emergency: one person forbids more, at once; nobody may allow more alone."""

from __future__ import annotations

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
from compliance.policy.rules import PolicyRefused, Rule
from compliance.versions import Refused, tighten
from compliance.vocabulary import Effect

NEVER_PLACED = ("effect", "where_", "obligations_")


def urls(guard: Any) -> list[URLPattern]:
    """The address below those of policies."""
    return [path("tighten/", guard(tighten_view), name="policy_tighten")]


class BlockForm(RuleForm):
    """A rule that blocks, why, and the password that opens the key."""

    def __init__(self, known: policy_world.Known, data: Any = None, **named: Any) -> None:
        super().__init__(known, data, **named)
        for name in list(self.fields):
            if name.startswith(NEVER_PLACED):
                del self.fields[name]
        self.fields["everything"] = forms.BooleanField(
            required=False,
            label="Block every request of everybody",
            help_text="Only where nothing is chosen above.",
        )
        self.fields["reason"] = reason_field(
            "What happened. It goes on the record. Name no person in it."
        )
        self.fields["password"] = password_field()

    def clean(self) -> dict[str, Any]:
        """A rule that blocks everything is meant, or it is a mistake."""
        given = super().clean()
        if any(name == "who" or name.startswith("when_") for name in self.errors):
            return given
        chosen = bool(condition(given))
        if not chosen and not given.get("everything"):
            self.add_error(
                "everything",
                "Nothing is chosen above, so every request would be blocked. Choose what is to "
                "be blocked, or tick this.",
            )
        elif chosen and given.get("everything"):
            self.add_error("everything", "Something is chosen above: untick one or the other.")
        return given

    def rule(self) -> dict[str, Any]:
        """The rule, which blocks."""
        self.cleaned_data["effect"] = str(Effect.BLOCK)
        return super().rule()


@sensitive_post_parameters("password")
@csrf_protect
def tighten_view(request: HttpRequest) -> HttpResponse:
    """Block something at once, by one signature."""
    demand(request, PROPOSE, APPROVE)
    active = policy_signed.active_row(policy_signed.standing())
    document = documents.read(active.version.document) if active else {}
    others = documents.ids(document)
    form = BlockForm(policy_world.known(), request.POST or None, others=others)
    said = ""
    if request.method == "POST" and active is not None:
        rule = _rule(form, document)
        said = words.rule(rule) if rule else ""
        if rule and "save" in request.POST and _tightened(request, form, rule):
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


def _rule(form: BlockForm, document: documents.Document) -> Rule | None:
    form.is_valid()
    needed = set(form.errors) - {"password", "reason"}
    if needed:
        return None
    try:
        return documents.alone(document, form.rule()).rules[0]
    except PolicyRefused as error:
        form.refuse(error)
        return None


def _tightened(request: HttpRequest, form: BlockForm, rule: Rule) -> bool:
    if not form.is_valid():
        return False
    given = form.cleaned_data
    try:
        version = tighten.tighten(
            [rule], person(request), given["password"], reason=given["reason"], request=request
        )
    except Refused as error:
        refuse(form, error)
        return False
    messages.success(
        request,
        f"Version {version.number} blocks it from now on. What waits is decided anew.",
    )
    return True

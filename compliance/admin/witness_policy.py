"""The policy of witnesses: which of them must have cosigned what this appliance hands out."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect

from compliance.admin.recording import actor, record
from compliance.admin.site import console
from compliance.admin.witnesses import own_log
from compliance.audit import cosigned, ledger, quorum
from compliance.audit.changes import recorded
from compliance.audit.quorum import TEXT_MAX, PolicyInvalid
from compliance.models import Witness, WitnessPolicy

VIEW, CHANGE = "compliance.view_witness", "compliance.add_witnesspolicy"


class PolicyForm(forms.Form):
    """A policy that can be meant."""

    text = forms.CharField(
        max_length=TEXT_MAX,
        label="Policy",
        help_text="Lines as in C2SP tlog-policy: witness NAME KEY; group NAME all, any or a "
        "number, then NAMES; quorum NAME or none. It goes into evidence, so that whoever "
        "receives it sees who has witnessed it.",
        widget=forms.Textarea({"rows": 12, "spellcheck": "false", "class": "code"}),
    )

    def clean_text(self) -> str:
        """With line feeds only; an error that names the line."""
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n").strip("\n") + "\n"
        try:
            quorum.parse(text)
        except PolicyInvalid as error:
            raise forms.ValidationError(str(error)) from error
        return text


def urls() -> list[URLPattern]:
    """The address of the page."""
    return [path("witness-policy/", console.admin_view(policy_view), name="witness_policy")]


console.pages.append(urls)


@csrf_protect
def policy_view(request: HttpRequest) -> HttpResponse:
    """The policy that counts and how the log stands to it; and the form for who may."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    may = request.user.has_perm(CHANGE)
    before = cosigned.policy()
    form = PolicyForm(request.POST or None, initial={"text": before or draft()})
    if request.method == "POST":
        if not may:
            raise PermissionDenied
        if form.is_valid():
            _change(actor(request), before, form.cleaned_data["text"])
            messages.success(request, "The policy is set.")
            return HttpResponseRedirect(reverse("admin:witness_policy"))
    generation = ledger.current().number
    return console.page(
        request,
        "admin/witness_policy.html",
        "Policy of witnesses",
        form=form,
        errors=form.errors,
        may=may,
        text=before,
        standing=cosigned.standing(generation),
        witnessed=cosigned.witnessed(generation),
        newest=WitnessPolicy.objects.first(),
    )


def _change(name: str, before: str, text: str) -> None:
    if text == before:
        return
    with recorded():
        made = WitnessPolicy.objects.create(text=text, actor=name, time=timezone.now())
        said = {"text": text, "text_before": before}
        record(name, "witness.policy_changed", said, about=made)


def draft() -> str:
    """What to begin with: the log and its witnesses, none of which is needed yet."""
    lines = ["# Say below which of these must have cosigned: one by its name, or a group."]
    key = own_log()
    if key:
        lines.append(f"log {key}")
    names = []
    for number, one in enumerate(Witness.objects.filter(active=True), 1):
        names.append(f"w{number}")
        lines.append(f"witness w{number} {one.verifier_key}")
    if names:
        lines.append(f"group all-of-them all {' '.join(names)}")
    return "\n".join([*lines, "quorum none"]) + "\n"

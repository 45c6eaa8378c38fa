"""Proposing a draft: what it would change, what the checks say, and a signature."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin import policy_document as documents
from compliance.admin import policy_shown, policy_signed
from compliance.admin.policy_draft import named, open_draft, person
from compliance.admin.policy_rights import PROPOSE, demand
from compliance.admin.policy_signing import (
    NOTE_MAX,
    own_key,
    page_of,
    password_field,
    refuse,
)
from compliance.admin.site import console
from compliance.versions import Refused, propose

MEANWHILE = (
    "The draft, or the version that counts, was changed while you read. Read again what it "
    "changes, and then sign."
)


class ProposeForm(forms.Form):
    """Why, and the password that opens the key."""

    note = forms.CharField(
        label="What it changes, and why",
        max_length=NOTE_MAX,
        help_text="Whoever approves it reads this first. It goes on the record.",
        widget=forms.Textarea({"rows": 2}),
    )
    password = password_field()


@sensitive_post_parameters("password")
@csrf_protect
def propose_view(request: HttpRequest, pk: int) -> HttpResponse:
    """What would change and what the checks say, then the signature."""
    demand(request, PROPOSE)
    draft = open_draft(request, pk)
    policy, fault = documents.policy_of(draft.document)
    form = ProposeForm(request.POST or None, initial={"note": draft.note})
    key, hindrance = own_key(request, "propose")
    compared = policy_signed.active()
    seen = f"{draft.revision} {compared.digest if compared else ''}"
    if request.method == "POST" and request.POST.get("seen") != seen:
        form.add_error(None, MEANWHILE)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            version = propose.propose(
                draft, person(request), given["password"], note=given["note"], request=request
            )
        except Refused as error:
            refuse(form, error)
        else:
            messages.success(
                request, f"Proposed as {version}. Somebody else has to approve it."
            )
            return page_of(version)
    more = policy_shown.context(policy, draft.pk) if policy else {}
    return console.page(
        request,
        "admin/policy_propose.html",
        f"Propose {draft}",
        draft=draft,
        name=named(draft),
        fault=fault,
        form=form,
        errors=form.errors,
        seen=seen,
        compared=compared,
        differences=policy_shown.compared(policy, compared) if policy else None,
        key=key,
        hindrance=hindrance,
        **more,
    )

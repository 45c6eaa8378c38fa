"""What every signature asks for: the reader's own key, and the password that opens it."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from compliance.admin import policy_signed
from compliance.admin.policy_draft import person
from compliance.admin.policy_rights import PEOPLE, may
from compliance.models import ApprovalKey, PolicyVersion
from compliance.versions import Refused

NOTE_MAX = 256
AS_TWO = (
    "Whoever may enter people or give roles cannot sign for policies: one person could act as "
    "two. It takes somebody who has only this role."
)


def own_key(request: HttpRequest, *roles: str) -> tuple[ApprovalKey | None, str]:
    """The reader's key, and what stands against signing with it as one of `roles`."""
    key = ApprovalKey.objects.filter(person=person(request), revoked=None).first()
    if may(request, *PEOPLE):
        return key, AS_TWO
    if key is None:
        return None, "You have no approval key yet, and only a key can sign."
    if key.role not in roles:
        return key, f"Your approval key is one to {key.role}; it cannot sign this."
    if not key.signature:
        return key, "Your approval key waits for somebody to endorse it."
    return key, ""


def password_field() -> forms.CharField:
    """The reader's own password, which opens the key that signs."""
    return forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        help_text="It opens your approval key, which signs.",
    )


def reason_field(words: str) -> forms.CharField:
    """Why, for the record."""
    return forms.CharField(
        label="Reason", max_length=NOTE_MAX, help_text=words, widget=forms.Textarea({"rows": 2})
    )


def refuse(form: forms.Form, error: Refused) -> None:
    """Say what a verb refused, at the field that it names."""
    form.add_error(error.field if error.field in form.fields else None, error.message)


def waiting(pk: int, *states: str) -> PolicyVersion:
    """The version, where it is in one of these states; raises `Http404`."""
    version = PolicyVersion.objects.filter(pk=pk).first()
    if version is None:
        raise Http404
    if policy_signed.state(version, policy_signed.standing()) not in states:
        raise Http404
    return version


def page_of(version: PolicyVersion) -> HttpResponse:
    """The way back to a version."""
    where = reverse("admin:compliance_policyversion_change", args=[version.pk])
    return HttpResponseRedirect(where)

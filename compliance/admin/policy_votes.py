"""What people sign about a version: where the pages are, and the two ways to say no."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin import policy_signed
from compliance.admin.policy_approve import approve_view
from compliance.admin.policy_draft import person
from compliance.admin.policy_propose import propose_view
from compliance.admin.policy_rights import APPROVE, PROPOSE, demand, may
from compliance.admin.policy_signing import (
    page_of,
    password_field,
    reason_field,
    refuse,
    waiting,
)
from compliance.admin.site import console
from compliance.models import PolicyVersion
from compliance.versions import Refused, decline, withdraw


def urls(guard: Any) -> list[URLPattern]:
    """The addresses below those of policies."""
    return [
        path("drafts/<int:pk>/propose/", guard(propose_view), name="policy_propose"),
        path("<int:pk>/approve/", guard(approve_view), name="policy_approve"),
        path("<int:pk>/decline/", guard(decline_view), name="policy_decline"),
        path("<int:pk>/withdraw/", guard(withdraw_view), name="policy_withdraw"),
    ]


def offered(request: HttpRequest, version: PolicyVersion, state: str) -> dict[str, bool]:
    """What the reader may do with a version in this state."""
    own = policy_signed.proposer(version) == request.user.get_username()
    waits = state == "proposed"
    return {
        "may_approve": waits and not own and may(request, APPROVE),
        "own_proposal": waits and own,
        "may_withdraw": state in ("proposed", "scheduled") and may(request, PROPOSE, APPROVE),
    }


class DeclineForm(forms.Form):
    """Why not."""

    reason = reason_field("Whoever proposed it reads it. It goes on the record.")


class WithdrawForm(forms.Form):
    """Why, and the password that opens the key."""

    reason = reason_field("It goes on the record.")
    password = password_field()


@csrf_protect
def decline_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Say no to a proposal, with a reason."""
    demand(request, APPROVE)
    version = waiting(pk, "proposed")
    form = DeclineForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            decline.decline(version, person(request), form.cleaned_data["reason"])
        except Refused as error:
            refuse(form, error)
        else:
            messages.success(request, f"Version {version.number} is declined.")
            return page_of(version)
    words = (
        "A declined version never becomes active. Whoever proposed it can start a new draft."
    )
    return _asked(request, version, form, f"Decline {version}?", words, "Decline it")


@sensitive_post_parameters("password")
@csrf_protect
def withdraw_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a version that does not count yet."""
    demand(request, PROPOSE, APPROVE)
    version = waiting(pk, "proposed", "scheduled")
    form = WithdrawForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            withdraw.withdraw(
                version, person(request), given["password"], given["reason"], request=request
            )
        except Refused as error:
            refuse(form, error)
        else:
            messages.success(request, f"Version {version.number} is withdrawn.")
            return page_of(version)
    words = "A withdrawn version never becomes active. The policy that counts stays as it is."
    return _asked(request, version, form, f"Withdraw {version}?", words, "Withdraw it")


def _asked(  # noqa: PLR0917 - a question and its words
    request: HttpRequest,
    version: PolicyVersion,
    form: forms.Form,
    title: str,
    words: str,
    button: str,
) -> HttpResponse:
    return console.page(
        request,
        "admin/policy_question.html",
        title,
        version=version,
        form=form,
        errors=form.errors,
        words=words,
        button=button,
    )

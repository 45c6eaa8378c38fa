"""Approving a proposal: all that was proposed, in words, and the second signature."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin import policy_shown, policy_signed
from compliance.admin.policy_draft import person
from compliance.admin.policy_rights import APPROVE, demand
from compliance.admin.policy_signing import own_key, page_of, password_field, refuse, waiting
from compliance.admin.policy_zone import HELP, ZoneField
from compliance.admin.site import console
from compliance.models import PolicyVersion
from compliance.policy.rules import Policy, PolicyRefused, parse
from compliance.versions import Refused, approve

NOW, LATER = "now", "later"
MOMENT = "%Y-%m-%dT%H:%M"


class ApproveForm(forms.Form):
    """From when it counts, whether what waits is decided anew, and the password."""

    when = forms.ChoiceField(
        label="It becomes active",
        choices=((NOW, "now"), (LATER, "at the time below")),
        widget=forms.RadioSelect,
        initial=NOW,
    )
    at = forms.DateTimeField(
        required=False,
        label="Time",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT),
    )
    zone = ZoneField(
        label="Time zone",
        help_text=f"In which the time is meant. The record keeps it in UTC. {HELP}",
    )
    recall = forms.BooleanField(
        required=False,
        label="Decide anew what waits",
        help_text="Requests that were admitted by an older version and that no machine has "
        "begun yet are decided by this one. Without it they are answered as admitted.",
    )
    password = password_field()

    def __init__(self, zone: str, data: Any = None) -> None:
        super().__init__(data, initial={"zone": zone})
        if data is None:  # then the page's script chooses the reader's own
            self.fields["zone"].widget.attrs["data-own-zone"] = ""

    def clean(self) -> dict[str, Any]:
        """With the moment in `active_from`; None for now."""
        given = super().clean() or {}
        self.active_from: dt.datetime | None = None
        if given.get("when") != LATER or self.errors:
            return given
        if given.get("at") is None:
            self.add_error("at", "Say at which time it becomes active.")
            return given
        local = given["at"].replace(tzinfo=ZoneInfo(given["zone"]))
        there = local.astimezone(dt.UTC)
        if there.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
            self.add_error("at", "The clocks leave this time out on that day. Choose another.")
        elif local.replace(fold=1).astimezone(dt.UTC) != there:
            self.add_error("at", "The clocks show this time twice on that day. Choose another.")
        self.active_from = there
        return given


@sensitive_post_parameters("password")
@csrf_protect
def approve_view(request: HttpRequest, pk: int) -> HttpResponse:
    """All that was proposed, in words, then the second signature."""
    demand(request, APPROVE)
    version = waiting(pk, "proposed")
    policy = _parsed(version)
    form = ApproveForm(policy.zone_name, request.POST or None)
    key, hindrance = own_key(request, "approve")
    if policy_signed.proposer(version) == request.user.get_username():
        hindrance = "You proposed this version, so somebody else has to approve it."
    if request.method == "POST" and form.is_valid():
        if policy_signed.proposer(version) == request.user.get_username():
            raise PermissionDenied
        given = form.cleaned_data
        try:
            approve.approve(
                version,
                person(request),
                given["password"],
                active_from=form.active_from,
                recall=given["recall"],
                request=request,
            )
        except Refused as error:
            name = "at" if error.field == "active_from" else error.field
            refuse(form, Refused(name, error.message))
        else:
            messages.success(request, _approved(version, form.active_from))
            return page_of(version)
    standing = policy_signed.standing()
    compared = policy_signed.active_row(standing)
    return console.page(
        request,
        "admin/policy_approve.html",
        f"Approve {version}?",
        version=version,
        row=policy_signed.row(version, standing),
        form=form,
        errors=form.errors,
        compared=compared.version if compared else None,
        differences=policy_shown.compared(policy, compared.version if compared else None),
        key=key,
        hindrance=hindrance,
        **policy_shown.context(policy, rules=policy_shown.shown(policy)),
    )


def _approved(version: PolicyVersion, at: dt.datetime | None) -> str:
    if at is None:
        return f"Version {version.number} is approved. It counts within a second."
    return (
        f"Version {version.number} is approved. It becomes active at {at:%Y-%m-%d %H:%M} UTC."
    )


def _parsed(version: PolicyVersion) -> Policy:
    try:
        return parse(version.document)
    except PolicyRefused as error:
        raise Http404 from error

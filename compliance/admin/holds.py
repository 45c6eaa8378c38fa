"""Requests that wait for a person: shown with why, read on the record, approved or denied.

The list and the reasons are for whoever sees the record. The text is for those who may decide,
who are shown it only when they ask, and never beside an address that a browser would keep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables

from compliance.admin import requests
from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor
from compliance.admin.site import Panel, console
from compliance.admin.spoken import asked
from compliance.admin.story import detail
from compliance.holds import deciding
from compliance.holds.deciding import REASON_MAX, HoldGone
from compliance.models import OPEN, Event, Hold
from compliance.templatetags.console import badge

RIGHT = "compliance.decide_hold"
LISTED = 5  # holds that the overview shows
HELD = "request.held"


class DecideForm(forms.Form):
    """Yes or no, and why."""

    reason = forms.CharField(
        max_length=REASON_MAX,
        label="Why",
        help_text="On the record with your name; do not repeat the text or name a person here.",
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why you approve or deny it."},
    )


@dataclass(frozen=True, slots=True)
class Why:
    """What the record says of a held request."""

    reasons: Sequence[tuple[str, str, bool]]  # rule, its description, whether it held
    categories: Sequence[tuple[str, int]]
    findings: Sequence[tuple[str, int]]
    said: Mapping[str, Any]


class StandingFilter(admin.SimpleListFilter):
    """By how they stand; by the clock, whether or not it was noted already."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        """The states."""
        return Hold.State.choices

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those asked for."""
        now = timezone.now()
        match self.value():
            case None:
                return queryset
            case Hold.State.EXPIRED:
                over = queryset.filter(state__in=OPEN, expires__lte=now)
                return over | queryset.filter(state=Hold.State.EXPIRED)
            case state if state in OPEN:
                return queryset.filter(state=state, expires__gt=now)
            case state:
                return queryset.filter(state=state)


@admin.register(Hold, site=console)
class HoldAdmin(ReadOnly):
    """The list, and a page for each with the two things that a person may say."""

    section, rank, title = "Record", 6, "Held requests"
    list_display = ("age", "standing", "asking", "rules_shown", "until")
    list_filter = (StandingFilter,)
    ordering = ("-asked",)

    @admin.display(description="held", ordering="asked")
    def age(self, one: Hold) -> str:
        """For how long."""
        return f"{timesince(one.asked)} ago"

    @admin.display(description="application")
    def asking(self, one: Hold) -> str:
        """Whose request it is."""
        return requests.application_names().get(one.application, "—")

    @admin.display(description="held by")
    def rules_shown(self, one: Hold) -> str:
        """The rules."""
        return ", ".join(map(str, one.rules))

    @admin.display(description="state")
    def standing(self, one: Any) -> str:
        """By the clock."""
        return badge(_state(one))

    @admin.display(description="until", ordering="expires")
    def until(self, one: Hold) -> str:
        """When it ends."""
        return f"{one.expires:%Y-%m-%d %H:%M} UTC"

    def get_urls(self) -> list[URLPattern]:
        """The page in place of Django's, and what may be done there."""
        guard = self.admin_site.admin_view
        return [
            path("<slug:pk>/change/", guard(self.hold_view), name="compliance_hold_change"),
            path("<slug:pk>/read/", guard(self.read_view), name="read_hold"),
            path("<slug:pk>/decide/", guard(self.decide_view), name="decide_hold"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def hold_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """What it is about, and the forms for who may decide."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, self.found(request, pk), DecideForm())

    @method_decorator(csrf_protect)
    @sensitive_variables()
    def read_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """The text, once it is on the record that it is read."""
        hold = self._for_deciding(request, pk)
        if request.method != "POST":
            return _to(hold)
        try:
            text = deciding.read(pk, actor(request))
        except HoldGone as error:
            messages.warning(request, str(error))
            return _to(hold)
        return self._page(request, hold, DecideForm(), text=_shown(text))

    @method_decorator(csrf_protect)
    def decide_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Approve or deny it."""
        hold = self._for_deciding(request, pk)
        verb = {"approve": deciding.approve, "deny": deciding.deny}.get(
            request.POST.get("decision", "")
        )
        if request.method != "POST" or verb is None:
            return _to(hold)
        form = DecideForm(request.POST)
        if not form.is_valid():
            return self._page(request, hold, form)
        try:
            verb(pk, actor(request), form.cleaned_data["reason"])
        except HoldGone as error:
            messages.warning(request, str(error))
        else:
            said = "approved" if verb is deciding.approve else "denied"
            messages.success(request, f"The request is {said}.")
        return _to(hold)

    def _for_deciding(self, request: HttpRequest, pk: str) -> Hold:
        if not request.user.has_perm(RIGHT):
            raise PermissionDenied
        hold: Hold = self.found(request, pk)
        return hold

    def _page(
        self, request: HttpRequest, hold: Hold, form: DecideForm, **more: Any
    ) -> HttpResponse:
        state = _state(hold)
        response = console.page(
            request,
            "admin/hold.html",
            "Held request",
            hold=hold,
            state=state,
            waits=timesince(hold.asked),
            why=why(hold),
            application=requests.application_names().get(hold.application),
            may_decide=state == Hold.State.WAITING and request.user.has_perm(RIGHT),
            form=form,
            errors=form.errors,
            **more,
        )
        response.headers["Cache-Control"] = "no-store, private"
        return response


def why(hold: Hold) -> Why:
    """What the record says of it: which rules held it and what was found."""
    event = Event.objects.filter(request=hold.pk, type=HELD).first()
    said = detail(event) if event else {}
    held_by = {*map(str, said.get("held_by", hold.rules))}
    pairs = zip(said.get("rules", ()), said.get("reasons", ()), strict=False)
    reasons = [(str(rule), str(reason), str(rule) in held_by) for rule, reason in pairs]
    return Why(
        sorted(reasons, key=lambda one: not one[2]),
        sorted(dict(said.get("categories") or {}).items()),
        sorted(dict(said.get("findings") or {}).items()),
        said,
    )


def _state(hold: Hold) -> str:
    over = hold.state in OPEN and hold.expires <= timezone.now()
    return str(Hold.State.EXPIRED if over else hold.state)


def _to(hold: Hold) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:compliance_hold_change", args=[hold.pk]))


def _shown(text: bytes) -> dict[str, Any]:
    """The body that the model would get: its texts, and all of it as JSON."""
    body = json.loads(text)
    told = [(one.role, one.text) for one in asked(body)]
    return {"messages": told, "whole": json.dumps(body, indent=2, ensure_ascii=False)}


@console.panel
def waiting(request: HttpRequest) -> Panel | None:
    """Requests that wait for whoever looks; nothing where none does."""
    if not request.user.has_perm("compliance.view_hold"):
        return None
    found = Hold.objects.filter(state=Hold.State.WAITING, expires__gt=timezone.now())
    names = requests.application_names()
    rows = [
        (one, names.get(one.application, "—"), timesince(one.asked))
        for one in found.order_by("asked")[:LISTED]
    ]
    if not rows:
        return None
    more = max(0, found.count() - LISTED)
    return Panel(2, "Held requests", "admin/panels/holds.html", {"rows": rows, "more": more})

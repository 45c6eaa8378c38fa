"""The record, shown: its events, its requests. Read-only, also for superusers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from compliance.admin import contents, generations, requests, retention, window
from compliance.admin.editing import ReadOnly
from compliance.admin.site import Item, console
from compliance.admin.story import detail
from compliance.audit.catalogue import GROUPS, words
from compliance.models import Application, Event, Hold, Leaf
from compliance.templatetags.console import legal_basis


class Moment(forms.DateTimeField):
    """A time in UTC, from the browser's own picker."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class PeriodForm(forms.Form):
    """What both lists can be narrowed by."""

    application = forms.ModelChoiceField(
        Application.objects.all(), required=False, empty_label="any"
    )
    since = Moment(required=False, label="From (UTC)")
    until = Moment(required=False, label="Until (UTC)")
    request = forms.CharField(
        required=False,
        label="Request id",
        max_length=64,
        widget=forms.TextInput({"type": "search", "spellcheck": "false"}),
    )
    before = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def period(self) -> window.Period:
        """The period asked for."""
        return window.Period(self.cleaned_data["since"], self.cleaned_data["until"])

    def clean_request(self) -> str:
        """32 hex digits, however they were copied."""
        given = str(self.cleaned_data["request"]).strip().lower().removeprefix("chatcmpl-")
        return given.replace("-", "")


class EventsForm(PeriodForm):
    """Events by type too."""

    field_order = ("group", "type", "application", "since", "until", "request")
    group = forms.ChoiceField(
        required=False, label="About", choices=(("", "anything"), *((g, g) for g in GROUPS))
    )
    type = forms.CharField(
        required=False, max_length=48, widget=forms.TextInput({"list": "kinds"})
    )


class RequestsForm(PeriodForm):
    """Requests by decision and state too."""

    field_order = ("decision", "state", "application", "since", "until", "request")
    decision = forms.ChoiceField(required=False, choices=requests.DECISIONS)
    state = forms.ChoiceField(required=False, choices=requests.ENDS)


def narrowed(events: QuerySet[Event], form: PeriodForm) -> QuerySet[Event]:
    """By application and request, as the form says."""
    asked = form.cleaned_data
    if asked["application"]:
        events = events.filter(application=asked["application"].pk)
    if asked["request"]:
        events = events.filter(request=asked["request"])
    return events


@admin.register(Event, site=console)
class EventAdmin(ReadOnly):
    """The record."""

    section, rank = "Record", 20
    change_form_template = "admin/event.html"

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        console.pages.append(self.pages)

    def items(self) -> Iterable[Item]:
        """Three ways to look at the record."""
        yield Item("Record", 10, "Requests", reverse("admin:requests"))
        yield Item("Record", 20, "Audit events", reverse("admin:compliance_event_changelist"))
        yield Item("Record", 30, "Verify the log", reverse("admin:verify"))

    def pages(self) -> list[URLPattern]:
        """The requests' addresses."""
        guard = self.admin_site.admin_view
        return [
            path("requests/", guard(self.requests_view), name="requests"),
            path("requests/<slug:request_id>/", guard(self.request_view), name="request"),
        ]

    def _allowed(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Events, newest first."""
        self._allowed(request)
        form = EventsForm(request.GET)
        page = None
        if form.is_valid():
            events = narrowed(Event.objects.defer("entry", "detail_key"), form)
            kind = form.cleaned_data["type"]
            group = form.cleaned_data["group"]
            if group:
                events = events.filter(type__in=[one.type for one in GROUPS[group]])
            if kind:
                exact = {"type__startswith": kind} if kind.endswith(".") else {"type": kind}
                events = events.filter(**exact)
            page = window.page(events, form.period(), form.cleaned_data["before"])
        shown = page.events if page else []
        leaves = _leaves(shown)
        names = requests.application_names()
        rows = [
            (
                event,
                detail(event).get("actor") if event.detail else "details removed",
                names.get(event.application),
                leaves.get(event.pk),
                words(event.type),
            )
            for event in shown
        ]
        return self._list(
            request, "admin/events.html", "Audit events", form, page, rows=rows, groups=GROUPS
        )

    def requests_view(self, request: HttpRequest) -> HttpResponse:
        """Requests, newest first."""
        self._allowed(request)
        form = RequestsForm(request.GET)
        page = None
        if form.is_valid():
            asked = form.cleaned_data
            if asked["request"] and Event.objects.filter(request=asked["request"]).exists():
                return HttpResponseRedirect(reverse("admin:request", args=[asked["request"]]))
            events = narrowed(requests.anchors(asked["decision"], asked["state"]), form)
            page = window.page(events, form.period(), asked["before"])
        rows = requests.rows(page.events if page else [])
        return self._list(request, "admin/requests.html", "Requests", form, page, rows=rows)

    def _list(
        self,
        request: HttpRequest,
        template: str,
        title: str,
        form: PeriodForm,
        page: window.Page | None,
        **more: Any,
    ) -> TemplateResponse:
        asked = {name: value for name, value in request.GET.items() if value}
        asked.pop("before", None)
        older = page.older if page else None
        return console.page(
            request,
            template,
            title,
            form=form,
            page=page,
            narrowed=bool(asked),
            latest="?" + urlencode(asked) if request.GET.get("before") else "",
            older="?" + urlencode(asked | {"before": older}) if older else "",
            **more,
        )

    def request_view(self, request: HttpRequest, request_id: str) -> HttpResponse:
        """One request's whole story."""
        self._allowed(request)
        story = requests.story(request_id)
        if story is None:
            raise Http404
        may_read = request.user.has_perm(contents.RIGHT) and contents.kept(request_id)
        removed = retention.gone(story.gone) if story.gone else {}
        return console.page(
            request,
            "admin/request.html",
            "Request",
            story=story,
            may_read=may_read,
            may_see_hold=Hold.objects.filter(pk=story.about.get("hold", "")).exists(),
            **removed,
        )

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """One event: its entry, its detail, its place in the log."""
        said = detail(obj)
        return {
            "title": f"Event {obj.type}",
            "event": obj,
            "said": said,
            "words": words(obj.type),
            "changed": _changed(said.get("changes")),
            "application": requests.application_names().get(obj.application),
            "entry": bytes(obj.entry).decode("utf-8", "replace"),
            "detail": _pretty(bytes(obj.detail or b"")),
            **retention.gone(obj),
            "place": _leaves([obj]).get(obj.pk),
        }


def _leaves(events: list[Event]) -> dict[int, generations.Place]:
    """Each event's place in the log, of those that have one."""
    numbers = [event.pk for event in events]
    found = dict(Leaf.objects.filter(event_id__in=numbers).values_list("event_id", "index"))
    places = generations.places(found.values())
    return {event: places[index] for event, index in found.items()}


def _changed(changes: Any) -> list[tuple[str, Any, Any]]:
    """Each field that an event says has changed, with its old and new value in words."""
    if not isinstance(changes, dict):
        return []
    rows = []
    for name, change in sorted(changes.items()):
        old, new = (
            (change.get("from"), change.get("to"))
            if isinstance(change, dict)
            else ("not on the record",) * 2
        )
        if name == "legal_basis":
            old, new = legal_basis(old), legal_basis(new)
        rows.append((name.replace("_", " ").capitalize(), old, new))
    return rows


def _pretty(said: bytes) -> str:
    try:
        return json.dumps(json.loads(said), indent=2, ensure_ascii=False, sort_keys=True)
    except ValueError:
        return said.decode("utf-8", "replace")

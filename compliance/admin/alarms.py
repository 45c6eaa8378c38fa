"""Alarms: on the overview until an officer has said what was found."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor, record
from compliance.admin.site import Panel, console
from compliance.audit import alarms
from compliance.models import Alarm
from compliance.templatetags.console import badge

LISTED = 5  # alarms that the overview shows
NOTE_MAX = 1_000  # characters


class AcknowledgeForm(forms.Form):
    """What the officer found."""

    note = forms.CharField(
        max_length=NOTE_MAX,
        label="What you found, and what was done",
        help_text="It goes on the record with your name.",
        widget=forms.Textarea({"rows": 4}),
    )
    count = forms.IntegerField(widget=forms.HiddenInput)
    """How often it had been raised when it was read."""


class StandingFilter(admin.SimpleListFilter):
    """Alarms that wait, and alarms that were acknowledged."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        """The two."""
        return (("open", "open"), ("acknowledged", "acknowledged"))

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those asked for."""
        if self.value() is None:
            return queryset
        return queryset.filter(acknowledged__isnull=self.value() == "open")


@admin.register(Alarm, site=console)
class AlarmAdmin(ReadOnly):
    """The list, and the one thing that happens to an alarm."""

    section, rank, title = "Record", 5, "Alarms"
    change_form_template = "admin/alarm.html"
    list_display = ("what", "subject", "count", "first", "last", "standing")
    list_filter = (StandingFilter,)

    @admin.display(description="what")
    def what(self, alarm: Alarm) -> str:
        """In words."""
        return alarms.TITLES.get(alarm.kind, alarm.kind)

    @admin.display(description="state")
    def standing(self, alarm: Any) -> str:
        """Whether somebody has looked into it."""
        return badge("acknowledged" if alarm.acknowledged else "open")

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the form."""
        view = path(
            "<int:pk>/acknowledge/",
            self.admin_site.admin_view(self.acknowledge_view),
            name="acknowledge_alarm",
        )
        return [view, *super().get_urls()]

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The alarm in words, and the form for who may."""
        return {
            "title": self.what(obj),
            "alarm": obj,
            "form": AcknowledgeForm(initial={"count": obj.count}),
            "may_acknowledge": self.has_right(request, "change") and not obj.acknowledged,
        }

    @method_decorator(csrf_protect)
    def acknowledge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note that it was looked into, and what was found, on the record."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        alarm = self.found(request, pk)
        back = HttpResponseRedirect(reverse("admin:compliance_alarm_change", args=[pk]))
        form = AcknowledgeForm(request.POST or None)
        if request.method != "POST":
            return back
        if not form.is_valid():
            messages.error(request, "Say what you found, in at most 1,000 characters.")
            return back
        _acknowledge(request, alarm, form.cleaned_data["note"], form.cleaned_data["count"])
        return back


def _acknowledge(request: HttpRequest, alarm: Alarm, note: str, count: int) -> None:
    name = actor(request)
    with transaction.atomic():
        # As it was read: what was raised meanwhile has not been looked into.
        done = Alarm.objects.filter(pk=alarm.pk, acknowledged=None, count=count).update(
            acknowledged=timezone.now(), actor=name, note=note
        )
        if done:
            detail = {
                "alarm": alarm.kind,
                "subject": alarm.subject,
                "count": count,
                "note": note,
            }
            record(name, "alarm.acknowledged", detail)
    if done:
        messages.success(request, "The alarm is acknowledged.")
    else:
        messages.warning(
            request, "It was acknowledged or raised again meanwhile; read it once more."
        )


@console.panel
def standing(request: HttpRequest) -> Panel | None:
    """What must be looked into; nothing where nothing must."""
    if not request.user.has_perm("compliance.view_alarm"):
        return None
    waiting = Alarm.objects.filter(acknowledged=None)
    rows = [(alarm, alarms.TITLES.get(alarm.kind, alarm.kind)) for alarm in waiting[:LISTED]]
    if not rows:
        return None
    context = {"rows": rows, "more": max(0, waiting.count() - LISTED)}
    return Panel(0, "Alarms", "admin/panels/alarms.html", context)

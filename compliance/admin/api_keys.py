"""API keys: issued (and shown) once, revoked for good."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor, plain, record
from compliance.admin.site import console
from compliance.audit.changes import recorded
from compliance.models import APIKey, Application
from compliance.templatetags.console import badge, moment

USED_FORMS = "issued_forms"
REMEMBERED = 32  # forms of a session that were already used


def state(key: APIKey, now: dt.datetime) -> str:
    """In one word, whether it works."""
    if key.revoked is not None:
        return "revoked"
    if key.expires is not None and key.expires <= now:
        return "expired"
    return "works" if key.application.active else "application inactive"


def working(now: dt.datetime) -> QuerySet[APIKey]:
    """The keys whose `state` is that they work."""
    return APIKey.objects.filter(~Q(expires__lte=now), revoked=None, application__active=True)


class StateFilter(admin.SimpleListFilter):
    """Keys by whether they work."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [
            ("works", "Works"),
            ("inactive", "Application inactive"),
            ("expired", "Expired"),
            ("revoked", "Revoked"),
        ]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those chosen."""
        expired = Q(expires__lte=timezone.now())
        match self.value():
            case "works":
                return queryset.filter(pk__in=working(timezone.now()))
            case "inactive":
                return queryset.filter(~expired, revoked=None, application__active=False)
            case "expired":
                return queryset.filter(expired, revoked=None)
            case "revoked":
                return queryset.exclude(revoked=None)
        return queryset


class IssueForm(forms.Form):
    """What may be said of a new key. `once` keeps a form from being used twice."""

    note = forms.CharField(
        max_length=128,
        required=False,
        help_text="Where this key will be used, for people: a server, a team.",
    )
    expires = forms.DateTimeField(
        required=False,
        label="Expires (UTC)",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="After this time the key is refused. Leave it empty for a key without end.",
    )
    once = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_expires(self) -> dt.datetime | None:
        """Not in the past."""
        expires: dt.datetime | None = self.cleaned_data["expires"]
        if expires is not None and expires <= timezone.now():
            raise ValidationError("This time has passed; choose one that is still to come.")
        return expires


@admin.register(APIKey, site=console)
class APIKeyAdmin(ReadOnly):
    """The list, and the two things that happen to a key."""

    noun = "api_key"
    section, rank = "Rules", 20
    change_form_template = "admin/api_key.html"
    fields = ("application", "note", "created", "ends", "revoked")
    list_display = ("__str__", "application", "note", "created", "ends", "state")
    list_filter = (StateFilter, "application")
    list_select_related = ("application",)
    search_fields = ("prefix", "note", "application__name")
    search_help_text = "First part of a key, note or application"

    @admin.display(description="expires", ordering="expires")
    def ends(self, key: APIKey) -> str:
        """The end that was given to it."""
        return moment(key.expires) if key.expires else "never"

    @admin.display(description="state")
    def state(self, key: APIKey) -> str:
        """In one word."""
        return badge(state(key, timezone.now()))

    def get_urls(self) -> list[URLPattern]:
        """Django's, and those to issue and revoke."""
        guard = self.admin_site.admin_view
        return [
            path("issue/<uuid:application>/", guard(self.issue_view), name="issue_api_key"),
            path("<int:pk>/revoke/", guard(self.revoke_view), name="revoke_api_key"),
            *super().get_urls(),
        ]

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Whether it works, and the way to revoke it."""
        may = self.has_right(request, "change") and obj.revoked is None
        return {"state": state(obj, timezone.now()), "may_revoke": may}

    @method_decorator(csrf_protect)
    def issue_view(self, request: HttpRequest, application: Any) -> HttpResponse:
        """Ask for a note and an end; then issue the key and show it, this once."""
        if not self.has_right(request, "add"):
            raise PermissionDenied
        owner = get_object_or_404(Application, pk=application)
        form = IssueForm(request.POST or None, initial={"once": secrets.token_hex(16)})
        if request.method == "POST" and form.is_valid():
            return self._issue(request, owner, form.cleaned_data)
        title = f"Issue a key for {owner}"
        return console.page(
            request, "admin/issue_key.html", title, application=owner, form=form
        )

    def _issue(
        self, request: HttpRequest, application: Application, asked: dict[str, Any]
    ) -> HttpResponse:
        used = request.session.get(USED_FORMS, [])
        if asked["once"] in used:
            messages.warning(
                request,
                "This form was sent before and its key was issued then. A key is shown once;"
                " if you did not keep it, revoke it and issue another.",
            )
            return HttpResponseRedirect(
                reverse("admin:compliance_application_change", args=[application.pk])
            )
        with recorded():
            key, plaintext = APIKey.issue(
                application, note=asked["note"], expires=asked["expires"]
            )
            record(
                actor(request),
                "api_key.issued",
                {"prefix": key.prefix, "note": key.note, "expires": plain(key.expires)},
                application=application,
                about=key,
            )
        request.session[USED_FORMS] = [*used, asked["once"]][-REMEMBERED:]
        response = console.page(
            request,
            "admin/key_issued.html",
            "Your new key",
            application=application,
            key=key,
            plaintext=plaintext,
        )
        response.headers["Cache-Control"] = "no-store, private"
        return response

    @method_decorator(csrf_protect)
    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then revoke."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        key = self.found(request, pk)
        if request.method != "POST":
            title = f"Revoke {key}?"
            return console.page(
                request, "admin/revoke_key.html", title, opts=self.opts, key=key
            )
        with recorded():
            if APIKey.objects.filter(pk=pk, revoked=None).update(revoked=timezone.now()):
                record(
                    actor(request),
                    "api_key.revoked",
                    {"prefix": key.prefix},
                    application=key.application,
                    about=key,
                )
        messages.success(request, f"{key} is revoked. It is refused within a second.")
        return HttpResponseRedirect(
            reverse("admin:compliance_application_change", args=[key.application.pk])
        )

"""Applications: who may call, why, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from compliance.admin import retention
from compliance.admin.api_keys import state, working
from compliance.admin.editing import Recorded
from compliance.admin.policy_fields import CountriesField, NamesField
from compliance.admin.site import console
from compliance.audit.entry import label_key_digest
from compliance.audit.retention import (
    FLOOR_LAW,
    SIX_MONTHS,
    Bounds,
    RetentionUnclear,
    bounds,
)
from compliance.models import Application
from compliance.policy.regions import COUNTRIES
from compliance.templatetags.console import CATEGORY_WORDS

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Application]  # a generic for the type checker only
else:
    _ModelForm = forms.ModelForm


class ApplicationForm(_ModelForm):
    """An application's fields, and what policy and law say of them together."""

    data_categories = NamesField(
        CATEGORY_WORDS.items(),
        typed=False,
        label="Categories of data",
        help_text="What it is known to process. Rules of the policy can ask for it, whether or "
        "not something of it is found in a text.",
    )
    subject_countries = CountriesField(
        COUNTRIES,
        label="Countries of the data subjects",
        help_text="Where the people live whose data it processes: names or two-letter codes, "
        "with commas between. Rules of the policy can ask for it.",
    )

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        try:
            policy = bounds()
        except RetentionUnclear:  # the overview says so; nothing is removed until it is mended
            policy = Bounds()
        self.policy = policy
        for name, days in self._allowed().items():
            if days is not None and name in self.fields:
                field = self.fields[name]
                words = retention.allowed(days, policy.version)
                field.help_text = f"{field.help_text} {words}"

    def _allowed(self) -> dict[str, int | None]:
        return {
            "content_days": self.policy.content_days,
            "details_days": self.policy.details_days,
        }

    def clean(self) -> dict[str, Any]:
        """Nothing is kept for longer than the policy allows, or for less than the law demands.

        What was set before the policy became stricter may stay: the shorter period applies.
        """
        given: dict[str, Any] = super().clean() or self.cleaned_data
        days = given.get("details_days")
        least = SIX_MONTHS if given.get("high_risk") else 0
        for name, most in self._allowed().items():
            floor = least if name == "details_days" else 0
            fault = retention.beyond(given.get(name), most, self.policy.version, floor)
            if fault and name in self.changed_data:
                self.add_error(name, fault)
        reason = str(given.get("retention_reason") or "").strip()
        if given.get("high_risk") and not reason and days is not None and days < SIX_MONTHS:
            self.add_error(
                "details_days",
                "Logs of a high-risk AI system are kept for at least six months "
                f"({FLOOR_LAW}): enter {SIX_MONTHS} or more, leave it empty, or say under "
                "“Legal reason for shorter retention” which law demands less.",
            )
        return given


@admin.register(Application, site=console)
class ApplicationAdmin(Recorded):
    """Registered and changed here; never deleted, because the record speaks of them."""

    noun = "application"
    created = "registered"
    adding = "Register application"
    section, rank = "Rules", 10
    form = ApplicationForm
    change_form_template = "admin/application.html"
    list_display = ("name", "purpose", "legal_basis", "owner", "usable_keys", "standing")
    list_filter = ("active", "legal_basis")
    search_fields = ("name", "purpose", "owner", "ropa_reference")
    search_help_text = "Name, purpose, owner or RoPA reference"
    fieldsets = (
        (None, {"fields": ("name", "active")}),
        (
            "Why it processes data",
            {"fields": ("purpose", "legal_basis", "ropa_reference", "owner")},
        ),
        ("What it processes", {"fields": ("data_categories", "subject_countries")}),
        (
            "How much it may ask",
            {"fields": ("requests_per_minute", "tokens_per_minute", "concurrent_requests")},
        ),
        (
            "What is kept of it, and how long",
            {"fields": ("content_days", "details_days", "high_risk", "retention_reason")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of keys that work now."""
        works = Count("api_keys", filter=Q(api_keys__in=working(timezone.now())))
        return super().get_queryset(request).annotate(usable=works)

    @admin.display(description="keys in use", ordering="usable")
    def usable_keys(self, application: Any) -> int:
        """Keys that work now."""
        return int(application.usable)

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """With what commits to the key that labels its entries."""
        digest = label_key_digest(bytes(obj.label_key))
        return super().describe(obj, form) | {"label_key_sha256": digest}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name, once given: policies and the record refer to it."""
        return ("name",) if obj else ()

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The application's keys, and what counts of what is kept."""
        now = timezone.now()
        return {
            "keys": [
                (key, state(key, now)) for key in obj.api_keys.select_related("application")
            ],
            "may_issue": request.user.has_perm("compliance.add_apikey"),
            "may_revoke": request.user.has_perm("compliance.change_apikey"),
            "kept": retention.of(obj),
            "may_see_record": request.user.has_perm("compliance.view_event"),
        }

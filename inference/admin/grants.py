"""Which application may use which adapter: granted, and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from compliance.admin.editing import Switched
from compliance.admin.recording import actor, record
from compliance.admin.site import console
from compliance.models import Application
from inference.models import AdapterGrant, Model

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[AdapterGrant]  # a generic for the type checker only
else:
    _ModelForm = forms.ModelForm


class GrantForm(_ModelForm):
    """One application and one adapter."""

    application = forms.ModelChoiceField(
        Application.objects.order_by("name"),
        empty_label=None,
        help_text="All its keys may then ask for the adapter, as far as the policy lets them.",
    )
    adapter = forms.ModelChoiceField(
        Model.objects.filter(kind=Model.Kind.ADAPTER).order_by("name"),
        empty_label=None,
        help_text="An adapter can repeat what it was trained on: look at its lineage first. "
        "One that is not here has not been imported yet.",
    )

    def clean(self) -> dict[str, Any]:
        """Nothing is granted twice."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        known = AdapterGrant.objects.filter(
            application=given.get("application"), adapter=given.get("adapter")
        ).first()
        if known is not None:
            self.add_error(
                "adapter",
                f"{known.application} may use it already."
                if known.active
                else f"{known.application} had this permission before; activate it again.",
            )
        return given


@admin.register(AdapterGrant, site=console)
class AdapterGrantAdmin(Switched):
    """Without one of these an adapter does not exist for an application."""

    noun, created = "adapter", "granted"
    adding = "Grant an adapter"
    section, rank, title = "Rules", 15, "Adapters"
    form = GrantForm
    fields = ("application", "adapter", "standing", "created")
    list_display = ("adapter", "application", "standing", "created")
    list_filter = ("active", "adapter", "application")
    list_select_related = ("adapter", "application")
    search_fields = ("adapter__name", "application__name")
    search_help_text = "Adapter or application"
    consequence = {
        False: "Within a second the adapter does not exist for this application any more."
        " Requests that are being answered are finished.",
        True: "The application may ask for the adapter again, as far as the policy lets it.",
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As the group's rights say."""
        return self.has_right(request, "add")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of a new one only what must be chosen."""
        return self.fields if obj else ("application", "adapter")

    def record(
        self, request: HttpRequest, obj: Any, what: str, detail: Mapping[str, Any]
    ) -> None:
        """Granted or withdrawn, however often; labelled as the application's."""
        kind = "adapter.withdrawn" if what == "deactivated" else "adapter.granted"
        about = {"application": obj.application.name, "adapter": obj.adapter.name}
        record(actor(request), kind, about, application=obj.application, about=obj)

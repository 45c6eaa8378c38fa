"""Models: shown with every file, and whose licence an officer accepts before they serve."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor
from compliance.admin.site import Item, console
from compliance.templatetags.console import badge, code, moment
from inference import licences
from inference.admin.deployments import told
from inference.models import Model


class WithdrawForm(forms.Form):
    """Why a licence is accepted no more."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        help_text="It goes on the record, with your name.",
    )


@admin.register(Model, site=console)
class ModelAdmin(ReadOnly):
    """What the appliance may serve, by the digest of its weights.

    Made by commands, which hash them; other weights are another model. An officer accepts its
    licence, and says what that restricts.
    """

    noun = "model"
    section, rank = "Machines", 10
    change_form_template = "admin/model.html"
    fields = (
        *("name", "kind", "task", "engine", "weights", "licence", "accepted", "bytes"),
        *("origin", "architecture", "quantisation", "context_length", "made_from"),
        *("lineage_note", "created", "eu_restriction"),
    )
    readonly_fields = fields[:-1]
    list_display = (
        *("name", "engine", "licence", "accepted", "bytes", "context_length", "short_digest"),
    )
    list_filter = ("kind", "task", "engine", "licence")
    search_fields = ("name", "digest", "licence", "origin", "architecture")
    search_help_text = "Name, digest, licence, origin or architecture"

    def items(self) -> Iterable[Item]:
        """What there is here, and what there is to be had."""
        yield from super().items()
        yield Item(self.section, self.rank + 5, "Catalogue", reverse("admin:catalogue"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the group's rights say; only what is not read-only can be changed."""
        return self.has_right(request, "change")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """A few lines are enough."""
        if db_field.name == "eu_restriction":
            kwargs["widget"] = forms.Textarea({"rows": 3})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="digest (SHA-256)")
    def weights(self, model: Any) -> str:
        """Of the manifest or of the weights file, whole."""
        return code(model.digest)

    @admin.display(description="size", ordering="size")
    def bytes(self, model: Any) -> str:
        """Of all files."""
        return str(filesizeformat(model.size))

    @admin.display(description="licence accepted", ordering="licence_accepted")
    def accepted(self, model: Any) -> str:
        """Whether it may serve, for its licence's sake."""
        return badge("accepted" if model.licence_accepted else "not accepted")

    @admin.display(description="made from")
    def made_from(self, model: Any) -> str:
        """The model that it was derived from, and how."""
        if not model.derived_from:
            return "no other model that anybody named"
        return f"{model.derived_from} ({model.get_method_display()})"

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Where it is served, its files, and what was made from it."""
        manifest = json.loads(obj.manifest) if obj.manifest else {}
        return {
            "deployments": told(obj.deployments.all()),
            "may_deploy": request.user.has_perm("inference.add_deployment"),
            "files": manifest.get("files", ()),
            "options": sorted(manifest.get("options", {}).items()),
            "derived": obj.derived.all(),
        }

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the pages of the licence."""
        licence = self.admin_site.admin_view(self.licence_view)
        withdraw = self.admin_site.admin_view(self.withdraw_view)
        return [
            path("<int:pk>/licence/", licence, name="model_licence"),
            path("<int:pk>/licence/withdraw/", withdraw, name="withdraw_licence"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def licence_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the whole text; on a POST accept what was shown."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        model = self.found(request, pk)
        may = self.has_right(request, "change")
        if request.method != "POST":
            page = "admin/model_licence.html"
            title = f"The licence of {model}"
            accepted = moment(model.licence_accepted) if model.licence_accepted else ""
            return console.page(
                request, page, title, model=model, may_accept=may, accepted=accepted
            )
        if not may:
            raise PermissionDenied
        if licences.accept(model, actor(request), request.POST.get("shown", "")):
            messages.success(request, f"The licence of {model} is accepted: it may serve.")
        else:
            messages.info(
                request,
                "Nothing was changed: it was accepted already, or another text was shown.",
            )
        return self._back(pk)

    @method_decorator(csrf_protect)
    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then take the acceptance back."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        model = self.found(request, pk)
        if model.licence_accepted is None:
            messages.info(request, f"Nobody has accepted the licence of {model}.")
            return self._back(pk)
        form = WithdrawForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            if licences.withdraw(model, actor(request), form.cleaned_data["reason"]):
                messages.success(request, f"{model} serves no more.")
            return self._back(pk)
        title = f"Accept the licence of {model} no more?"
        return console.page(
            request, "admin/withdraw_licence.html", title, model=model, form=form
        )

    @staticmethod
    def _back(pk: int) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:inference_model_change", args=[pk]))

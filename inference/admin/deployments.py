"""Which model is served at which site, and by how many nodes: deployed, changed, removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.editing import Switched
from compliance.admin.recording import SOURCE, actor
from compliance.admin.site import console
from compliance.audit.changes import recorded
from compliance.models import Site
from inference import lately
from inference.deploying import Foreman, standing
from inference.models import Deployment, Model, Node, Placement
from inference.models.deployments import REPLICAS_MAX


@dataclass(frozen=True, slots=True)
class Row:
    """A deployment, its placements, and how it stands, in a sentence."""

    deployment: Deployment
    placements: list[Placement]
    words: str


def told(deployments: QuerySet[Deployment]) -> list[Row]:
    """Each with what its nodes lately said; the broker is asked once."""
    found = list(deployments.select_related("model__base", "site"))
    said = lately.said(Node.objects.filter(site__in=[one.site_id for one in found]))
    return [
        Row(one, list(one.placements.select_related("node")), standing(one, said).words)
        for one in found
    ]


class ReplicasForm(forms.Form):
    """By how many nodes."""

    replicas = forms.IntegerField(
        label="Nodes",
        min_value=1,
        max_value=REPLICAS_MAX,
        initial=1,
        help_text="How many nodes of the site are to serve it. They are chosen among those "
        "where its files lie and that have room for it.",
    )


class DeployForm(ReplicasForm):
    """A model, a site, and by how many nodes."""

    model = forms.ModelChoiceField(
        Model.objects.order_by("name"),
        empty_label=None,
        help_text="An adapter is placed on nodes that serve its base.",
    )
    site = forms.ModelChoiceField(
        Site.objects.filter(active=True).order_by("name"),
        empty_label=None,
        help_text="It is served by nodes that stand there.",
    )
    field_order = ("model", "site", "replicas")

    def clean(self) -> dict[str, Any]:
        """Nothing is deployed twice at a site."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        model, site = given.get("model"), given.get("site")
        if model and site and Deployment.objects.filter(model=model, site=site).exists():
            self.add_error(
                "site", f"{model} is deployed at {site.name} already; change that deployment."
            )
        return given


@admin.register(Deployment, site=console)
class DeploymentAdmin(Switched):
    """The list, a page each, and what an operator does with it."""

    noun = "deployment"
    section, rank = "Machines", 20
    change_list_template = "admin/deployments.html"
    change_form_template = "admin/deployment.html"
    fields = ("model", "site", "replicas", "queue_limit", "standing", "created")
    list_display = ("model", "site", "placed", "queue_limit", "standing")
    list_display_links = ("model",)
    list_filter = ("active", "model", "site")
    list_select_related = ("model", "site")
    consequence = {
        False: "No further request is sent to this model at this site. Requests that are being"
        " answered are finished.",
        True: "Requests for this model may be sent to this site.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deployment]:
        """With the placements."""
        return Deployment.objects.prefetch_related("placements")

    @admin.display(description="replicas placed")
    def placed(self, deployment: Any) -> str:
        """How many there are of those that are wanted."""
        count = sum(one.active for one in deployment.placements.all())
        return f"{count} of {deployment.replicas}"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, and the way to deploy another."""
        more = {**(extra_context or {}), "may_deploy": self.has_right(request, "add")}
        return super().changelist_view(request, more)

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Where it is placed."""
        [row] = told(Deployment.objects.filter(pk=obj.pk))
        return super().beside(request, obj) | {"row": row}

    def get_urls(self) -> list[URLPattern]:
        """Django's, the switch, and the pages of this module."""
        view = self.admin_site.admin_view
        return [
            path("deploy/", view(self.deploy_view), name="deploy_model"),
            path("<int:pk>/place/", view(self.place_view), name="place_deployment"),
            path("<int:pk>/remove/", view(self.remove_view), name="remove_deployment"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def deploy_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for model, site and number; then deploy."""
        if not self.has_right(request, "add"):
            raise PermissionDenied
        first = {"model": request.GET.get("model", "")}
        form = DeployForm(request.POST or None, initial=first)
        if request.method == "POST" and form.is_valid():
            asked = form.cleaned_data
            foreman = Foreman(asked["site"], actor(request), SOURCE)
            with recorded():
                made = foreman.deploy(asked["model"], asked["replicas"])
            return self._shown(request, made)
        here = bool(Site.objects.filter(active=True).exists() and Model.objects.exists())
        return console.page(
            request, "admin/deploy.html", "Deploy a model", form=form, possible=here
        )

    @method_decorator(csrf_protect)
    def place_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask by how many nodes; then place it anew, though the number be the same."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        one = self.found(request, pk)
        form = ReplicasForm(request.POST or None, initial={"replicas": one.replicas})
        if request.method == "POST" and form.is_valid():
            foreman = Foreman(one.site, actor(request), SOURCE)
            with recorded():
                there = foreman.change(one, form.cleaned_data["replicas"])
            return self._shown(request, one) if there else _gone(request, one)
        title = f"Place {one} anew"
        return console.page(request, "admin/place.html", title, deployment=one, form=form)

    @method_decorator(csrf_protect)
    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then remove it."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        one = self.found(request, pk)
        if request.method == "POST":
            foreman = Foreman(one.site, actor(request), SOURCE)
            with recorded():
                there = foreman.remove(one)
            if not there:
                return _gone(request, one)
            messages.success(request, f"{one.site.name} serves {one.model} no more.")
            return HttpResponseRedirect(reverse("admin:inference_deployment_changelist"))
        here = settings.DOMICILE
        own = (one.model.name, one.site.name) == (here.model, here.site)
        title = f"Remove {one}?"
        return console.page(
            request, "admin/undeploy.html", title, deployment=one, own=own, nodes=_nodes(one)
        )

    def _shown(self, request: HttpRequest, made: Deployment) -> HttpResponse:
        [row] = told(Deployment.objects.filter(pk=made.pk))
        messages.success(request, f"{made}: {row.words}")
        address = reverse("admin:inference_deployment_change", args=[made.pk])
        return HttpResponseRedirect(address)


def _gone(request: HttpRequest, deployment: Deployment) -> HttpResponse:
    messages.info(request, f"{deployment} was removed meanwhile; nothing was changed.")
    return HttpResponseRedirect(reverse("admin:inference_deployment_changelist"))


def _nodes(deployment: Deployment) -> Iterable[str]:
    return deployment.placements.values_list("node__name", flat=True)

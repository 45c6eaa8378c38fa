"""Models, nodes and deployments: shown, and switched off and on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from compliance.admin.editing import Recorded, Switched
from compliance.admin.site import Panel, console
from compliance.templatetags.console import badge
from inference.admin.life import look
from inference.models import Deployment, Model, Node


@admin.register(Model, site=console)
class ModelAdmin(Recorded):
    """What the appliance may serve, by the digest of its weights."""

    section, rank = "Machines", 10
    change_form_template = "admin/model.html"
    fields = (
        "name",
        "engine",
        "digest",
        "licence",
        "bytes",
        "origin",
        "context_length",
        "created",
    )
    readonly_fields = fields
    list_display = ("name", "engine", "licence", "bytes", "context_length", "short_digest")
    list_filter = ("engine", "licence")
    search_fields = ("name", "digest", "licence", "origin")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made by commands, which hash the weights."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A model is its weights; other weights are another model."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the group's rights say."""
        return bool(request.user.has_perm("inference.view_model"))

    @admin.display(description="size", ordering="size")
    def bytes(self, model: Any) -> str:
        """Of the weights file."""
        return str(filesizeformat(model.size))

    @admin.display(description="digest (SHA-256)")
    def short_digest(self, model: Any) -> str:
        """Its beginning."""
        return f"{model.digest[:12]}…"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """The model, and where it is served."""
        model = self.get_object(request, object_id)
        more = {
            "deployments": model.deployments.select_related("node__site")
            if isinstance(model, Model)
            else []
        }
        return super().change_view(request, object_id, form_url, more)


@admin.register(Deployment, site=console)
class DeploymentAdmin(Switched):
    """Which node serves which model."""

    noun = "deployment"
    section, rank = "Machines", 20
    fields = ("model", "node", "site", "queue_limit", "standing", "created")
    list_display = ("model", "node", "site", "queue_limit", "standing")
    list_display_links = ("model",)
    list_filter = ("active", "model", "node")
    list_select_related = ("model", "node__site")
    consequence = {
        False: "No further request is sent to this model on this node. Requests that are being"
        " answered are finished.",
        True: "Requests for this model may be sent to this node.",
    }

    @admin.display(description="site")
    def site(self, deployment: Any) -> str:
        """Where the node stands."""
        return str(deployment.node.site)


@admin.register(Node, site=console)
class NodeAdmin(Switched):
    """Machines, and whether they are alive now."""

    noun = "node"
    section, rank = "Machines", 40
    change_form_template = "admin/node.html"
    fields = ("name", "site", "fingerprint", "standing", "created")
    list_display = ("name", "site", "alive", "standing", "created")
    list_filter = ("site", "active")
    list_select_related = ("site",)
    search_fields = ("name",)
    consequence = {
        False: "No further request is sent to this node, and its receipts are no longer"
        " accepted.",
        True: "Requests may be sent to this node, and its receipts are accepted.",
    }

    @admin.display(description="now")
    def alive(self, node: Any) -> str:
        """In a word or two."""
        life = look([node.name])
        if not life.broker:
            return badge("unknown: no broker")
        return badge("alive" if life.of(node.name) is not None else "silent")

    @admin.display(description="public key (Ed25519)")
    def fingerprint(self, node: Any) -> str:
        """The key that its receipts are signed with."""
        return bytes(node.public_key).hex()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """The node, and what it says of itself now."""
        node = self.get_object(request, object_id)
        more: dict[str, Any] = {}
        if isinstance(node, Node):
            life = look([node.name])
            says = life.of(node.name)
            more = {
                "life": life,
                "says": says,
                "since": life.since(node.name),
                "deployments": node.deployments.select_related("model"),
            }
        return super().change_view(request, object_id, form_url, more)


@console.panel
def nodes(request: HttpRequest) -> Panel | None:
    """Which nodes are alive."""
    if not request.user.has_perm("inference.view_node"):
        return None
    known = list(Node.objects.select_related("site").filter(active=True))
    life = look([node.name for node in known])
    rows = [(node, life.of(node.name)) for node in known]
    context = {
        "rows": rows,
        "broker": life.broker,
        "silent": sum(says is None for _node, says in rows),
    }
    return Panel(30, "Nodes", "admin/panels/nodes.html", context)

"""Models, nodes and deployments: shown, and switched off and on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from compliance.admin.editing import ReadOnly, Switched
from compliance.admin.site import Panel, console
from compliance.templatetags.console import badge, code
from inference.admin.life import look
from inference.models import Deployment, Model, Node


@admin.register(Model, site=console)
class ModelAdmin(ReadOnly):
    """What the appliance may serve, by the digest of its weights.

    Made by commands, which hash them; other weights are another model.
    """

    section, rank = "Machines", 10
    change_form_template = "admin/model.html"
    fields = (
        "name",
        "engine",
        "weights",
        "licence",
        "bytes",
        "origin",
        "context_length",
        "created",
    )
    list_display = ("name", "engine", "licence", "bytes", "context_length", "short_digest")
    list_filter = ("engine", "licence")
    search_fields = ("name", "digest", "licence", "origin")
    search_help_text = "Name, digest, licence or origin"

    @admin.display(description="digest (SHA-256)")
    def weights(self, model: Any) -> str:
        """Of the weights file, whole."""
        return code(model.digest)

    @admin.display(description="size", ordering="size")
    def bytes(self, model: Any) -> str:
        """Of the weights file."""
        return str(filesizeformat(model.size))

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Where it is served."""
        return {"deployments": obj.deployments.select_related("node__site")}


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
    search_help_text = "Name"
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
        return code(bytes(node.public_key).hex())

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the node says of itself now."""
        life = look([obj.name])
        return super().beside(request, obj) | {
            "life": life,
            "says": life.of(obj.name),
            "since": life.since(obj.name),
            "deployments": obj.deployments.select_related("model"),
        }


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

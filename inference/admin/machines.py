"""Nodes: shown, switched off and on, and opened again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.editing import Switched
from compliance.admin.recording import SOURCE, actor
from compliance.admin.site import Panel, console
from compliance.audit.changes import recorded
from compliance.templatetags.console import badge, code, moment
from inference import enrolling
from inference.admin.life import look
from inference.admin.told import told
from inference.deploying import Foreman
from inference.models import Node


class OpenForm(forms.Form):
    """Why a closed node may be opened."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        help_text="What was wrong and what was done about it. It goes on the record.",
    )


@admin.register(Node, site=console)
class NodeAdmin(Switched):
    """Machines, and whether they are alive now."""

    noun = "node"
    section, rank = "Machines", 40
    change_form_template = "admin/node.html"
    fields = ("name", "site", "fingerprint", "standing", "proven", "created")
    list_display = ("name", "site", "alive", "standing", "proven", "created")
    list_filter = ("site", "active")
    list_select_related = ("site",)
    search_fields = ("name",)
    search_help_text = "Name"
    consequence = {
        False: "No further request is sent to this node, and its receipts are no longer"
        " accepted.",
        True: "Requests may be sent to this node, and its receipts are accepted.",
    }

    @admin.display(description="state", ordering="active")
    def standing(self, obj: Any) -> str:
        """Whether it gets requests: one that is closed gets none, however it is switched."""
        return badge("closed") if obj.closed else super().standing(obj)

    @admin.display(description="nothing gets out, as it proved", ordering="attested")
    def proven(self, node: Any) -> str:
        """When its canary last proved that."""
        return moment(node.attested) if node.attested else "never"

    @admin.display(description="now")
    def alive(self, node: Any) -> str:
        """In a word or two."""
        life = look([node.name])
        if not life.broker:
            return badge("unknown: no broker")
        return badge("alive" if life.of(node.name) else "silent")

    @admin.display(description="public key (Ed25519)")
    def fingerprint(self, node: Any) -> str:
        """The key that its receipts are signed with."""
        return code(bytes(node.public_key).hex())

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the node says of itself now."""
        life = look([obj.name])
        return super().beside(request, obj) | {
            "may_open": obj.closed is not None and self.has_right(request, "change"),
            "life": life,
            "signs": life.of(obj.name),
            "machine": told(obj),
            "placements": obj.placements.select_related("deployment__model"),
        }

    def _switch(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """What it served goes to other nodes of the site, and what they lack comes to it."""
        foreman = Foreman(obj.site, actor(request), SOURCE)
        with recorded():
            foreman.lock()
            answer = super()._switch(request, obj)
            foreman.again()
        return answer

    def get_urls(self) -> list[URLPattern]:
        """Django's, the switch, and the way to open a closed node."""
        view = self.admin_site.admin_view(self.open_view)
        return [path("<int:pk>/open/", view, name="open_node"), *super().get_urls()]

    @method_decorator(csrf_protect)
    def open_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then open a closed node again."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        node = self.found(request, pk)
        shown = HttpResponseRedirect(reverse("admin:inference_node_change", args=[pk]))
        form = OpenForm(request.POST or None)
        if node.closed is None:
            messages.info(request, f"{node} is not closed.")
            return shown
        if request.method == "POST" and form.is_valid():
            if enrolling.reopen(node, actor(request), form.cleaned_data["reason"]):
                messages.success(request, f"{node} is open again.")
            return shown
        title = f"Open {node} again?"
        return console.page(request, "admin/open_node.html", title, node=node, form=form)


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
        "silent": sum(not signs for _node, signs in rows),
    }
    return Panel(30, "Nodes", "admin/panels/nodes.html", context)

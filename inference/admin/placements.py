"""Which node serves which deployment: shown, and kept from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from compliance.admin.editing import Switched
from compliance.admin.recording import SOURCE, actor
from compliance.admin.site import Item, console
from compliance.audit.changes import recorded
from inference.deploying import Foreman
from inference.models import Placement


@admin.register(Placement, site=console)
class PlacementAdmin(Switched):
    """A page each; deployments and nodes lead there."""

    noun = "placement"
    section, rank = "Machines", 21
    fields = ("deployment", "node", "pinned", "standing", "created")
    list_display = ("deployment", "node", "pinned", "standing")
    list_filter = ("active", "node")
    list_select_related = ("deployment__model", "deployment__site", "node")
    consequence = {
        False: "No further request for this model is sent to this node, and it is not chosen"
        " for it again. Another node of the site takes its place if one can.",
        True: "Requests for this model may be sent to this node. It is chosen by you then, and"
        " not exchanged; if there is one replica too many, another node ends.",
    }

    def items(self) -> Iterable[Item]:
        """None of the navigation's."""
        return ()

    def _switch(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """What follows for the other nodes is in the same transaction."""
        foreman = Foreman(obj.deployment.site, actor(request), SOURCE)
        with recorded():
            foreman.lock()
            if request.POST.get("active") == "1" and not obj.active:
                Placement.objects.filter(pk=obj.pk).update(pinned=True)
            answer = super()._switch(request, obj)
            foreman.again(obj.deployment)
        return answer

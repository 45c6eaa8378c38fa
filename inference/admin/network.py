"""The overview's panel on what keeps data in: what the canaries of the nodes said last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from compliance.admin.site import Panel, console
from inference.models import Node

FRESH = dt.timedelta(hours=1)  # a canary speaks every few minutes
LAYERS = {
    "devices": "no device but loopback",
    "routes": "no route out",
    "filter": "a packet filter",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A node, how it stands in a word, and what holds it."""

    node: Node
    state: str
    said: dt.datetime | None
    held: str


@console.panel
def network(request: HttpRequest) -> Panel | None:
    """Whether anything can leave from where requests are answered."""
    if not request.user.has_perm("inference.view_node"):
        return None
    known = Node.objects.select_related("site", "canary").filter(active=True)
    rows = [_row(node, timezone.now()) for node in known]
    if not rows:
        return None
    context = {"rows": rows, "states": {row.state for row in rows}}
    return Panel(35, "Network", "admin/panels/network.html", context)


def _row(node: Node, now: dt.datetime) -> Row:
    canary = getattr(node, "canary", None)
    if canary is None:
        return Row(node, "closed" if node.closed else "nothing said", None, "")
    said = dt.datetime.fromtimestamp(canary.time / 1_000_000, dt.UTC)
    held = ", ".join(LAYERS.get(layer, layer) for layer in canary.layers.split())
    if node.closed:
        return Row(node, "closed", said, held)
    state = {"escaped": "got out", "unconfined": "not confined"}.get(canary.verdict, "confined")
    if state == "confined" and now - said > FRESH:
        state = "no news"
    return Row(node, state, said, held or canary.words)

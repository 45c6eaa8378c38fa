"""Lets a node serve a model."""

from __future__ import annotations

import time

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.vocabulary import Event
from inference.models import Deployment, Model, Node


def deploy(model: Model, node: Node, actor: str) -> bool:
    """False where the node is to serve it already, be it switched off or on."""
    with recorded():
        made, fresh = Deployment.objects.get_or_create(model=model, node=node)
        if fresh:
            detail = {"actor": actor, "model": model.name, "node": node.name}
            event = Event("deployment.created", time.time_ns() // 1000, detail)
            journal.record("command", [event], [made])
    return fresh

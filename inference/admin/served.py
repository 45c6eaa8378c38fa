"""Which models are registered and where they are served, for pages about policies."""

from __future__ import annotations

from compliance import registered
from compliance.admin import policy_world
from compliance.admin.policy_world import Served
from compliance.vocabulary import Serving
from inference.models import Deployment, Model
from inference.serving import publisher, servings


def served() -> list[Served]:
    """Every registered model, by name."""
    rows = Model.objects.order_by("name")
    return [Served(one.name, one.licence, publisher(one)) for one in rows]


def servers() -> dict[str, Serving]:
    """By model, the sites that serve it; nothing on the way to them is switched off."""
    return servings(Deployment.serving().select_related("model", "node__site"))


policy_world.provide(served)
registered.provide(servers)

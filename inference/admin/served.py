"""Which models are registered and where they are served, for pages about policies."""

from __future__ import annotations

from compliance import registered
from compliance.admin import policy_world
from compliance.admin.policy_world import Served
from compliance.vocabulary import Serving
from inference.models import Model, Placement
from inference.serving import of_weights, publisher, servings


def served() -> list[Served]:
    """Every registered model, by name."""
    rows = [(one.name, of_weights(one)) for one in Model.objects.select_related("base")]
    return [Served(name, one.licence, publisher(one)) for name, one in rows]


def servers() -> dict[str, Serving]:
    """By model, the sites that serve it; nothing on the way to them is switched off."""
    return servings(Placement.serving())


policy_world.provide(served)
registered.provide(servers)

"""Which models are registered, for the pages where policies are written."""

from __future__ import annotations

from compliance.admin import policy_world
from compliance.admin.policy_world import Served
from inference.models import Model
from inference.serving import publisher


def served() -> list[Served]:
    """Every registered model, by name."""
    rows = Model.objects.order_by("name")
    return [Served(one.name, one.licence, publisher(one)) for one in rows]


policy_world.provide(served)

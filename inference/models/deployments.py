"""Which model is served where."""

from __future__ import annotations

from django.db import models


class Deployment(models.Model):
    """A model served by a node."""

    model = models.ForeignKey(
        "inference.Model", on_delete=models.PROTECT, related_name="deployments"
    )
    node = models.ForeignKey(
        "inference.Node", on_delete=models.PROTECT, related_name="deployments"
    )
    queue_limit = models.PositiveIntegerField(
        default=256, help_text="Requests that may wait for it before callers get 429."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that no further request is sent to it."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "node"], name="one_deployment_per_node"),
        ]
        ordering = ["model__name", "node__name"]

    def __str__(self) -> str:
        return f"{self.model} on {self.node}"

"""Which model is served where."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


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

    @classmethod
    def serving(cls) -> models.QuerySet[Deployment]:
        """Those that may get requests.

        Nothing on the way to them is switched off or closed, and somebody accepted the licence
        of the model, and of the base where it is an adapter.
        """
        return cls.objects.filter(
            Q(model__kind="model") | Q(model__base__licence_accepted__isnull=False),
            active=True,
            node__active=True,
            node__closed=None,
            node__site__active=True,
            model__licence_accepted__isnull=False,
        )

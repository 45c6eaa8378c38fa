"""Which model is served at which site, and by which of its nodes."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from inference.models.models import Model

REPLICAS_MAX = 1000


class Deployment(models.Model):
    """A model is to be served by so many nodes of a site; `placing` says by which."""

    model = models.ForeignKey(
        "inference.Model", on_delete=models.PROTECT, related_name="deployments"
    )
    site = models.ForeignKey(
        "compliance.Site", on_delete=models.PROTECT, related_name="deployments"
    )
    replicas = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(REPLICAS_MAX)],
        help_text="How many nodes of the site are to serve it.",
    )
    queue_limit = models.PositiveIntegerField(
        default=256,
        help_text="Requests that may wait for it at each of its nodes before callers get 429.",
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that no further request is sent to it."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "site"], name="one_deployment_at_a_site"),
        ]
        ordering = ["model__name", "site__name"]

    def __str__(self) -> str:
        return f"{self.model} at {self.site.name}"


class Placement(models.Model):
    """A node that serves a deployment. It stands at the deployment's site.

    A `pinned` one was put on this node by a person; it stays there. One that a person
    deactivated is no replica, and its node is given none.
    """

    deployment = models.ForeignKey(
        "inference.Deployment", on_delete=models.PROTECT, related_name="placements"
    )
    node = models.ForeignKey(
        "inference.Node", on_delete=models.PROTECT, related_name="placements"
    )
    pinned = models.BooleanField(
        default=False, help_text="A person chose the node; it is not exchanged for another."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that this node serves the model no more."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "node"], name="one_placement_on_a_node"
            ),
        ]
        ordering = ["deployment__model__name", "node__name"]

    def __str__(self) -> str:
        return f"{self.model} on {self.node}"

    @property
    def model(self) -> Model:
        """What is served."""
        return self.deployment.model

    @classmethod
    def serving(cls) -> models.QuerySet[Placement]:
        """Those that may get requests, with what they are about.

        Nothing on the way to them is switched off or closed, and somebody accepted the licence
        of the model, and of the base where it is an adapter.
        """
        return cls.objects.filter(
            Q(deployment__model__kind=Model.Kind.MODEL)
            | Q(deployment__model__base__licence_accepted__isnull=False),
            active=True,
            deployment__active=True,
            node__active=True,
            node__closed=None,
            node__site=F("deployment__site"),
            node__site__active=True,
            deployment__model__licence_accepted__isnull=False,
        ).select_related("deployment__model__base", "node__site")

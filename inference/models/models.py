"""Open models that the appliance may serve."""

from __future__ import annotations

from django.db import models


class Model(models.Model):
    """A model's weights, known by their digest."""

    name = models.CharField(
        max_length=128, unique=True, help_text="The name that applications ask for."
    )
    engine = models.CharField(max_length=32, help_text="Engine that serves it, as in llamacpp.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the weights file.")
    size = models.BigIntegerField(help_text="Bytes of the weights file.")
    licence = models.CharField(max_length=64, help_text="SPDX identifier.")
    origin = models.CharField(max_length=256, help_text="Who published it, and where.")
    context_length = models.PositiveIntegerField(help_text="Tokens, prompt and answer.")
    eu_restriction = models.TextField(
        "restriction in the EU",
        blank=True,
        help_text="What its licence restricts in the European Union, and where it says so; "
        "empty where nothing is known. Rules of the policy may ask for it.",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

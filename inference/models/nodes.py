"""Machines that answer."""

from __future__ import annotations

from django.db import models


class Node(models.Model):
    """A machine at a site. It signs a receipt for every answer with its own key.

    `attested` is when it last proved that nothing gets out of its confinement. A `closed` one
    gets no requests until an operator has looked into `closed_reason` and opened it again.
    """

    name = models.SlugField(max_length=64, unique=True)
    site = models.ForeignKey("compliance.Site", on_delete=models.PROTECT, related_name="nodes")
    public_key = models.BinaryField(
        max_length=32, editable=False, help_text="Ed25519, 32 bytes; verifies its receipts."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that its receipts are no longer accepted."
    )
    attested = models.DateTimeField(null=True, editable=False)
    closed = models.DateTimeField(null=True, editable=False)
    closed_reason = models.TextField(blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

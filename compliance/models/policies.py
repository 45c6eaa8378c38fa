"""Versions of the policy."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class PolicyVersion(models.Model):
    """One version of the policy: canonical JSON that never changes once it is written.

    The active version is the one with `activated` set and `retired` empty; a partial unique
    index allows only one.
    """

    number = models.PositiveIntegerField(unique=True)
    document = models.TextField(help_text="Canonical JSON (RFC 8785).")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document.")
    note = models.CharField(max_length=256, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    activated = models.DateTimeField(null=True, blank=True)
    retired = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(activated__isnull=False, retired__isnull=True),
                name="one_active_policy",
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

"""Requests that wait, or waited, for a person's approval."""

from __future__ import annotations

from django.db import models


class Hold(models.Model):
    """A request that the policy held. Its id is the request's; its text is a `Content`.

    `binding` is the keyed digest of the canonical request: only the same request, sent again by
    the same application, may use the approval. It never says what was in it.
    """

    class State(models.TextChoices):
        """How it stands. One that waits or is approved ends by being used or in time."""

        WAITING = "waiting"
        APPROVED = "approved"
        DENIED = "denied"
        USED = "used"
        EXPIRED = "expired"

    request = models.CharField(max_length=32, primary_key=True)
    application = models.UUIDField()
    binding = models.CharField(max_length=64)
    rules = models.JSONField(help_text="Ids of the rules that held it.")
    asked = models.DateTimeField()
    expires = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    decided = models.DateTimeField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    used_by = models.CharField(max_length=32, blank=True, help_text="The request that used it.")

    class Meta:
        verbose_name = "held request"
        ordering = ["-asked"]
        indexes = [models.Index(fields=["state", "application"], name="hold_state")]
        permissions = [("decide_hold", "Can read held requests, and approve or deny them")]

    def __str__(self) -> str:
        return self.request


OPEN = (Hold.State.WAITING, Hold.State.APPROVED)
"""The states of a hold whose text lives."""

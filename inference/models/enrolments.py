"""Machines on their way to becoming nodes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class NodeEnrolment(models.Model):
    """One token for one machine, and what became of it. The token itself is kept nowhere.

    `challenge` is an X25519 private key for this one purpose: with it the appliance checks
    that who sends a site's public key holds the private one. The keys are those that the
    machine sent; they count for nothing until an operator has approved.
    """

    class State(models.TextChoices):
        """How far it has come."""

        OPEN = "open", "token not used"
        WAITING = "waiting", "waiting for approval"
        APPROVED = "approved", "approved"
        DECLINED = "declined", "declined"
        WITHDRAWN = "withdrawn", "token withdrawn"

    site = models.ForeignKey(
        "compliance.Site", on_delete=models.PROTECT, related_name="enrolments"
    )
    token = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the token, hex."
    )
    challenge = models.BinaryField(max_length=32, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    node = models.CharField(max_length=64, blank=True)
    node_key = models.BinaryField(max_length=32, default=b"", editable=False)
    site_key = models.BinaryField(max_length=32, default=b"", editable=False)
    model = models.CharField(max_length=128, blank=True)
    decided = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["node"], condition=Q(state="waiting"), name="one_waiting_node_of_a_name"
            ),
            models.UniqueConstraint(
                fields=["node_key"], condition=Q(state="waiting"), name="one_waiting_node_key"
            ),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.node} at {self.site.name}" if self.node else f"token for {self.site}"

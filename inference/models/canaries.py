"""What a node's canary last said."""

from __future__ import annotations

from django.db import models


class Canary(models.Model):
    """The newest report of a node's canary that is believed; one row for each node.

    A report that is not newer was heard before, or is played back. Times are microseconds since
    the Unix epoch, as the node says them, but for `recorded`.
    """

    node = models.OneToOneField(
        "inference.Node", on_delete=models.PROTECT, related_name="canary"
    )
    report = models.CharField(max_length=64, help_text="SHA-256 of the report, hex.")
    time = models.BigIntegerField(help_text="When it was made.")
    verdict = models.CharField(max_length=16, help_text="confined, escaped or unconfined.")
    layers = models.CharField(max_length=200, blank=True, help_text="What held it, by spaces.")
    words = models.CharField(max_length=300, blank=True, help_text="The same for people.")
    tries = models.PositiveIntegerField(help_text="How many were made.")
    unanswered = models.PositiveIntegerField(
        help_text="How many of them got no answer, which proves less than a refusal."
    )
    closed = models.BigIntegerField(
        default=0, help_text="The newest closing that the node said and that is on record."
    )
    recorded = models.BigIntegerField(help_text="Time of the newest event about it.")
    said = models.CharField(
        max_length=220, blank=True, help_text="Verdict and layers of the newest event."
    )

    def __str__(self) -> str:
        return f"the canary of {self.node}"

"""What the machine of a node last was, as far as that is on the record."""

from __future__ import annotations

from django.db import models


class Machine(models.Model):
    """The newest inventory of a node of which an event was made; one row for each node.

    Times are microseconds since the Unix epoch, `time` as the node says it.
    """

    node = models.OneToOneField(
        "inference.Node", on_delete=models.PROTECT, related_name="machine"
    )
    kind = models.CharField(max_length=64, help_text="SHA-256 of what rarely changes, hex.")
    time = models.BigIntegerField(help_text="When the inventory was made.")
    recorded = models.BigIntegerField(help_text="Time of the event.")

    def __str__(self) -> str:
        return f"the machine of {self.node}"

"""What engines a node last said it had started."""

from __future__ import annotations

from django.db import models


class EngineStart(models.Model):
    """The newest statement of a node about a model that is on record; one row for each.

    A statement that is not newer was recorded before, or is played back.
    """

    node = models.ForeignKey("inference.Node", on_delete=models.PROTECT, related_name="starts")
    model = models.CharField(max_length=128)
    statement = models.CharField(max_length=64, help_text="SHA-256 of the statement, hex.")
    started = models.BigIntegerField(help_text="Microseconds since the Unix epoch.")
    weights = models.CharField(max_length=64, help_text="SHA-256 of the weights, hex.")
    engine = models.CharField(max_length=64)
    recorded = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "model"], name="last_engine_start"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.node}"

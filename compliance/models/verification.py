"""Runs of "Verify the log" that the console started."""

from __future__ import annotations

from django.db import models


class Verification(models.Model):
    """One run: who asked, and what came out.

    `seen` moves while the run is alive, so that one whose process died is recognised.
    """

    class State(models.TextChoices):
        """How it stands."""

        RUNNING = "running"
        INTACT = "intact"
        BROKEN = "broken"
        FAILED = "failed"

    actor = models.CharField(max_length=150)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started = models.DateTimeField()
    seen = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    words = models.TextField(blank=True, help_text="The verdict, a sentence a line.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"verification {self.pk}: {self.state}"

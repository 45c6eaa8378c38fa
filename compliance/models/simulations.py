"""Replays of recorded facts against another policy."""

from __future__ import annotations

from django.db import models


class Simulation(models.Model):
    """One replay: which document against which, how far it is, and what came out.

    Both documents are copied here, so that what is shown stays what was asked for. Events with
    an `id` in `(cursor, last]` are still to be looked at. `claim` names the run of the worker
    that is at work; `seen` moves while it lives. `tally` is `policy.simulate.Tally`, written.
    """

    class State(models.TextChoices):
        """How it stands."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    actor = models.CharField(max_length=150)
    title = models.CharField(max_length=128, help_text="What was tried, as people say it.")
    document = models.TextField(help_text="Canonical JSON (RFC 8785).")
    digest = models.CharField(max_length=64)
    against = models.TextField(help_text="The document that was active, canonical JSON.")
    against_number = models.PositiveIntegerField()
    days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    claim = models.CharField(max_length=32, blank=True)
    begin = models.BigIntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    unreadable = models.BigIntegerField(default=0, help_text="Events without facts to replay.")
    tally = models.JSONField(default=dict)
    words = models.TextField(blank=True)
    asked = models.DateTimeField()
    seen = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"simulation {self.pk}: {self.state}"

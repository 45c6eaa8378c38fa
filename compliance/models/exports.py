"""Runs of exports, and what officers typed into packs."""

from __future__ import annotations

from django.db import models


class Export(models.Model):
    """One run: who asked for what, how far it is, and what came out.

    `seen` moves while the run is alive, so that one whose process died is begun again.
    """

    class State(models.TextChoices):
        """How it stands."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    actor = models.CharField(max_length=150)
    form = models.CharField(max_length=32, help_text="evidence, or the name of a pack.")
    scope = models.JSONField(help_text="What was asked for, as the form reads it.")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    step = models.CharField(max_length=64, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    asked = models.DateTimeField()
    seen = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(
        db_default=0, default=0, help_text="How often it was begun, without orderly stops."
    )
    finished = models.DateTimeField(null=True)
    file = models.CharField(max_length=128, blank=True)
    size = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file.")
    words = models.TextField(blank=True, help_text="What came out, a sentence a line.")
    removed = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"export {self.pk}: {self.form}, {self.state}"


class PackAnswer(models.Model):
    """What an officer typed into a field of a pack. Insert-only: the newest one counts."""

    pack = models.CharField(max_length=32)
    field = models.CharField(max_length=64)
    subject = models.CharField(max_length=64, blank=True, help_text="Which one, if many.")
    value = models.TextField()
    actor = models.CharField(max_length=150)
    time = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["pack", "field", "subject"], name="pack_answer")]

    def __str__(self) -> str:
        return f"{self.pack}: {self.field}"

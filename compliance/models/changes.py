"""Changes that no event speaks of, and alarms that nobody has looked into."""

from __future__ import annotations

from django.db import models


class Change(models.Model):
    """A change of a governed table, written by its trigger in the transaction that made it.

    The event that says so removes it in the same transaction; a row that is committed is a
    change that nobody recorded. `mark` is PostgreSQL's transaction id; 0 on SQLite.
    """

    table = models.CharField(max_length=63)
    verb = models.CharField(max_length=8)
    key = models.CharField(max_length=64, help_text="Of the row, dashes left out.")
    columns = models.TextField(blank=True, help_text="Names of those that an UPDATE changed.")
    mark = models.BigIntegerField(default=0)
    time = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.verb} {self.table} {self.key}"


class Alarm(models.Model):
    """Something that an officer must look into. One row of a kind and subject until then.

    `ended` is set where it is over by itself; `count` says how often it was raised.
    """

    kind = models.CharField(max_length=32, help_text="As in change.unrecorded.")
    subject = models.CharField(max_length=64, blank=True)
    words = models.TextField()
    count = models.PositiveIntegerField(default=1)
    first = models.DateTimeField()
    last = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    acknowledged = models.DateTimeField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(acknowledged__isnull=True),
                name="one_open_alarm",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".rstrip()


class Configuration(models.Model):
    """What a kind of process last recorded of its configuration, so that it is said once."""

    process = models.CharField(max_length=16, primary_key=True)
    document = models.TextField(help_text="Canonical JSON (RFC 8785).")
    recorded = models.DateTimeField()

    def __str__(self) -> str:
        return f"configuration of {self.process}"

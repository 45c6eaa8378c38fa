"""The log and its bookkeeping. Events and leaves are insert-only (by trigger)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from compliance.vocabulary import TERMINAL


class Event(models.Model):
    """One event: its entry (the leaf's bytes) and its detail, as the bytes committed to.

    A detail that a retention rule removed is NULL, and so is its key; nothing else of an event
    ever changes. `(source, epoch, seq)` counts each writer's events from 0 without gaps. `id`
    has no meaning; it exists because Django's admin cannot address a composite key.
    """

    source = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    type = models.CharField(max_length=48)
    time = models.DateTimeField()
    request = models.CharField(max_length=32, null=True)  # noqa: DJ001 - absent is not empty
    application = models.UUIDField(null=True)
    entry = models.BinaryField()
    detail = models.BinaryField(null=True)
    detail_key = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "epoch", "seq"], name="event_position"),
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(type__in=sorted(TERMINAL)),
                name="one_terminal_event",
            ),
        ]
        indexes = [
            models.Index(
                fields=["request"], condition=Q(request__isnull=False), name="event_request"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.source}/{self.epoch}/{self.seq}"


class Leaf(models.Model):
    """The place of an event in the Merkle log; `index` counts through all generations."""

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="leaf")

    def __str__(self) -> str:
        return f"entry {self.index}"


class LogHead(models.Model):
    """How far the notary has integrated. One row; `UPDATE … WHERE size = old` fences.

    `first` is the `Leaf.index` of the generation's entry 0; `size` counts this generation's.
    """

    generation = models.PositiveIntegerField(default=1)
    first = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    root = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.size} entries"


class WriterEpoch(models.Model):
    """A writer's life: its lease, and where its open requests begin.

    `open_from` is the seq of the oldest admitted request that has not ended. `next_seq` is
    used only by sources whose counter is a row (console, notary, command).
    """

    source = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    opened = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    closed = models.DateTimeField(null=True)
    open_from = models.BigIntegerField(default=0)
    next_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "epoch"], name="writer_epoch"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.epoch}"


class NotaryCursor(models.Model):
    """The next seq of `(source, epoch)` that the notary will integrate."""

    source = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    next_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "epoch"], name="notary_cursor"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.epoch} < {self.next_seq}"


class Generation(models.Model):
    """A generation of the log that has ended, because an older database was restored.

    `size` and `root` are what the database held of it; `checkpoint` is the last one signed,
    which may cover more: the lost range.
    """

    number = models.PositiveIntegerField(primary_key=True)
    first = models.BigIntegerField()
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    checkpoint = models.TextField()
    ended = models.DateTimeField()
    reason = models.TextField()

    def __str__(self) -> str:
        return f"generation {self.number}"


class Pruning(models.Model):
    """A permit to remove details, written with the event that says so. Insert-only.

    Covers the events with `Leaf.index` in `[begin, end)` of `application`, or of none where
    that is NULL, that happened before `before`.
    """

    begin = models.BigIntegerField()
    end = models.BigIntegerField()
    application = models.UUIDField(null=True)
    before = models.DateTimeField()
    count = models.PositiveIntegerField()
    pruned = models.DateTimeField()

    def __str__(self) -> str:
        return f"details of [{self.begin}, {self.end}) before {self.before}"

"""Witnesses: logs that this appliance watches over, and witnesses that watch over its log."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from compliance.audit import checkpoint, cosignature
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.merkle import EMPTY_ROOT

NAME_MAX = 255


def check_log_keys(text: str) -> None:
    """A verifier key a line, all of one log; raises `ValidationError` that names the line."""
    names = set()
    for number, line in enumerate(text.split(), 1):
        try:
            names.add(checkpoint.parse_verifier_key(line)[0])
        except CheckpointInvalid as error:
            raise ValidationError(f"Line {number}: {error}") from error
    if len(names) > 1:
        raise ValidationError("These keys are of different logs; register each by itself.")


def check_witness_key(text: str) -> None:
    """A witness's verifier key; raises `ValidationError`."""
    try:
        cosignature.parse_verifier_key(text.strip())
    except CheckpointInvalid as error:
        raise ValidationError(str(error)) from error


class WitnessedLog(models.Model):
    """A log whose checkpoints this appliance cosigns, and the last one that it did.

    An officer says what is above; from `size` on it is the witness's own, changed only by
    comparing with what it was. A smaller checkpoint never takes the place of a larger one.
    """

    origin = models.CharField(max_length=NAME_MAX, unique=True, editable=False)
    verifier_keys = models.TextField(
        "verifier keys of the log",
        validators=[check_log_keys],
        help_text="As the other organisation gives them to you, by another way than the log "
        "itself; a line each, the newest last.",
    )
    note = models.CharField(
        max_length=200, blank=True, help_text="Whose log it is, and whom to ask about it."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it to cosign no more; what was seen stays known."
    )
    size = models.BigIntegerField(default=0, editable=False)
    root = models.BinaryField(max_length=32, default=EMPTY_ROOT)
    checkpoint = models.TextField(blank=True, editable=False)
    cosigned = models.DateTimeField(null=True, editable=False)
    told = models.DateTimeField(null=True, editable=False)
    untold = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return self.origin


class Witness(models.Model):
    """A witness of this appliance's log. Without an address it is asked by file.

    From `asked` on it is what came of asking. `conflict` says in words what the witness knows
    that contradicts generation `conflict_generation` of the log. Where it is proven, how many
    entries the witness has cosigned is `conflict_size`, and the log is not signed then.
    """

    name = models.CharField(max_length=NAME_MAX, unique=True, editable=False)
    verifier_key = models.CharField(
        "verifier key",
        max_length=2 * NAME_MAX,
        validators=[check_witness_key],
        help_text="As the witness gives it to you: name+id+key, in one line.",
    )
    address = models.CharField(
        max_length=500,
        blank=True,
        help_text="One of the addresses that this appliance may call (DOMICILE_WITNESSES); "
        "none where cosignatures come by file.",
    )
    site = models.ForeignKey(
        "compliance.Site",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="witnesses",
        help_text="The site at which this witness stands, if it stands at one.",
    )
    active = models.BooleanField(
        default=True, help_text="Clear it to ask no more, and to heed no more what it knows."
    )
    wanted = models.DateTimeField(null=True, editable=False)
    asked = models.DateTimeField(null=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    generation = models.PositiveIntegerField(default=1, editable=False)
    size = models.BigIntegerField(default=0, editable=False)
    cosigned = models.DateTimeField(null=True, editable=False)
    conflict = models.TextField(blank=True, editable=False)
    conflict_generation = models.PositiveIntegerField(null=True, editable=False)
    conflict_size = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "witnesses"

    def __str__(self) -> str:
        return self.name


class Cosignature(models.Model):
    """A witness's signature line under a checkpoint of this log, verified when it came.

    `note` is the checkpoint as it was sent, with the log's own signatures.
    """

    witness = models.ForeignKey(Witness, on_delete=models.PROTECT, related_name="cosignatures")
    generation = models.PositiveIntegerField()
    size = models.BigIntegerField()
    note = models.TextField()
    line = models.TextField()
    time = models.DateTimeField(help_text="That the witness signed.")

    class Meta:
        ordering = ["-generation", "-size"]
        constraints = [
            models.UniqueConstraint(
                fields=["witness", "generation", "size"], name="one_cosignature"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.witness} at {self.size}"


class WitnessPolicy(models.Model):
    """Which witnesses must have cosigned (C2SP tlog-policy); the newest counts. Insert-only."""

    text = models.TextField()
    actor = models.CharField(max_length=150)
    time = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "witness policies"

    def __str__(self) -> str:
        return f"witness policy {self.pk}"

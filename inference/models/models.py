"""Open models that the appliance may serve."""

from __future__ import annotations

from django.db import models


class Model(models.Model):
    """A model or an adapter of one, known by the digest of its weights.

    `manifest` is what was signed when it was imported (`registry.manifest`); empty for a model
    that came with the appliance. What was derived from another says so: `base` where that is
    registered here, `derived_from` in words. No model serves before an officer accepted its
    licence.
    """

    class Kind(models.TextChoices):
        """Whether it stands on its own."""

        MODEL = "model", "model"
        ADAPTER = "adapter", "adapter (LoRA)"

    class Task(models.TextChoices):
        """What it is asked for."""

        CHAT = "chat", "chat"
        EMBEDDINGS = "embeddings", "embeddings"

    class Method(models.TextChoices):
        """How it was derived from another."""

        NONE = "none", "not derived"
        QUANTISED = "quantised", "quantised"
        FINE_TUNED = "fine-tuned", "fine-tuned"
        MERGED = "merged", "merged"
        ADAPTER = "adapter", "an adapter"

    name = models.CharField(
        max_length=128, unique=True, help_text="The name that applications ask for."
    )
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.MODEL)
    task = models.CharField(max_length=16, choices=Task, default=Task.CHAT)
    base = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="derived"
    )
    engine = models.CharField(max_length=32, help_text="Engine that serves it, as in llamacpp.")
    digest = models.CharField(
        max_length=64,
        help_text="SHA-256 of the manifest, or of the weights file of one that came with the "
        "appliance.",
    )
    size = models.BigIntegerField(help_text="Bytes of its files.")
    licence = models.CharField(max_length=64, help_text="SPDX identifier.")
    licence_text = models.TextField(blank=True, help_text="The whole text, as it came.")
    licence_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of that.")
    licence_accepted = models.DateTimeField(
        null=True, editable=False, help_text="Empty: nobody accepted it, and it serves nobody."
    )
    licence_accepted_by = models.CharField(max_length=150, blank=True, editable=False)
    origin = models.CharField(max_length=256, help_text="Who published it, and where.")
    context_length = models.PositiveIntegerField(help_text="Tokens, prompt and answer.")
    architecture = models.CharField(
        max_length=256, blank=True, help_text="As its own files say."
    )
    quantisation = models.CharField(
        max_length=64, blank=True, help_text="As its own files say; empty: none."
    )
    derived_from = models.CharField(
        max_length=256, blank=True, help_text="Name of the model that it was made from."
    )
    method = models.CharField(max_length=16, choices=Method, default=Method.NONE)
    lineage_note = models.TextField(
        blank=True, help_text="On what data, by whom; what was said when it was imported."
    )
    manifest = models.TextField(blank=True, editable=False)
    eu_restriction = models.TextField(
        "restriction in the EU",
        blank=True,
        help_text="What its licence restricts in the European Union, and where it says so; "
        "empty where nothing is known. Rules of the policy may ask for it.",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

"""Contents: kept beside the log, encrypted, until they expire or are erased."""

from __future__ import annotations

from django.db import models


class ContentBucket(models.Model):
    """One of 256 bucket keys, which lie outside of this database; here is only its generation.

    Whoever stores content checks the generation in the same transaction, and whoever erases
    raises it, so that nothing is wrapped under a key that is being destroyed.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"bucket {self.number}, generation {self.generation}"


class Content(models.Model):
    """The prompt or the output of a request, as ciphertext.

    `wrapped` is the data key under the bucket's key of that generation (RFC 3394, 40 bytes);
    `data` is nonce and AES-256-GCM ciphertext of commitment key and text.
    """

    request = models.CharField(max_length=32)
    part = models.CharField(max_length=8)
    application = models.UUIDField(null=True)
    bucket = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField()
    wrapped = models.BinaryField(max_length=40)
    data = models.BinaryField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "part"], name="content_part"),
        ]
        indexes = [models.Index(fields=["bucket"], name="content_bucket")]
        permissions = [
            ("erase_content", "Can erase kept content"),
            ("disclose_content", "Can read kept content"),
        ]

    def __str__(self) -> str:
        return f"{self.part} of {self.request}"


class ContentSubject(models.Model):
    """That a request's content may be about a person, by blind index (HMAC-SHA-256, hex)."""

    request = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "request"], name="content_subject"),
        ]
        indexes = [models.Index(fields=["request"], name="content_request")]

    def __str__(self) -> str:
        return self.request


class Erasure(models.Model):
    """What was asked to be erased, and how far it came. It outlives what it erased.

    After a restore the ones that are done are done again, because the backup may hold what
    they had destroyed.
    """

    class Kind(models.TextChoices):
        """By what it was found."""

        SUBJECT = "subject"
        REQUEST = "request"
        EXPIRY = "expiry"

    class State(models.TextChoices):
        """How it stands."""

        ASKED = "asked"
        DONE = "done"

    kind = models.CharField(max_length=8, choices=Kind)
    subject = models.CharField(max_length=64, blank=True, help_text="Blind index, hex.")
    request = models.CharField(max_length=32, blank=True)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    asked = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    requests = models.PositiveIntegerField(default=0)
    certificate = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"erasure {self.pk}: {self.state}"

"""Versions of the policy, their drafts, and what people signed about them.

What makes a version count is signatures (`compliance.versions`), never a column here.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

NOTE_MAX = 256
NAME_MAX = 150  # characters of a user's name, as Django has it


class PolicyVersion(models.Model):
    """One version of the policy: canonical JSON that never changes once it is written.

    `activated` and `retired` say what the notary recorded; nobody decides by them. A partial
    unique index allows one row that was activated and is not retired.
    """

    number = models.PositiveIntegerField(unique=True)
    document = models.TextField(help_text="Canonical JSON (RFC 8785).")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document.")
    note = models.CharField(max_length=NOTE_MAX, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    activated = models.DateTimeField(null=True, blank=True)
    retired = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(activated__isnull=False, retired__isnull=True),
                name="one_active_policy",
            )
        ]
        permissions = [
            ("propose_policyversion", "Can propose versions of the policy, and tighten it"),
            ("approve_policyversion", "Can approve versions of the policy, and tighten it"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class PolicyDraft(models.Model):
    """A policy that somebody writes. It counts for nothing until it is proposed.

    `revision` goes up by one with each save, so that nobody overwrites what they have not
    seen. `version` is what it was proposed as.
    """

    class State(models.TextChoices):
        """How it stands."""

        OPEN = "open"
        PROPOSED = "proposed"
        DISCARDED = "discarded"

    document = models.TextField(help_text="JSON.")
    note = models.CharField(max_length=NOTE_MAX, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="policy_drafts"
    )
    based_on = models.ForeignKey(
        PolicyVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="drafts"
    )
    revision = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    version = models.ForeignKey(
        PolicyVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="written_as",
    )
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated"]

    def __str__(self) -> str:
        return f"draft {self.pk}"


class PolicySignature(models.Model):
    """A signed statement about a version, of one kind at most once. Insert-only.

    `statement` is canonical JSON; `signature` is Ed25519 in hex, empty for a refusal, which
    nobody need sign because it lets nothing happen.
    """

    class Kind(models.TextChoices):
        """What is said, as it is called in the signed bytes."""

        INSTALLED = "policy-installed"
        PROPOSAL = "policy-proposal"
        APPROVAL = "policy-approval"
        TIGHTENING = "policy-tightening"
        WITHDRAWAL = "policy-withdrawal"
        DECLINE = "policy-decline"

    version = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, related_name="signatures"
    )
    kind = models.CharField(max_length=20, choices=Kind)
    statement = models.TextField()
    signature = models.CharField(max_length=128, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "kind"], name="said_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.version}"


class ApprovalKey(models.Model):
    """A person's key for proposing or for approving, sealed under the person's password.

    `statement` and `signature` certify it; while they are empty it waits for somebody to
    endorse it. `sealed` is nonce and AES-256-GCM ciphertext of the private key, `salt` the
    one that the password's Argon2id derivation takes.
    """

    class Role(models.TextChoices):
        """The one thing that it signs."""

        PROPOSE = "propose"
        APPROVE = "approve"

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approval_keys"
    )
    role = models.CharField(max_length=7, choices=Role)
    public_key = models.CharField(max_length=64, unique=True, help_text="Ed25519, hex.")
    sealed = models.BinaryField(editable=False)
    salt = models.BinaryField(editable=False)
    statement = models.TextField(blank=True)
    signature = models.CharField(max_length=128, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    revoked = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=NOTE_MAX, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(revoked__isnull=True), name="one_key_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"key of {self.person} to {self.role}"

"""Applications and the keys they call with."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

DAYS_MAX = 3_660  # ten years
KEY_SCHEME = "dom"
PREFIX_LENGTH = 12


class LegalBasis(models.TextChoices):
    """GDPR Article 6(1), by letter."""

    CONSENT = "6-1-a", "Consent, Art. 6(1)(a)"
    CONTRACT = "6-1-b", "Contract, Art. 6(1)(b)"
    LEGAL_OBLIGATION = "6-1-c", "Legal obligation, Art. 6(1)(c)"
    VITAL_INTERESTS = "6-1-d", "Vital interests, Art. 6(1)(d)"
    PUBLIC_TASK = "6-1-e", "Public task, Art. 6(1)(e)"
    LEGITIMATE_INTERESTS = "6-1-f", "Legitimate interests, Art. 6(1)(f)"


def _label_key() -> bytes:
    return secrets.token_bytes(32)


class Application(models.Model):
    """A client of the API: what it is for, who answers for it, and how much it may ask."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(
        max_length=64,
        unique=True,
        help_text="Short name in lower case, as policies and the log show it.",
    )
    purpose = models.TextField(
        help_text="Why this application processes data, as in your record of processing."
    )
    legal_basis = models.CharField(
        max_length=8, choices=LegalBasis, help_text="Ground under GDPR Article 6(1)."
    )
    ropa_reference = models.CharField(
        "RoPA reference",
        max_length=128,
        help_text="Entry in the record of processing activities (GDPR Art. 30).",
    )
    data_categories = models.JSONField(
        "categories of data",
        default=list,
        blank=True,
        help_text="The categories of data that it declares to process.",
    )
    subject_countries = models.JSONField(
        "countries of the data subjects",
        default=list,
        blank=True,
        help_text="Where the people live whose data it processes: ISO 3166-1 alpha-2 codes.",
    )
    owner = models.CharField(
        max_length=128, help_text="Unit or person who answers for this application."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it to refuse every call of this application."
    )
    requests_per_minute = models.PositiveIntegerField(
        default=600, help_text="Requests it may send in a minute; 0 for no limit."
    )
    tokens_per_minute = models.PositiveIntegerField(
        default=200_000, help_text="Tokens, prompt and answer, in a minute; 0 for no limit."
    )
    concurrent_requests = models.PositiveIntegerField(
        default=64, help_text="Requests being answered at the same time; 0 for no limit."
    )
    content_days = models.PositiveSmallIntegerField(
        "keep content for days",
        default=0,
        validators=[MaxValueValidator(DAYS_MAX)],
        help_text="Days for which prompts and answers are kept, encrypted; 0 keeps none. The "
        "policy may ask for less.",
    )
    details_days = models.PositiveSmallIntegerField(
        "keep details for days",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(DAYS_MAX)],
        help_text="Days after which the details of its events are removed; the log's entries "
        "stay. Empty: kept for ever, unless the policy says otherwise.",
    )
    high_risk = models.BooleanField(
        "high-risk AI system",
        default=False,
        help_text="Used in a high-risk AI system: its logs are kept for six months at least "
        "(AI Act, Art. 19(1) and 26(6)). The floor never applies to content.",
    )
    retention_reason = models.TextField(
        "legal reason for shorter retention",
        blank=True,
        help_text="Which law demands less than six months, if one does. It goes on the record.",
    )
    label_key = models.BinaryField(default=_label_key, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class APIKey(models.Model):
    """A secret an application calls with. Only its SHA-256 is stored.

    The secret part has 256 random bits, so a fast hash is enough: there is nothing to guess
    (NIST SP 800-63B, 5.1.1.2 asks for slow hashes where people choose the secret).
    """

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="api_keys"
    )
    prefix = models.CharField(max_length=PREFIX_LENGTH, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    note = models.CharField(
        max_length=128, blank=True, help_text="Where this key is used, for people."
    )
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(
        null=True, blank=True, help_text="After this time the key is refused. Empty: never."
    )
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{KEY_SCHEME}_{self.prefix}_…"

    @classmethod
    def issue(
        cls, application: Application, *, note: str = "", expires: datetime | None = None
    ) -> tuple[APIKey, str]:
        """A new key of `application`, saved, and its plaintext, which is kept nowhere."""
        prefix = secrets.token_hex(PREFIX_LENGTH // 2)
        plaintext = f"{KEY_SCHEME}_{prefix}_{secrets.token_urlsafe(32)}"
        key = cls.objects.create(
            application=application,
            prefix=prefix,
            digest=hashlib.sha256(plaintext.encode()).hexdigest(),
            note=note,
            expires=expires,
        )
        return key, plaintext

"""Where a request may be processed."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models


class Site(models.Model):
    """A place with machines. A clearance for a site opens only with that site's key."""

    name = models.SlugField(max_length=64, unique=True)
    country = models.CharField(
        max_length=2,
        validators=[RegexValidator(r"^[A-Z]{2}\Z", "Two capital letters, as in DE.")],
        help_text="ISO 3166-1 alpha-2 code of the country in which the machines stand.",
    )
    operator = models.CharField(
        max_length=128,
        blank=True,
        help_text="Who runs the machines there, as policies name it.",
    )
    certifications = models.JSONField(
        default=list,
        blank=True,
        help_text="What the site is certified for, as policies name it, such as ISO 27001.",
    )
    public_key = models.BinaryField(
        max_length=32, editable=False, help_text="X25519, 32 bytes (RFC 9180)."
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that no further request is sent there."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.country})"

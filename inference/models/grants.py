"""Which application may use which adapter."""

from __future__ import annotations

from django.db import models


class AdapterGrant(models.Model):
    """One application's permission to use one adapter.

    Without it the adapter does not exist for the application: an adapter knows what it was
    trained on, which may be nobody else's business.
    """

    application = models.ForeignKey(
        "compliance.Application", on_delete=models.PROTECT, related_name="adapter_grants"
    )
    adapter = models.ForeignKey(
        "inference.Model", on_delete=models.PROTECT, related_name="grants"
    )
    active = models.BooleanField(
        default=True, help_text="Clear it so that the application may use it no more."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "adapter"], name="one_grant_of_an_adapter"
            ),
        ]
        ordering = ["adapter__name", "application__name"]
        verbose_name = "permission for an adapter"
        verbose_name_plural = "permissions for adapters"

    def __str__(self) -> str:
        return f"{self.adapter} for {self.application}"

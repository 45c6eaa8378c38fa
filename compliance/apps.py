"""Django's entry for the compliance app."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """Policies, applications and the record."""

    name = "compliance"
    verbose_name = "Compliance"
    default_auto_field = "django.db.models.BigAutoField"

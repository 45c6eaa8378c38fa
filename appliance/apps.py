"""Django's entry for the project's own commands."""

from django.apps import AppConfig


class ApplianceConfig(AppConfig):
    """Joins compliance and inference."""

    name = "appliance"

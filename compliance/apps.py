"""Django's entry for the compliance app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    """Policies, applications and the record."""

    name = "compliance"
    verbose_name = "Compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance.audit import (  # noqa: PLC0415 - needs the models
            capture,
            retention,
            triggers,
        )
        from compliance.audit.installation import install  # noqa: PLC0415
        from compliance.versions import load  # noqa: PLC0415

        triggers.provide(capture.triggers)
        retention.judge_by(load.unsound)
        post_migrate.connect(install, sender=self)

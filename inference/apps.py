"""Django's entry for the inference app."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Models, nodes and deployments."""

    name = "inference"
    verbose_name = "Inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance.audit import triggers  # noqa: PLC0415 - needs the settings

        triggers.watch("inference_deployment", "inference_model", "inference_node")

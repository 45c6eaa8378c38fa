"""Django's entry for the inference app."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Models, nodes and deployments."""

    name = "inference"
    verbose_name = "Inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance.audit import capture, triggers  # noqa: PLC0415 - needs the settings

        governed = ("inference_deployment", "inference_model", "inference_node")
        triggers.watch(*governed, "compliance_witness")  # what it cosigned is a fact of rules
        capture.govern(*governed, "inference_nodeenrolment")

"""Django's entry for the inference app."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Models, nodes and deployments."""

    name = "inference"
    verbose_name = "Inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance.audit import capture, triggers  # noqa: PLC0415 - needs the settings

        governed = (
            *("inference_adaptergrant", "inference_deployment", "inference_model"),
            "inference_placement",
        )
        watched = (*governed, "inference_node", "compliance_witness")  # facts of rules
        triggers.watch(*watched)
        capture.govern(*governed, "inference_nodeenrolment")
        capture.govern("inference_node", ignored=("attested",))  # a proof each few minutes

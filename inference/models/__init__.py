"""What inference stores: nodes and models, which serves which, and what nodes said last."""

from inference.models.canaries import Canary
from inference.models.deployments import Deployment, Placement
from inference.models.enrolments import NodeEnrolment
from inference.models.grants import AdapterGrant
from inference.models.machines import Machine
from inference.models.models import Model
from inference.models.nodes import Node
from inference.models.starts import EngineStart

__all__ = [
    "AdapterGrant",
    "Canary",
    "Deployment",
    "EngineStart",
    "Machine",
    "Model",
    "Node",
    "NodeEnrolment",
    "Placement",
]

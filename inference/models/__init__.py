"""What inference stores: Node, Model, Deployment, EngineStart, NodeEnrolment."""

from inference.models.deployments import Deployment
from inference.models.enrolments import NodeEnrolment
from inference.models.models import Model
from inference.models.nodes import Node
from inference.models.starts import EngineStart

__all__ = ["Deployment", "EngineStart", "Model", "Node", "NodeEnrolment"]

"""What inference stores: Node, Model, Deployment."""

from inference.models.deployments import Deployment
from inference.models.models import Model
from inference.models.nodes import Node

__all__ = ["Deployment", "Model", "Node"]

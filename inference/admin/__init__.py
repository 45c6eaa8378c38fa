"""What the console shows of the machines.

machines     models, nodes and deployments
life         which nodes are alive, as they say in the broker
receipts     whether a node signed what a request's story says
"""

from inference.admin import machines, receipts

__all__ = ["machines", "receipts"]

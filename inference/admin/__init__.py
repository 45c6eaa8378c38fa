"""What the console shows of the machines.

machines     models, nodes and deployments
life         which nodes are alive, as they say in the broker
receipts     whether a node signed what a request's story says
served       the models that rules of a policy can name
"""

from inference.admin import machines, receipts, served

__all__ = ["machines", "receipts", "served"]

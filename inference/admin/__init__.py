"""What the console shows of the machines.

machines     models, nodes and deployments
life         which nodes are alive, as they say in the broker
network      whether anything can leave the nodes, as their canaries say
receipts     whether a node signed what a request's story says
served       the models that rules of a policy can name
"""

from inference.admin import machines, network, receipts, served

__all__ = ["machines", "network", "receipts", "served"]

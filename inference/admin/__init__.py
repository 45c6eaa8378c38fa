"""What the console shows of the machines.

machines     models, nodes and deployments
enrolments   tokens, and the machines that came with them
life         which nodes are alive, as they say in the broker
network      whether anything can leave the nodes, as their canaries say
receipts     whether a node signed what a request's story says
served       the models that rules of a policy can name
"""

from inference.admin import enrolments, machines, network, receipts, served

__all__ = ["enrolments", "machines", "network", "receipts", "served"]

"""What the console shows of the machines.

models       what may be served, by every byte, and whose licence was accepted
catalogue    models that there are to be had, and the machines that they fit
deployments  which model is to be served at which site, and by how many nodes
placements   by which nodes it is
machines     nodes
enrolments   tokens, and the machines that came with them
grants       which application may use which adapter
life         which nodes are alive, as they say in the broker
network      whether anything can leave the nodes, as their canaries say
receipts     whether a node signed what a request's story says
served       the models that rules of a policy can name
"""

from inference.admin import (
    catalogue,
    deployments,
    enrolments,
    grants,
    machines,
    models,
    network,
    placements,
    receipts,
    served,
)

__all__ = [
    "catalogue",
    "deployments",
    "enrolments",
    "grants",
    "machines",
    "models",
    "network",
    "placements",
    "receipts",
    "served",
]

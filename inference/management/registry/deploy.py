"""`manage.py models deploy`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from compliance.audit.changes import recorded
from compliance.management.person import actor
from compliance.models import Site
from inference import lately
from inference.deploying import Foreman, standing
from inference.management.registry import house
from inference.models import Deployment, Node
from inference.models.deployments import REPLICAS_MAX

HELP = "let nodes of a site serve a model"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, where, and by how many."""
    parser.add_argument("name")
    parser.add_argument(
        "--site", default="", help="By nodes of this site where its files lie and room is."
    )
    parser.add_argument(
        "--replicas", type=int, help="By how many. Default: as many as now, or one."
    )
    parser.add_argument(
        "--node",
        default="",
        help="By this node at any rate. Default, without --site: this machine's.",
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Place it, and say how it stands; the same again places what could not be placed."""
    row = house.registered(options["name"])
    replicas = options["replicas"]
    if replicas is not None and not 1 <= replicas <= REPLICAS_MAX:
        raise CommandError(f"--replicas is between 1 and {REPLICAS_MAX}.")
    node = _node(options["node"] or ("" if options["site"] else settings.DOMICILE.node))
    site = house.site(options["site"]) if options["site"] else _of(node)
    if node is not None and node.site != site:
        raise CommandError(f"{node} stands at {node.site.name}, not at {site.name}.")
    foreman = Foreman(site, actor(), "command")
    with recorded():
        if node is None:
            foreman.deploy(row, replicas)
        else:
            foreman.pin(row, node, replicas)
    made = Deployment.objects.get(model=row, site=site)
    nodes = ", ".join(made.placements.filter(active=True).values_list("node__name", flat=True))
    if nodes:
        out.write(f"{nodes} {'are' if ', ' in nodes else 'is'} to serve {row}.")
    out.write(f"{made}: {standing(made, lately.said(site.nodes.all())).words}")
    if node is not None and made.placements.filter(node=node, active=False).exists():
        out.write(f"A person keeps {node} from {row}; activate its placement in the console.")
    if not made.active:
        out.write("The deployment is deactivated; activate it in the console.")
    if row.licence_accepted is None:
        out.write("Nobody has accepted its licence: until then nothing is sent to it.")


def _node(name: str) -> Node | None:
    if not name:
        return None
    found = Node.objects.select_related("site").filter(name=name).first()
    if found is None:
        known = ", ".join(Node.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"No node {name!r} is enrolled; there is {known}.")
    return found


def _of(node: Node | None) -> Site:
    if node is None:
        raise CommandError("Say at which site: --site, or which node of it: --node.")
    return node.site

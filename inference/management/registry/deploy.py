"""`manage.py models deploy`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from compliance.management.person import actor
from inference import deploying
from inference.management.registry import house
from inference.models import Node

HELP = "let a node serve a model"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, and where."""
    parser.add_argument("name")
    parser.add_argument("--node", default="", help="Default: this machine's node.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Say so on the record; an officer must have accepted the licence before it serves."""
    row = house.registered(options["name"])
    wanted = options["node"] or settings.DOMICILE.node
    node = Node.objects.filter(name=wanted).first()
    if node is None:
        known = ", ".join(Node.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"No node {wanted!r} is enrolled; there is {known}.")
    if not deploying.deploy(row, node, actor()):
        raise CommandError(f"{node} is to serve {row} already; see Deployments in the console.")
    out.write(f"{node} is to serve {row}.")
    if row.licence_accepted is None:
        out.write("Nobody has accepted its licence: until then nothing is sent to it.")

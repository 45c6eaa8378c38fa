"""`manage.py models show`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from inference import deploying, lately
from inference.management.registry import house
from inference.models import Node

HELP = "say what is known of a model, with its files"


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument("name")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """A line each."""
    row = house.registered(options["name"])
    accepted = "by nobody"
    if row.licence_accepted:
        accepted = f"{row.licence_accepted:%Y-%m-%d %H:%M} UTC by {row.licence_accepted_by}"
    said = {
        "name": row.name,
        "kind": row.get_kind_display(),
        "task": row.task,
        "engine": row.engine,
        "digest": row.digest,
        "bytes": row.size,
        "architecture": row.architecture,
        "quantisation": row.quantisation,
        "context": f"{row.context_length} tokens",
        "origin": row.origin,
        "licence": row.licence,
        "licence accepted": accepted,
        "restriction in the EU": row.eu_restriction,
        "made from": row.derived_from,
        "method": row.get_method_display() if row.derived_from else "",
        "note": row.lineage_note,
    }
    for name, value in said.items():
        if value:
            out.write(f"{name}: {value}")
    heard = lately.said(Node.objects.all())
    for one in row.deployments.select_related("model__base", "site"):
        nodes = ", ".join(one.placements.values_list("node__name", flat=True)) or "no node"
        out.write(f"at {one.site.name}: {nodes}; {deploying.standing(one, heard).words}")
    if row.manifest:
        manifest = json.loads(row.manifest)
        for key, value in manifest["options"].items():
            out.write(f"option: {key}={value}")
        for file in manifest["files"]:
            out.write(f"file: {file['sha256']}  {file['size']:>14}  {file['path']}")

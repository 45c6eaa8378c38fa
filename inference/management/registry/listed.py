"""`manage.py models list`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper
from django.template.defaultfilters import filesizeformat

from inference.models import Model

HELP = "list the models that are registered"
_FORM = "{:<32} {:<10} {:<9} {:>10}  {:<22} {}"


def add_arguments(_parser: ArgumentParser) -> None:
    """None."""


def handle(_options: Mapping[str, Any], out: OutputWrapper) -> None:
    """A line each."""
    out.write(_FORM.format("name", "task", "engine", "size", "licence", "nodes"))
    for row in Model.objects.prefetch_related("deployments__placements__node"):
        licence = row.licence if row.licence_accepted else f"{row.licence}, NOT accepted"
        nodes = ", ".join(
            str(placed.node)
            for one in row.deployments.all()
            for placed in one.placements.all()
            if one.active and placed.active
        )
        size = str(filesizeformat(row.size)).replace("\xa0", " ")
        line = _FORM.format(row.name, row.task, row.engine, size, licence, nodes or "none")
        out.write(line.rstrip())

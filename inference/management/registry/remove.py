"""`manage.py models remove`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from compliance.management.person import actor
from inference import removing
from inference.management.registry import house

HELP = "take a model out of the registry, and its files off this machine"


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument("name")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Remove it; what requests said of it stays on the record."""
    row = house.registered(options["name"])
    try:
        removing.remove(row, house.models(), actor())
    except removing.Needed as error:
        raise CommandError(str(error)) from error
    out.write(f"{row.name} is removed. Nodes keep their copies until you remove those.")

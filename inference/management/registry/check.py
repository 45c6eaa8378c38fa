"""`manage.py models verify`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from inference.management.registry import house
from inference.management.registry.progress import Shown
from inference.registry import ModelUnknown, held
from inference.registry.imported import Imported

HELP = "read every byte of a model, and hold it against what was registered"


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument("name")
    parser.add_argument("--progress", action="store_true", help="Say how far it is.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Check it as a worker does before each start."""
    row = house.registered(options["name"])
    try:
        entry = held(row.name, house.models(), house.gateways())
    except ModelUnknown as error:
        raise CommandError(str(error)) from error
    if options["progress"] and isinstance(entry.kept, Imported):
        entry.kept.check(row.name, row.digest, Shown(out))
    else:
        entry.kept.check(row.name, row.digest)
    out.write(f"{row.name} is as it was registered: {row.digest}")

"""`manage.py models bundle`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from inference.management.registry import house
from inference.management.registry.progress import Shown
from inference.registry import bundle, manifest

HELP = "write a model into one file, to carry it to a node or to another appliance"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, and where to."""
    parser.add_argument("name")
    parser.add_argument("file", type=Path, help="Must not exist.")
    parser.add_argument("--progress", action="store_true", help="Say how far it is.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Check every byte and write it."""
    folder = house.folder(options["name"])
    found, digest = manifest.read(folder, house.gateways())
    target: Path = options["file"]
    if target.exists():
        raise CommandError(f"{target} exists; choose another name.")
    bundle.write(folder, found, target, Shown(out) if options["progress"] else lambda *_: None)
    out.write(f"{target}: {found.name}, {digest}")

"""`manage.py models bom`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from inference import bill_of_model
from inference.management.registry import house

HELP = "write the bill of materials of a model (CycloneDX 1.6)"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, and where to."""
    parser.add_argument("name")
    parser.add_argument("file", type=Path, nargs="?", help="Default: the output.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """The same model makes the same bill."""
    text = json.dumps(bill_of_model.bill(house.registered(options["name"])), indent=2) + "\n"
    if options["file"] is None:
        sys.stdout.write(text)
        return
    options["file"].write_text(text)
    out.write(str(options["file"]))

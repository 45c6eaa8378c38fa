"""`manage.py policy export`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.policy import stored
from compliance.policy.yaml import to_yaml
from compliance.versions import chain

HELP = "write a version as JSON or YAML"
CANONICAL, JSON, YAML = "canonical", "json", "yaml"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, how and where to."""
    parser.add_argument(
        "number", nargs="?", type=int, help="of the version; the active one if left out"
    )
    parser.add_argument(
        "--form",
        choices=(JSON, YAML, CANONICAL),
        default=JSON,
        help="canonical is what the digest is of, byte for byte",
    )
    parser.add_argument("--out", type=Path, help="a new file; else it is printed")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Write it; an existing file is left alone.

    Where the policy is not what people signed it is written all the same, said, and 1.
    """
    standing = stored.standing()
    beside = out if options["out"] else sys.stderr  # what is printed is the document alone
    for line in stored.doubts(standing):
        beside.write(f"{line}\n")
    code = UNSOUND if standing.faults else SOUND
    try:
        row = stored.version(options["number"], standing)
    except stored.NoVersion as error:
        beside.write(f"{error}\n")
        return code or IMPOSSIBLE
    text = row.document
    if options["form"] == JSON:
        text = json.dumps(json.loads(row.document), indent=1, ensure_ascii=False) + "\n"
    elif options["form"] == YAML:
        text = to_yaml(chain.parsed(row.document))
    if options["out"] is None:
        out.write(text, ending="")
        return code
    try:
        with options["out"].open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        out.write(f"{options['out']} exists; name another file.")
        return IMPOSSIBLE
    return code

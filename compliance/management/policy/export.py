"""`manage.py policy export`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND
from compliance.management.policy.stored import NoVersion, version
from compliance.policy.yaml import to_yaml
from compliance.versions import chain, load

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
    """Write it; an existing file is left alone."""
    try:
        row = version(options["number"], load.standing())
    except NoVersion as error:
        out.write(str(error))
        return IMPOSSIBLE
    text = row.document
    if options["form"] == JSON:
        text = json.dumps(json.loads(row.document), indent=1, ensure_ascii=False) + "\n"
    elif options["form"] == YAML:
        text = to_yaml(chain.parsed(row.document))
    if options["out"] is None:
        out.write(text, ending="")
        return SOUND
    try:
        with options["out"].open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        out.write(f"{options['out']} exists; name another file.")
        return IMPOSSIBLE
    return SOUND

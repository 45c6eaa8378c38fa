"""`manage.py audit export`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import OutputWrapper

from compliance.audit.keys import read_key
from compliance.evidence.bundle import Scope, export
from compliance.management.audit import SOUND

HELP = "write evidence that others can verify offline"


def add_arguments(parser: ArgumentParser) -> None:
    """The range, the applications and the file."""
    parser.add_argument("--from", dest="begin", default="0", help="entry number, or a time")
    parser.add_argument("--to", dest="end", default="", help="the entry or time after it")
    parser.add_argument("--application", action="append", default=[], help="only its details")
    parser.add_argument("--generation", type=int, default=0, help="of this one of the log")
    parser.add_argument("path", type=Path, help="the ZIP file to write")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Write the evidence."""
    scope = Scope(
        options["begin"],
        options["end"],
        tuple(options["application"]),
        generation=options["generation"],
    )
    key = read_key(settings.DOMICILE.data / "keys" / "log.ed25519")
    summary = export(scope, options["path"], settings.DOMICILE.data / "log", key)
    out.write("\n".join(summary.words))
    return SOUND

"""`manage.py audit export`."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import OutputWrapper

from compliance.audit.catalogue import KINDS
from compliance.audit.ring import ring_of
from compliance.evidence.bundle import ExportImpossible, Scope, export
from compliance.management.audit import SOUND
from compliance.management.person import actor

HELP = "write evidence that others can verify offline"


def add_arguments(parser: ArgumentParser) -> None:
    """The range, the applications and the file."""
    parser.add_argument(
        "--from",
        dest="begin",
        default="0",
        help="the first entry: its number, or a time with its zone (default: 0)",
    )
    parser.add_argument(
        "--to",
        dest="end",
        default="",
        help="the entry or time after the last one (default: the newest)",
    )
    parser.add_argument(
        "--application",
        action="append",
        default=[],
        help="disclose only details of this one, by name or id; repeatable",
    )
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        help="disclose only details of this type of event, as in docs/events.md; repeatable",
    )
    parser.add_argument(
        "--generation",
        type=int,
        default=0,
        help="of this generation of the log (default: the current)",
    )
    parser.add_argument("--tables", action="store_true", help="also CSV, XLSX and a PDF report")
    parser.add_argument("--contents", action="store_true", help="also kept prompts and answers")
    parser.add_argument("--reason", default="", help="why contents are disclosed; recorded")
    parser.add_argument("--progress", action="store_true", help="say each second how far it is")
    parser.add_argument("path", type=Path, help="the ZIP file to write; must not exist")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Write the evidence."""
    strange = [one for one in options["type"] if one not in KINDS]
    if strange:
        raise ExportImpossible(
            f"There is no type of event {strange[0][:48]!r}; docs/events.md has them all."
        )
    scope = Scope(
        options["begin"],
        options["end"],
        tuple(options["application"]),
        tuple(options["type"]),
        generation=options["generation"],
        tables=options["tables"],
    )
    key = ring_of(settings.DOMICILE).current()
    summary = export(
        scope,
        options["path"],
        settings.DOMICILE.data / "log",
        key,
        progress=_said(out) if options["progress"] else None,
        contents=options["contents"],
        reason=options["reason"],
        actor=actor(),
    )
    out.write("\n".join(summary.words))
    return SOUND


def _said(out: OutputWrapper) -> Callable[[int, int], None]:
    """Writes a line at most once a second."""
    last = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 1 or done == total:
            last = time.monotonic()
            out.write(f"{done} of {total} entries")

    return say

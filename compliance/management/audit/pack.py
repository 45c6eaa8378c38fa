"""`manage.py audit pack`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.evidence import packs
from compliance.evidence.packs.answers import AnswerInvalid, moment, new_case
from compliance.evidence.packs.law import ORDER
from compliance.management.audit import SOUND
from compliance.management.person import actor

HELP = "write evidence in a regulation's form"


def add_arguments(parser: ArgumentParser) -> None:
    """Which pack, of which period and applications, and the file."""
    parser.add_argument("name", choices=ORDER, help="which regulation's form")
    parser.add_argument("path", type=Path, help="the ZIP file to write")
    parser.add_argument(
        "--from",
        dest="since",
        default="",
        help="only what happened from this time on, with its zone, as 2026-01-01T00:00:00Z",
    )
    parser.add_argument(
        "--to", dest="until", default="", help="only what happened before this time"
    )
    parser.add_argument(
        "--application", action="append", default=[], help="only this one, by name; repeatable"
    )
    parser.add_argument(
        "--case",
        default="",
        help="the number of a case of the console; else, where it is about one, a new one",
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Write the pack."""
    name = options["name"]
    case = options["case"]
    if not case and packs.laws()[name].of == "case":
        case = new_case()
        out.write(f"Case {case}.")
    parameters = packs.Parameters(
        period=packs.Period(_moment(options["since"]), _moment(options["until"])),
        applications=tuple(options["application"]),
        case=case,
        identifiers=_identifiers() if packs.laws()[name].personal else (),
    )
    summary = packs.build(name, parameters, options["path"], actor=actor())
    out.write("\n".join(summary.words))
    return SOUND


def _moment(text: str) -> Any:
    try:
        return moment(text) if text else None
    except AnswerInvalid as error:
        raise packs.PackImpossible(str(error)) from error


def _identifiers() -> tuple[str, ...]:
    """One a line from standard input, so that none is in the shell's history."""
    if sys.stdin.isatty():
        sys.stderr.write("The person's identifiers, one a line; end with Ctrl-D:\n")
    return tuple(line.strip() for line in sys.stdin if line.strip())

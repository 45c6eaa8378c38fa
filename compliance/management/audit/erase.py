"""`manage.py audit erase`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

import django.db
from django.core.management.base import OutputWrapper

from compliance.audit import asking, erasure
from compliance.audit.keystore import VaultUnreadable
from compliance.evidence import erased
from compliance.management.audit import IMPOSSIBLE, SOUND
from compliance.management.person import actor
from compliance.models import Erasure

HELP = "erase what is kept about a person, or of one request, so that nobody can open it"


def add_arguments(parser: ArgumentParser) -> None:
    """Whom, and why."""
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "--subject",
        help="an identifier of the person; '-' reads it from standard input, which keeps it "
        "out of the shell's history and the list of processes",
    )
    whom.add_argument("--request", help="the id of a request: 32 hex digits")
    parser.add_argument(
        "--reason", required=True, help="why; goes on the record, so do not name the person"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether to go on")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Look, ask, erase, and print the certificate."""
    kind = Erasure.Kind.REQUEST if options["request"] else Erasure.Kind.SUBJECT
    value = options["request"] or options["subject"]
    from_input = value == "-"
    if from_input:
        value = sys.stdin.readline().strip()
    try:
        found = asking.found(kind, value)
        out.write(f"Kept content of {len(found)} requests was found by it.")
        if not options["yes"] and not _agreed(from_input, out):
            return IMPOSSIBLE
        asked = asking.ask(kind, value, actor=actor(), reason=options["reason"])
        done = _carried_out(asked.pk, out)
    except (asking.ErasureRefused, VaultUnreadable) as error:
        out.write(str(error))
        return IMPOSSIBLE
    erased.clear(actor())
    out.write(done.certificate)
    return SOUND


def _carried_out(pk: int, out: OutputWrapper) -> Erasure:
    try:
        return erasure.carry_out(pk)
    except django.db.Error:
        out.write(f"Erasure no. {pk} is asked for; the process `records` does it when it runs.")
        raise


def _agreed(from_input: bool, out: OutputWrapper) -> bool:
    if from_input or not sys.stdin.isatty():
        out.write("Nothing was erased: nobody can be asked here. Give --yes to erase.")
        return False
    if input("Erase it? This cannot be undone. [y/N] ").strip().lower() != "y":
        out.write("Nothing was erased.")
        return False
    return True

"""`manage.py audit ACTION`; what each does is in `compliance.management.audit`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

import django.db
from django.core.management.base import BaseCommand

from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.keys import KeyUnusable
from compliance.audit.merkle import ProofInvalid
from compliance.audit.tiles import TileInvalid
from compliance.evidence.bundle import ExportImpossible
from compliance.management import rights
from compliance.management.audit import (
    IMPOSSIBLE,
    Action,
    checkpoint,
    consistency,
    cosign,
    erase,
    export,
    pack,
    prove,
    prune,
    resume,
    stamp,
    verify,
)
from compliance.management.audit.own import LogUnusable

ACTIONS: dict[str, Action] = {
    "verify": verify,
    "export": export,
    "pack": pack,
    "erase": erase,
    "prove": prove,
    "prune": prune,
    "checkpoint": checkpoint,
    "consistency": consistency,
    "cosign": cosign,
    "stamp": stamp,
    "resume": resume,
}


EXAMPLES = {
    "verify": "",
    "export": "--from 2026-01-01T00:00:00Z --to 2026-04-01T00:00:00Z --tables quarter.zip",
    "pack": "record-of-processing record.zip",
    "erase": "--subject - --reason 'Art. 17 GDPR, asked on 3 May'",
    "prove": "1042 --detail --out 1042.tlog-proof",
    "prune": "--dry-run",
    "checkpoint": "--raw",
    "consistency": "/elsewhere/checkpoint",
    "cosign": "request ours.request --witness regulator.example/desk",
    "stamp": "request ours.tsq",
    "resume": "--after-restore --reason 'The disk failed on 3 May.'",
}
"""How each is typed, for its help."""
INVALID = (CheckpointInvalid, ProofInvalid, TileInvalid)


class Command(BaseCommand):
    """The record, for a regulator or for whoever wants to be sure."""

    help = (
        "The record: check it, export it as evidence, prove an entry, erase what is kept. "
        "`audit ACTION --help` has an example of each. "
        "Exit codes: 0 sound, 1 not sound, 2 could not be done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, action in ACTIONS.items():
            about = f"{action.HELP[0].upper()}{action.HELP[1:]}."
            example = f"Example: manage.py audit {name} {EXAMPLES[name]}".rstrip()
            action.add_arguments(
                actions.add_parser(name, help=action.HELP, description=about, epilog=example)
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and end with the exit code that says how it went."""
        try:
            code = ACTIONS[options["action"]].handle(options, self.stdout)
        except KeyUnusable as error:
            self.stderr.write(f"{error} {rights.elsewhere(_words(options))}".rstrip())
            code = IMPOSSIBLE
        except (ExportImpossible, LogUnusable, *INVALID) as error:
            self.stderr.write(str(error))
            code = IMPOSSIBLE
        except django.db.Error as error:
            self.stderr.write(rights.refused(_words(options), error))
            code = IMPOSSIBLE
        except OSError as error:
            about = error.filename or "The output"
            self.stderr.write(f"{about}: {error.strerror}. Run `manage.py doctor`.")
            code = IMPOSSIBLE
        if code:
            sys.exit(code)


def _words(options: Mapping[str, Any]) -> str:
    """The command as it was typed, as far as its rights go."""
    policy = options["action"] == "cosign" and options["what"] == "policy"
    return f"audit {options['action']}{' policy' if policy else ''}"

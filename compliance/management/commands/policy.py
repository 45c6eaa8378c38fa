"""`manage.py policy ACTION`; what each does is in `compliance.management.policy`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

import django.db
from django.core.management.base import BaseCommand

from compliance.management import rights
from compliance.management.audit import IMPOSSIBLE, Action
from compliance.management.policy import (
    check,
    endorse,
    export,
    prove,
    restored,
    schema,
    show,
    take,
)

ACTIONS: dict[str, Action] = {
    "check": check,
    "prove": prove,
    "schema": schema,
    "show": show,
    "export": export,
    "import": take,
    "restored": restored,
    "endorse": endorse,
}
EXAMPLES = {
    "check": "policies/ --json",
    "prove": "policy.yaml --question shadowed",
    "schema": "> policy.schema.json",
    "show": "3",
    "export": "3 --form yaml --out policy.yaml",
    "import": "policy.yaml --as olga",
    "restored": "--reason 'The backup of 3 May was restored.'",
    "endorse": "anna --reason 'The only approver has left.'",
}
"""How each is typed, for its help."""


class Command(BaseCommand):
    """Policies as code, and what to do after a restore or the loss of every key."""

    help = (
        "The policy: check files, show and export versions, make drafts. "
        "`policy ACTION --help` has an example of each. "
        "Exit codes: 0 sound, 1 not sound, 2 could not be done."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, action in ACTIONS.items():
            about = f"{action.HELP[0].upper()}{action.HELP[1:]}."
            example = f"Example: manage.py policy {name} {EXAMPLES[name]}"
            action.add_arguments(
                actions.add_parser(name, help=action.HELP, description=about, epilog=example)
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and end with the exit code that says how it went."""
        action = options["action"]
        try:
            code = ACTIONS[action].handle(options, self.stdout)
        except django.db.Error as error:
            self.stderr.write(rights.refused(f"policy {action}", error))
            code = IMPOSSIBLE
        except OSError as error:
            about = error.filename or "The output"
            self.stderr.write(f"{about}: {error.strerror}.")
            code = IMPOSSIBLE
        if code:
            sys.exit(code)

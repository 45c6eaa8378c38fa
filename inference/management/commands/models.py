"""`manage.py models ACTION`; what each does is in `inference.management.registry`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import django.db
from django.core.management.base import BaseCommand, CommandError

from compliance.audit.keys import KeyUnusable
from compliance.management import rights
from inference.management.registry import (
    Action,
    bill,
    check,
    deploy,
    listed,
    pack,
    place,
    remove,
    show,
    sign,
    take,
    undeploy,
)
from inference.registry import ModelUnusable

ACTIONS: dict[str, Action] = {
    "import": take,
    "list": listed,
    "show": show,
    "verify": check,
    "deploy": deploy,
    "undeploy": undeploy,
    "remove": remove,
    "bundle": pack,
    "place": place,
    "sign": sign,
    "bom": bill,
}
EXAMPLES = {
    "import": "/media/Mistral-7B-Instruct-v0.3 --name mistral-7b --licence Apache-2.0 "
    "--origin mistralai/Mistral-7B-Instruct-v0.3 --progress",
    "list": "",
    "show": "mistral-7b",
    "verify": "mistral-7b",
    "deploy": "mistral-7b --site home --replicas 2",
    "undeploy": "mistral-7b --site home",
    "remove": "mistral-7b",
    "bundle": "mistral-7b /media/mistral-7b.tar",
    "place": "/media/mistral-7b.tar",
    "sign": "",
    "bom": "mistral-7b mistral-7b.cdx.json",
}
"""How each is typed, for its help."""


class Command(BaseCommand):
    """The models that this appliance knows by every byte."""

    help = "The models: import, check, carry and remove them. `models ACTION --help` says how."
    requires_system_checks = []  # `place` runs on a node, which has no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, action in ACTIONS.items():
            about = f"{action.HELP[0].upper()}{action.HELP[1:]}."
            example = f"Example: manage.py models {name} {EXAMPLES[name]}".rstrip()
            action.add_arguments(
                actions.add_parser(name, help=action.HELP, description=about, epilog=example)
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it; raises `CommandError`, which says what went wrong."""
        command = f"models {options['action']}"
        try:
            ACTIONS[options["action"]].handle(options, self.stdout)
        except ModelUnusable as error:
            raise CommandError(str(error)) from error
        except KeyUnusable as error:
            raise CommandError(f"{error} {rights.elsewhere(command)}".rstrip()) from error
        except django.db.Error as error:
            raise CommandError(rights.refused(command, error)) from error
        except OSError as error:
            about = error.filename or "The output"
            raise CommandError(f"{about}: {error.strerror}.") from error

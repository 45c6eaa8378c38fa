"""`manage.py keys list | rotate NAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.keyring import found
from appliance.rotation import RotationRefused, rotate
from appliance.services.folder import FolderRefused, Hold


class Command(BaseCommand):
    """Lists the keys without showing any; makes a new one in place of an old one."""

    help = "List the appliance's keys, or rotate one while the appliance is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="Where each lies, who reads it, its fingerprint.")
        rotating = actions.add_parser(
            "rotate", help="Make a new key; the appliance is stopped."
        )
        rotating.add_argument("name", help="As `keys list` shows it, such as gateway.ed25519.")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Do it."""
        if options["action"] == "list":
            self._list()
            return
        try:
            hold = Hold(settings.DOMICILE.data)
            old, new = rotate(settings.DOMICILE.data, options["name"])
        except (RotationRefused, FolderRefused) as error:
            raise CommandError(str(error)) from error
        hold.release()
        self.stdout.write(f"{options['name']}: {old} is now {new}. Back up the folder keys.")

    def _list(self) -> None:
        for key in found(settings.DOMICILE.data / "keys"):
            kind = key.kind
            self.stdout.write(
                f"{key.path}\n"
                f"    {kind.purpose}; read by {kind.readers}; "
                f"{'can be rotated' if kind.rotates else 'cannot be rotated'}\n"
                f"    {key.problem or f'fingerprint {key.fingerprint}'}\n"
                f"    lost: {kind.loss}\n"
                f"    stolen: {kind.theft}"
            )

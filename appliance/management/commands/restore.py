"""`manage.py restore FILE`: a backup into an empty data folder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from appliance.archive import ArchiveRefused, restore
from compliance.audit import journal
from compliance.gate import now
from compliance.vocabulary import Event


class Command(BaseCommand):
    """Checks every digest before anything takes its place."""

    help = "Restore a backup into the data folder, which must be empty."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where from."""
        parser.add_argument("file", type=Path, help="A file that `backup` wrote.")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Fill the folder, and record that it happened."""
        environment = settings.DOMICILE
        if connection.vendor != "sqlite":
            raise CommandError(
                "This appliance's database is PostgreSQL: restore it with pg_restore or from "
                "pg_basebackup, then the folders log and keys beside it."
            )
        try:
            manifest = restore(options["file"].absolute(), environment.data)
        except ArchiveRefused as error:
            raise CommandError(str(error)) from error
        with transaction.atomic():
            detail = {"actor": "command", "backup_made": manifest["made"]}
            journal.record("command", [Event("restore", now(), detail)])
        self.stdout.write(f"{environment.data} is as it was at {manifest['made']}.")
        if not manifest["keys"]:
            self.stdout.write(
                f"The backup holds no keys: put yours into {environment.data / 'keys'} "
                "before you start the appliance."
            )

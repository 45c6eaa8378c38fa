"""`manage.py backup FILE`: what must not be lost, in one file."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import django.db
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from appliance.archive import ArchiveRefused, make
from compliance.audit import journal
from compliance.audit.ring import ring_of
from compliance.gate import now
from compliance.management import rights
from compliance.vocabulary import Event

POSTGRESQL = (
    "This appliance's database is PostgreSQL, which has its own backup: use pg_basebackup with "
    "WAL archiving, or pg_dump. Save {log} first and the database after it, and the key "
    "files in {keys} apart from both."
)

PATIENCE = 30.0  # seconds that a rotation of the log's key gets to end
BUSY = "The log's key is being rotated; back up again when that is done."


def _record(kind: str, detail: dict[str, Any]) -> None:
    with transaction.atomic():
        journal.record("command", [Event(kind, now(), {"actor": "command", **detail})])


def _made(data: Path, target: Path, *, with_keys: bool, held: bool) -> int:
    """Make the backup; with keys only while the folder of keys is `held`: they must agree."""
    if with_keys and not held:
        raise ArchiveRefused(BUSY)
    return make(data, target, with_keys=with_keys)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class Command(BaseCommand):
    """Database, log and, if asked for, keys; while the appliance runs."""

    help = (
        "Back up the database and the log (and --with-keys the keys) into one tar file, while "
        "the appliance runs. SQLite only; PostgreSQL has its own tools. Example: manage.py "
        "backup /safe/place/domicile.tar"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and whether the keys go along."""
        parser.add_argument("file", type=Path, help="The tar file to write; must not exist.")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="Add the key files; keep such a backup as safe as the keys themselves.",
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Write the file."""
        environment = settings.DOMICILE
        if connection.vendor != "sqlite":
            data = environment.data
            raise CommandError(POSTGRESQL.format(log=data / "log", keys=data / "keys"))
        with_keys: bool = options["with_keys"]
        target = options["file"].absolute()
        try:
            _record("backup.started", {"keys": with_keys})
            with ring_of(environment).lock(PATIENCE) as held:
                count = _made(environment.data, target, with_keys=with_keys, held=held)
            digest = _digest(target)
            _record("backup.made", {"keys": with_keys, "files": count, "sha256": digest})
        except ArchiveRefused as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        except django.db.Error as error:
            raise CommandError(rights.refused("backup", error)) from error
        self.stdout.write(f"{options['file']} holds {count} files; its SHA-256 is {digest}.")
        self.stdout.write(
            "It holds the private keys: keep it where only you can read it."
            if with_keys
            else f"The keys are not in it: save {environment.data / 'keys'} apart from it."
        )

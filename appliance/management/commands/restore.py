"""`manage.py restore FILE`: a backup into an empty data folder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import django.db
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from appliance.archive import ArchiveRefused, restore
from appliance.env import Environment
from compliance.audit import checkpoint, copies, journal, ledger, rotation
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.copies import Known, Places
from compliance.audit.files import VERIFIER_KEY, LogFolder, folder_of
from compliance.gate import now
from compliance.management import rights
from compliance.vocabulary import Event

POSTGRESQL = (
    "This appliance's database is PostgreSQL: restore it with pg_restore or from "
    "pg_basebackup, then the folders log and keys beside it. If it is older than a checkpoint "
    "that is known, the notary says so; `manage.py audit resume` goes on from there."
)


class Command(BaseCommand):
    """Checks every digest before anything takes its place."""

    help = (
        "Restore a backup into the data folder, which must be empty. Example: "
        "DOMICILE_DATA=/srv/domicile manage.py restore /safe/place/domicile.tar"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where from, and what tells how far the log had come."""
        parser.add_argument("file", type=Path, help="A file that `backup` wrote.")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            default=[],
            help="A checkpoint that was kept elsewhere, as a file: shows what the backup "
            "lacks; repeatable.",
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Fill the folder, and record that it happened."""
        environment = settings.DOMICILE
        if connection.vendor != "sqlite":
            raise CommandError(POSTGRESQL)
        try:
            given = [path.read_bytes() for path in options["checkpoint"]]
            manifest = restore(options["file"].absolute(), environment.data)
            known = _known(environment, given)
        except ArchiveRefused as error:
            raise CommandError(str(error)) from error
        except CheckpointInvalid as error:
            raise CommandError(
                f"{environment.data} was restored, but a checkpoint that you gave is not of "
                f"this log: {error} Give the right one to `manage.py audit resume`."
            ) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        try:
            with transaction.atomic():
                detail = {"actor": "command", "backup_made": manifest["made"]}
                journal.record("command", [Event("backup.restored", now(), detail)])
        except django.db.Error as error:
            raise CommandError(rights.refused("restore", error)) from error
        self.stdout.write(f"{environment.data} is as it was at {manifest['made']}.")
        if not manifest["keys"]:
            self.stdout.write(
                f"The backup holds no keys: put yours into {environment.data / 'keys'}, and "
                f"the folder {environment.data / 'vault'} if you have it, before you start."
            )
        self._next(copies.ahead(ledger.current(), known))

    def _next(self, newest: Known | None) -> None:
        if newest is not None:
            self.stdout.write(
                f"The log had come further, to {newest.state.size} entries of "
                f"{newest.state.origin}: run `manage.py audit resume --after-restore --reason "
                "TEXT` before you start."
            )


def _known(environment: Environment, given: list[bytes]) -> list[Known]:
    """Every checkpoint that is known, after those that were given were put to the copies.

    The public key is the restored log's own. Raises `CheckpointInvalid` and OSError.
    """
    log = environment.data / "log"
    newest = copies.generations(log)[-1]
    line = LogFolder(folder_of(log, newest)).read(VERIFIER_KEY)
    if line is None:  # nothing had been signed yet
        return []
    origin, public = checkpoint.parse_verifier_key(line.decode("ascii", "replace").strip())
    places = Places(log, environment.checkpoints)
    keys = rotation.chain(places, origin, public)
    for note in given:
        state = keys.verify(note, _named(note, origin))
        signer = keys.at(checkpoint.generation_of(state.origin)[1], state.size)
        identifier = checkpoint.key_id(state.origin, signer)
        copies.keep(environment.checkpoints, state, note, identifier)
    return copies.known(places, origin, keys)


def _named(note: bytes, origin: str) -> str:
    """The origin of this log in the generation of `note`; raises `CheckpointInvalid`."""
    _, generation = checkpoint.generation_of(checkpoint.parse(note).origin)
    return checkpoint.in_generation(origin, generation)

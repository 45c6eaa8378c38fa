"""`manage.py audit resume`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.audit import erasure, generation, second_key
from compliance.audit.generation import ResumeRefused
from compliance.audit.keystore import VaultUnreadable, store
from compliance.audit.notary import NotaryRefuses
from compliance.evidence import erased
from compliance.management.audit import IMPOSSIBLE, SOUND, own

HELP = "begin the log's next generation, after an older database was restored"


def add_arguments(parser: ArgumentParser) -> None:
    """Why, and which checkpoints tell how far the log had come."""
    parser.add_argument(
        "--after-restore",
        action="store_true",
        required=True,
        help="must be given: there is no other occasion for it",
    )
    parser.add_argument("--reason", required=True, help="what happened; goes into the log")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a file with a checkpoint that somebody kept, also with cosignatures; repeatable",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether to go on")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Say what is lost, ask, and go on without it."""
    places, origin, given = own.places(), own.origin(), options["checkpoint"]
    if not options["reason"].strip():
        out.write("The reason is empty; say what happened, for the log.")
        return IMPOSSIBLE
    try:
        ring = own.ring()
        missing = generation.loss(places, origin, own.keys(), given)
        if missing is not None:
            out.write("\n".join(missing.words))
            if not options["yes"] and not _agreed():
                out.write("Nothing was changed.")
                return IMPOSSIBLE
        again = 0
        if store().folder.is_dir():  # else `records` has it, and does both when it starts
            again = erasure.reapply(source="command")
            erased.clear("command")
        done = generation.resume(
            places,
            ring,
            origin,
            actor="command",
            reason=options["reason"],
            given=given,
            second=second_key.at(ring.folder),
        )
    except (ResumeRefused, NotaryRefuses, VaultUnreadable) as error:
        out.write(str(error))
        return IMPOSSIBLE
    if again:
        out.write(f"{again} erasures were done again in the restored database.")
    if done is None:
        out.write("The database is not behind any checkpoint that is known; the log goes on.")
    else:
        out.write(f"Generation {done.number} has begun. Start the appliance.")
    return SOUND


def _agreed() -> bool:
    try:
        return input("What is lost stays lost. Go on? [yes/no] ").strip().lower() == "yes"
    except EOFError:
        return False

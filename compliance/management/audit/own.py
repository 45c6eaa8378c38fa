"""This appliance's log, as the commands take it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from compliance.audit import checkpoint, copies, ledger
from compliance.audit.checkpoint import Checkpoint, origin_of
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.tree import Tree


class LogUnusable(Exception):
    """What was asked for cannot be had from this log. The message says why."""


def places() -> Places:
    """Where its files and the copies of its checkpoints lie."""
    return Places(settings.DOMICILE.data / "log", settings.DOMICILE.checkpoints)


def key_file() -> Path:
    """The log's private key."""
    return Path(settings.DOMICILE.data, "keys", "log.ed25519")


def origin(generation: int | None = None) -> str:
    """Its name in a generation; without one, in the current."""
    number = ledger.current().number if generation is None else generation
    return origin_of(settings.DOMICILE.organisation, number)


def public_key() -> bytes:
    """From the key file; where this process may not have it, as the log itself gives it."""
    try:
        seed = read_key(key_file())
    except KeyUnusable:
        newest = copies.generations(places().log)[-1]
        line = LogFolder(folder_of(places().log, newest)).read(VERIFIER_KEY)
        if line is None:
            raise
        return checkpoint.parse_verifier_key(line.decode("ascii", "replace").strip())[1]
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def folder(generation: int | None) -> LogFolder:
    """The files of a generation; without one, of the current."""
    number = ledger.current().number if generation is None else generation
    return LogFolder(folder_of(places().log, number))


def signed(generation: int | None, kept: Path | None = None) -> tuple[bytes, Checkpoint]:
    """A generation's newest checkpoint, or the one in the file `kept`; or `LogUnusable`.

    Raises `CheckpointInvalid`, and OSError where `kept` cannot be read.
    """
    held = folder(generation)
    note = kept.read_bytes() if kept else held.read(CHECKPOINT)
    if note is None:
        raise LogUnusable(f"There is no checkpoint in {held.root}; start the notary.")
    return note, checkpoint.verify(note, origin(generation), public_key())


def tree(generation: int | None, state: Checkpoint) -> Tree:
    """The tree under a checkpoint, from the tiles; raises `LogUnusable` where they differ."""
    found = Tree(folder(generation), state.size)
    if found.root() != state.root:
        raise LogUnusable(
            f"The tiles in {folder(generation).root} are not those of the checkpoint at "
            f"{state.size}. Run `manage.py audit verify`."
        )
    return found

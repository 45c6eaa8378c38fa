"""This appliance's log, as the commands take it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from compliance.audit import checkpoint, copies, ledger, rotation
from compliance.audit.checkpoint import Checkpoint, origin_of
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.handover import Chain
from compliance.audit.keys import KeyUnusable
from compliance.audit.ring import FileRing, public_of, ring_of
from compliance.audit.tree import Tree


class LogUnusable(Exception):
    """What was asked for cannot be had from this log. The message says why."""


def places() -> Places:
    """Where its files and the copies of its checkpoints lie."""
    return Places(settings.DOMICILE.data / "log", settings.DOMICILE.checkpoints)


def ring() -> FileRing:
    """The log's private keys."""
    return ring_of(settings.DOMICILE)


def origin(generation: int | None = None) -> str:
    """Its name in a generation; without one, in the current."""
    number = ledger.current().number if generation is None else generation
    return origin_of(settings.DOMICILE.organisation, number)


def keys() -> Chain:
    """The log's public keys, of which the one here is one; raises `HandoverInvalid`.

    Where this process may not have the key file: of which one is as the log itself gives it.
    """
    try:
        key = public_of(ring().current())
    except KeyUnusable:
        newest = copies.generations(places().log)[-1]
        line = LogFolder(folder_of(places().log, newest)).read(VERIFIER_KEY)
        if line is None:
            raise
        key = checkpoint.parse_verifier_key(line.decode("ascii", "replace").strip())[1]
    return rotation.chain(places(), origin(), key)


def verified(note: bytes, generation: int | None) -> Checkpoint:
    """The checkpoint in a note that is of this log and generation; or `CheckpointInvalid`."""
    return keys().verify(note, origin(generation))


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
    return note, verified(note, generation)


def tree(generation: int | None, state: Checkpoint) -> Tree:
    """The tree under a checkpoint, from the tiles; raises `LogUnusable` where they differ."""
    found = Tree(folder(generation), state.size)
    if found.root() != state.root:
        raise LogUnusable(
            f"The tiles in {folder(generation).root} are not those of the checkpoint at "
            f"{state.size}. Run `manage.py audit verify`."
        )
    return found

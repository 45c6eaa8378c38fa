"""Checkpoints that outlive the database: in the log's folder, and in a folder beside it.

A restore puts an older database, and often an older log folder, in the place of the newer
ones; only a checkpoint that it did not replace tells that something is missing. So the notary
leaves a copy of each checkpoint in a folder outside of the data folder, one file for each
generation of each log, named by the key id that stands in the checkpoint's signature. Several
logs may share that folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.files import CHECKPOINT, folder_of, sync
from compliance.audit.ledger import Held

SUFFIX = ".checkpoint"


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint of this log, signed by its key, and the file in which it was found."""

    generation: int
    state: Checkpoint
    note: bytes
    path: Path

    @property
    def reach(self) -> tuple[int, int]:
        """How far it reaches: generation, then entries."""
        return self.generation, self.state.size


@dataclass(frozen=True, slots=True)
class Places:
    """Where checkpoints of one log may be found: its folder, and the copies outside."""

    log: Path
    outside: Path | None = None


def keep(outside: Path, state: Checkpoint, note: bytes, identifier: bytes) -> None:
    """Leave a copy of a checkpoint, durable when this returns; raises OSError.

    `identifier` is the signature's key id. A copy that reaches further stays: what it covers
    was signed.
    """
    path = outside / f"{identifier.hex()}{SUFFIX}"
    if _size(path) > state.size:
        return
    outside.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = outside / f".{secrets.token_hex(8)}"
    try:
        with scratch.open("xb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    sync(outside)


def _size(path: Path) -> int:
    try:
        return checkpoint.parse(path.read_bytes()).size
    except (FileNotFoundError, CheckpointInvalid):
        return -1


def known(
    places: Places, origin: str, public_key: bytes, given: Sequence[Path] = ()
) -> list[Known]:
    """Every checkpoint of this log that can be found, of any generation; least first.

    What is in another log's name, or not signed by `public_key`, is passed over, but not in a
    file that was `given`: there it raises `CheckpointInvalid`. Raises OSError.
    """
    found = [
        one for path in _paths(places) if (one := _read(path, origin, public_key)) is not None
    ]
    found += [_checked(path, path.read_bytes(), origin, public_key) for path in given]
    return sorted(found, key=lambda one: one.reach)


def _read(path: Path, origin: str, public_key: bytes) -> Known | None:
    try:
        return _checked(path, path.read_bytes(), origin, public_key)
    except (FileNotFoundError, CheckpointInvalid):
        return None


def _checked(path: Path, note: bytes, origin: str, public_key: bytes) -> Known:
    ours, _ = checkpoint.generation_of(origin)
    said = checkpoint.parse(note).origin
    name, generation = checkpoint.generation_of(said)
    if name != ours:
        raise CheckpointInvalid(
            f"The checkpoint in {path} is of the log {said}, not of {ours}."
        )
    return Known(generation, checkpoint.verify(note, said, public_key), note, path)


def _paths(places: Places) -> Iterator[Path]:
    for generation in generations(places.log):
        yield folder_of(places.log, generation) / CHECKPOINT
    if places.outside is not None and places.outside.is_dir():
        yield from sorted(places.outside.glob(f"*{SUFFIX}"))


def generations(log: Path) -> list[int]:
    """The generations of which a log's folder holds files, least first."""
    found = {1}
    if log.is_dir():
        for entry in os.scandir(log):
            if entry.name.isascii() and entry.name.isdigit() and entry.is_dir():
                found.add(int(entry.name))
    return sorted(found)


def ahead(held: Held, found: Sequence[Known]) -> Known | None:
    """The checkpoint that reaches furthest, where it reaches further than the database."""
    newest = max(found, key=lambda one: one.reach, default=None)
    if newest is None or newest.reach <= (held.number, held.size):
        return None
    return newest

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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.files import CHECKPOINT, ROTATIONS, folder_of, sync
from compliance.audit.handover import Chain, Handover, parse
from compliance.audit.ledger import Held

SUFFIX = ".checkpoint"
KEYS = f".{ROTATIONS}"


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint of this log, signed by its key of then, and the file where it was found."""

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
    _put(path, note)


def keep_rotations(outside: Path, lines: bytes, identifier: bytes) -> None:
    """Leave a copy of the file `rotations`, durable when this returns; raises OSError.

    `identifier` is the newest key's id. Nothing is written where the copy is the same already.
    """
    path = outside / f"{identifier.hex()}{KEYS}"
    if not path.exists() or path.read_bytes() != lines:
        _put(path, lines)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with scratch.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    sync(path.parent)


def _size(path: Path) -> int:
    try:
        return checkpoint.parse(path.read_bytes()).size
    except (FileNotFoundError, CheckpointInvalid):
        return -1


def known(places: Places, origin: str, chain: Chain, given: Sequence[Path] = ()) -> list[Known]:
    """Every checkpoint of this log that can be found, of any generation; least first.

    What is in another log's name, or not signed by the key of `chain` that it should be, is
    passed over, but not in a file that was `given`: there it raises `CheckpointInvalid`. Raises
    OSError.
    """
    found = [one for path in _paths(places) if (one := _read(path, origin, chain)) is not None]
    found += [_checked(path, path.read_bytes(), origin, chain) for path in given]
    return sorted(found, key=lambda one: one.reach)


def rotations(places: Places) -> list[Handover]:
    """Every handover of the log's key that a file tells of; nothing is checked.

    Files that cannot be understood are passed over: anybody may have put one there.
    """
    paths = [folder_of(places.log, one) / ROTATIONS for one in generations(places.log)]
    if places.outside is not None and places.outside.is_dir():
        paths += sorted(places.outside.glob(f"*{KEYS}"))
    found: list[Handover] = []
    for path in paths:
        with suppress(FileNotFoundError, CheckpointInvalid):
            found += parse(path.read_text("ascii", "replace"))
    return found


def _read(path: Path, origin: str, chain: Chain) -> Known | None:
    try:
        return _checked(path, path.read_bytes(), origin, chain)
    except (FileNotFoundError, CheckpointInvalid):
        return None


def _checked(path: Path, note: bytes, origin: str, chain: Chain) -> Known:
    ours, _ = checkpoint.generation_of(origin)
    said = checkpoint.parse(note).origin
    name, generation = checkpoint.generation_of(said)
    if name != ours:
        raise CheckpointInvalid(
            f"The checkpoint in {path} is of the log {said}, not of {ours}."
        )
    return Known(generation, chain.verify(note), note, path)


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

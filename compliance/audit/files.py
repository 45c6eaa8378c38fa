"""The log's folder: what is written there is on the disk before anything is said about it.

For each file: write and fsync it under a scratch name, link it to its own name, and fsync
the folders; link(2) fails where the name is taken, so nothing is ever overwritten. The
checkpoint, and what tells of keys, is replaced by rename(2).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from compliance.audit.tiles import File

CHECKPOINT = "checkpoint"
VERIFIER_KEY = "verifier-key"
MLDSA_KEY = "mldsa-key"
COSIGNED = "cosigned"
ROTATIONS = "rotations"
_SCRATCH = ".scratch"


def bridge(number: int) -> str:
    """The checkpoint that both keys of the log's rotation `number`, from 1, signed."""
    return f"bridge-{number}"


def folder_of(log: Path, generation: int) -> Path:
    """Where a generation's files lie: the first in `log` itself, a later one inside it.

    So no file ever moves, and each generation keeps the address that its origin stands for.
    """
    return log if generation == 1 else log / str(generation)


class FileConflict(Exception):
    """A file of the log holds other bytes than the database says it should."""


class LogFolder:
    """The files of one log below `root`. One process writes; anyone may read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / _SCRATCH
        self._durable: set[Path] = set()  # folders whose names this object has made durable

    def prepare(self) -> None:
        """Make the folder, and drop what an earlier process left unfinished."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        sync(self.root.parent)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def add(self, files: Iterable[File]) -> None:
        """Write files once and for ever, durable when this returns; raises `FileConflict`.

        A full tile makes its partial ones superfluous, and they go. What is there already was
        perhaps written by a process that died before it had made the name durable.
        """
        folders: set[Path] = set()
        made: set[Path] = set()
        superfluous: list[Path] = []
        for file in files:
            path = self.root / file.path
            self._make(path.parent, made)
            folders.add(path.parent)
            scratch = self._write(file.data)
            try:
                os.link(scratch, path)
            except FileExistsError:
                if path.read_bytes() != file.data:
                    raise FileConflict(
                        f"The log's file {file.path} is not what the database holds. Keep "
                        "both, and find out which was restored from a copy or changed."
                    ) from None
            finally:
                scratch.unlink()
            if not file.partial:
                superfluous.append(path.with_name(f"{path.name}.p"))
        for folder in folders | {folder.parent for folder in made}:
            sync(folder)
        self._durable |= made
        for folder in superfluous:
            shutil.rmtree(folder, ignore_errors=True)
            self._durable.discard(folder)

    def replace(self, path: str, data: bytes) -> None:
        """Put `data` in the place of a file at once, durable when this returns."""
        self._write(data).rename(self.root / path)
        sync(self.root)

    def _write(self, data: bytes) -> Path:
        if (self.root / CHECKPOINT).exists():  # else the log is away: not mounted, say
            self._scratch.mkdir(exist_ok=True)  # no backup holds that of an ended generation
        scratch = self._scratch / secrets.token_hex(8)
        with scratch.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return scratch

    def _make(self, folder: Path, made: set[Path]) -> None:
        """Make a folder below the root; `made` gets those whose names may not last yet."""
        if folder == self.root or folder in self._durable or folder in made:
            return
        self._make(folder.parent, made)
        folder.mkdir(exist_ok=True)
        made.add(folder)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

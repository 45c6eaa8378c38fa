"""Copies a model's files to where the appliance keeps them, hashing each byte that is written.

A copy is made in a folder of its own below `.importing`, and becomes a model by one rename. A
file's digest goes into a progress file once the file is on the disk: an import that was killed
goes on after the last file that was whole, if source and copy are unchanged.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from inference.registry.manifest import MANIFEST, SIGNATURE, File
from inference.registry.names import folder_name
from inference.registry.refused import ImportRefused

IMPORTING = ".importing"
_BLOCK = 8 * 1024 * 1024  # bytes
_SPARE = 256 * 1024 * 1024  # bytes that an import leaves free

Progress = Callable[[str, int, int], None]
"""Told a file's path, the bytes done of all and the bytes of all; called for each block."""


class _Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A copied file: what its source looked like, and the digest of what was written."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    sha256: str


class Intake:
    """The copy of one model on its way in. Held by one process at a time."""

    def __init__(self, models: Path, name: str) -> None:
        """`models` is the appliance's folder of models; `name` a model's name."""
        self.folder = models / IMPORTING / folder_name(name)
        self.final = models / folder_name(name)
        self._record = self._beside("progress")

    def _beside(self, what: str) -> Path:
        """A place for what belongs to the import. No model's folder can be called so."""
        return self.folder.with_name(f"{self.folder.name}~{what}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises `ImportRefused` where another process imports a model of this name."""
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with self._beside("lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ImportRefused(
                    "name", f"{self.final.name} is being imported by another process."
                ) from error
            yield

    def take(
        self, sources: Mapping[str, Path], progress: Progress = lambda *_: None
    ) -> list[File]:
        """Copy each file (source by path), and say what was written; raises `ImportRefused`."""
        done = self._known()
        total = sum(source.stat().st_size for source in sources.values())
        self._room(total - sum(one.size for one in done.values()))
        self._tidy({*sources})
        taken, so_far = [], 0
        for path, source in sorted(sources.items()):
            digest = self._kept(done.get(path), source, path)
            if digest is None:
                digest = self._copy(source, path, partial(progress, path), so_far, total)
            size = (self.folder / path).stat().st_size
            so_far += size
            progress(path, so_far, total)
            taken.append(File(path, size, digest))
        return taken

    def begin(self, files: Sequence[File]) -> set[str]:
        """Make room for files that come by another way; those that are here already, whole."""
        done = self._known()
        here = {
            file.path
            for file in files
            if (known := done.get(file.path)) is not None
            and known.sha256 == file.sha256
            and (copy := self.folder / file.path).is_file()
            and copy.stat().st_size == file.size
        }
        self._room(sum(file.size for file in files if file.path not in here))
        self._tidy({file.path for file in files})
        return here

    def note(self, file: File) -> None:
        """A file that came by another way is here, whole and on the disk."""
        self._note(_Done(file.path, file.size, 0, 0, file.sha256))

    def _kept(self, done: _Done | None, source: Path, path: str) -> str | None:
        """The digest of a file that was copied before, if it still is what was copied."""
        about, copy = source.stat(), self.folder / path
        same = done is not None and done == _Done(
            path, about.st_size, about.st_mtime_ns, about.st_ino, done.sha256
        )
        if done is None or not same or not copy.is_file():
            return None
        return done.sha256 if copy.stat().st_size == done.size else None

    def _copy(
        self,
        source: Path,
        path: str,
        progress: Callable[[int, int], None],
        before: int,
        total: int,
    ) -> str:
        copy = self.folder / path
        copy.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as reading, copy.open("wb") as writing:
            begun = os.fstat(reading.fileno())
            digest = written(
                reading, writing, begun.st_size, lambda done: progress(before + done, total)
            )
            ended = os.fstat(reading.fileno())
        if (begun.st_size, begun.st_mtime_ns) != (ended.st_size, ended.st_mtime_ns):
            raise ImportRefused(
                "changed",
                f"{path} was changed while it was read. Import it again when nobody writes.",
                path,
            )
        self._note(_Done(path, begun.st_size, begun.st_mtime_ns, begun.st_ino, digest))
        return digest

    def _known(self) -> dict[str, _Done]:
        """What an import before this one has noted; a line that was cut short counts not."""
        found: dict[str, _Done] = {}
        if self._record.exists():
            for line in self._record.read_bytes().splitlines():
                try:
                    one = msgspec.json.decode(line, type=_Done)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                found[one.path] = one
        return found

    def _note(self, done: _Done) -> None:
        with self._record.open("ab") as record:
            record.write(b"\n" + msgspec.json.encode(done) + b"\n")
            record.flush()
            os.fsync(record.fileno())

    def _tidy(self, wanted: set[str]) -> None:
        """Remove what an import of other files left."""
        for path in [one for one in self.folder.rglob("*") if not one.is_dir()]:
            if str(path.relative_to(self.folder)) not in wanted:
                path.unlink()

    def _room(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed + _SPARE > free:
            raise ImportRefused(
                "disk",
                f"The model needs {needed // 2**20} MiB more, and {self.folder} has "
                f"{free // 2**20} MiB free.",
            )

    def seal(self, manifest: bytes, signature: str) -> None:
        """Write the manifest and its signature, durably."""
        for name, content in ((MANIFEST, manifest), (SIGNATURE, signature.encode())):
            with (self.folder / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for below in [self.folder, *(one for one in self.folder.rglob("*") if one.is_dir())]:
            synced(below)

    def publish(self) -> None:
        """Let it be the model of its name, in place of what lies there."""
        old = self._beside("old")
        shutil.rmtree(old, ignore_errors=True)
        if self.final.exists():
            self.final.rename(old)
        self.folder.rename(self.final)
        synced(self.final.parent)
        shutil.rmtree(old, ignore_errors=True)

    def take_back(self) -> None:
        """Make a copy of what lies under the name and is no model, to go on with it."""
        if self.final.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.final.rename(self.folder)

    def forget(self) -> None:
        """There is nothing to go on with: it is a model now, or shall be none."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._record.unlink(missing_ok=True)


def written(
    reading: BinaryIO,
    writing: BinaryIO,
    size: int,
    progress: Callable[[int], None],
) -> str:
    """Copy `size` bytes, durably; their SHA-256 in hex. Fewer than `size` may be there.

    `progress` is told the bytes done.
    """
    total, left = hashlib.sha256(), size
    while left and (block := reading.read(min(_BLOCK, left))):
        writing.write(block)
        total.update(block)
        left -= len(block)
        progress(size - left)
    writing.flush()
    os.fsync(writing.fileno())
    return total.hexdigest()


def synced(folder: Path) -> None:
    """Let the names in a folder be durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

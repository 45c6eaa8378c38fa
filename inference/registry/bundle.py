"""A model as one file, for machines that no network joins: an uncompressed tar.

The manifest comes first, its signature second, then the files in the manifest's order, each
behind one header of 512 bytes (ustar, with GNU's numbers for sizes over 8 GiB). Weights do not
compress. Any tar can read it. We read it ourselves, and nothing but this: a reader of any
tar takes into its memory what the file tells it to, before anybody verified a signature.
"""

from __future__ import annotations

import errno
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from inference.registry.imported import check_files
from inference.registry.intake import Intake, Progress, written
from inference.registry.manifest import (
    MANIFEST,
    MANIFEST_MAX,
    SIGNATURE,
    Manifest,
    ManifestRefused,
    decoded,
    verify,
)
from inference.registry.refused import ImportRefused
from inference.registry.weights import WeightsChanged

_BLOCK = tarfile.BLOCKSIZE  # bytes
_SIGNATURE_LENGTH = 128
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK})


def write(
    folder: Path, manifest: Manifest, target: Path, progress: Progress = lambda *_: None
) -> None:
    """Write the model in `folder` to `target`, which must not exist.

    Each file is held against the manifest as it is read; raises `ModelUnusable`.
    """
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with scratch.open("xb") as file:
            _all(folder, manifest, file, progress)
            file.flush()
            os.fsync(file.fileno())
        _settle(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def _all(folder: Path, manifest: Manifest, file: BinaryIO, progress: Progress) -> None:
    for path in (MANIFEST, SIGNATURE):
        content = (folder / path).read_bytes()
        _begin(file, path, len(content))
        file.write(content + _padding(len(content)))
    so_far, total = 0, manifest.size
    for one in manifest.files:
        _begin(file, one.path, one.size)
        told = partial(_told, progress, one.path, so_far, total)
        with (folder / one.path).open("rb") as reading:
            found = written(reading, file, one.size, told)
        if found != one.sha256:
            check_files(folder, manifest)  # which says what is wrong in words
            raise WeightsChanged(f"{folder / one.path} changes while it is read.", one.path)
        file.write(_padding(one.size))
        so_far += one.size
    file.write(bytes(2 * _BLOCK))


def _begin(file: BinaryIO, path: str, size: int) -> None:
    about = tarfile.TarInfo(path)
    about.size, about.mode = size, 0o640
    header = about.tobuf(tarfile.GNU_FORMAT)
    if len(header) != _BLOCK:
        raise WeightsChanged(f"{path} is too long a name for a bundle.", path)
    file.write(header)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _settle(scratch: Path, target: Path) -> None:
    """Give it its name, and never over a file that is there."""
    try:
        os.link(scratch, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():  # FAT and many shares have no links; nobody else writes there
            raise FileExistsError(errno.EEXIST, "File exists", str(target)) from error
        scratch.rename(target)


class Opened:
    """A bundle that is being read: its manifest, and the public key that signed it."""

    def __init__(self, file: BinaryIO, gateway_keys: Sequence[bytes]) -> None:
        """Raises `ManifestRefused` and `ImportRefused`."""
        self._file = file
        self.content = self._small(MANIFEST, MANIFEST_MAX)
        self.signature = self._small(SIGNATURE, _SIGNATURE_LENGTH).decode("ascii", "replace")
        self.signer = verify(self.content, self.signature, gateway_keys)
        self.manifest = decoded(self.content)

    def take(self, intake: Intake, progress: Progress = lambda *_: None) -> None:
        """Write its files into `intake`; raises `ImportRefused` at the first that differs.

        What one that was killed had written whole is not written again.
        """
        so_far, total = 0, self.manifest.size
        here = intake.begin(self.manifest.files)
        for file in self.manifest.files:
            if self._next(file.path) != file.size:
                raise _other(file.path)
            if file.path in here:
                self._file.seek(file.size + -file.size % _BLOCK, os.SEEK_CUR)
                so_far += file.size
                continue
            copy = intake.folder / file.path
            copy.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            told = partial(_told, progress, file.path, so_far, total)
            with copy.open("wb") as writing:
                found = written(self._file, writing, file.size, told)
            if found != file.sha256:
                raise _other(file.path)
            intake.note(file)
            self._file.read(-file.size % _BLOCK)
            so_far += file.size
        if _header(self._file) is not None:
            raise ImportRefused("format", "The bundle holds more than its manifest lists.")

    def _next(self, path: str) -> int:
        """The size of the file that comes next, which must be `path`."""
        found = _header(self._file)
        if found is None or found[0] != path:
            raise ImportRefused(
                "incomplete", f"The bundle does not hold {path} where it should be.", path
            )
        return found[1]

    def _small(self, path: str, limit: int) -> bytes:
        size = self._next(path)
        if size > limit:
            raise ImportRefused("too_large", f"{path} in the bundle is too long.", path)
        content = self._file.read(size)
        self._file.read(-size % _BLOCK)
        return content


def _header(file: BinaryIO) -> tuple[str, int] | None:
    """Name and size of the file that follows, in bytes; None at the end of all.

    Raises `ImportRefused` for whatever is no plain file.
    """
    block = file.read(_BLOCK)
    if block == bytes(_BLOCK):
        return None
    try:
        about = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise ImportRefused("format", "It is no bundle, or is cut short.") from error
    if about.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or about.size < 0:
        raise ImportRefused("format", "It holds what is no plain file, and is no bundle.")
    return about.name, about.size


def _told(progress: Progress, path: str, before: int, total: int, done: int) -> None:
    progress(path, before + done, total)


def _other(path: str) -> ImportRefused:
    return ImportRefused(
        "changed",
        f"{path} in the bundle is not as its manifest says. Make the bundle again, and see "
        "who had it on its way.",
        path,
    )


@contextmanager
def opened(path: Path, gateway_keys: Sequence[bytes]) -> Iterator[Opened]:
    """A bundle whose manifest one of these keys signed.

    Raises `ImportRefused`, also where the file ends too early.
    """
    try:
        with path.open("rb") as file:
            yield Opened(file, gateway_keys)
    except ManifestRefused as error:
        reason = "signature" if error.file == SIGNATURE else "manifest"
        raise ImportRefused(reason, str(error), error.file) from error


def is_bundle(path: Path) -> bool:
    """Whether a file begins as one."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            found = _header(io.BytesIO(file.read(_BLOCK)))
        except ImportRefused:
            return False
    return found is not None and found[0] == MANIFEST

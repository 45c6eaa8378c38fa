"""A model as one file, for machines that no network joins: an uncompressed tar (POSIX, pax).

The manifest comes first, its signature second, then the files in the manifest's order: a reader
knows what must come before it writes a byte, and takes nothing else. Weights do not compress.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

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

_SIGNATURE_LENGTH = 128


def write(folder: Path, manifest: Manifest, target: Path) -> None:
    """Write the model in `folder` to `target`, which must not exist.

    Every file is checked against the manifest first; raises `ModelUnusable`.
    """
    check_files(folder, manifest)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with scratch.open("xb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for path in (MANIFEST, SIGNATURE, *(one.path for one in manifest.files)):
                    about = tarfile.TarInfo(path)
                    about.size = (folder / path).stat().st_size
                    about.mode = 0o640
                    with (folder / path).open("rb") as content:
                        tar.addfile(about, content)
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, target)  # never over a file that is there
    finally:
        scratch.unlink(missing_ok=True)


class Opened:
    """A bundle that is being read: its manifest, and the public key that signed it."""

    def __init__(self, tar: tarfile.TarFile, gateway_keys: Sequence[bytes]) -> None:
        """Raises `ManifestRefused` and `ImportRefused`."""
        self._tar = tar
        self.content = self._small(MANIFEST, MANIFEST_MAX)
        self.signature = self._small(SIGNATURE, _SIGNATURE_LENGTH).decode("ascii", "replace")
        self.signer = verify(self.content, self.signature, gateway_keys)
        self.manifest = decoded(self.content)

    def take(self, intake: Intake, progress: Progress = lambda *_: None) -> None:
        """Write its files into `intake`; raises `ImportRefused` at the first that differs."""
        so_far, total = 0, self.manifest.size
        for file in self.manifest.files:
            member = self._next(file.path)
            content = self._tar.extractfile(member)
            if member.size != file.size or content is None:
                raise _other(file.path)
            copy = intake.folder / file.path
            copy.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            with copy.open("wb") as writing:
                found = written(
                    content,  # type: ignore[arg-type]
                    writing,
                    file.size,
                    partial(_told, progress, file.path, so_far, total),
                )
            if found != file.sha256:
                raise _other(file.path)
            so_far += file.size
        if self._tar.next() is not None:
            raise ImportRefused("format", "The bundle holds more than its manifest lists.")

    def _next(self, path: str) -> tarfile.TarInfo:
        member = self._tar.next()
        if member is None or member.name != path or not member.isreg():
            raise ImportRefused(
                "incomplete", f"The bundle does not hold {path} where it should be.", path
            )
        return member

    def _small(self, path: str, limit: int) -> bytes:
        member = self._next(path)
        content = self._tar.extractfile(member)
        if member.size > limit or content is None:
            raise ImportRefused("too_large", f"{path} in the bundle is too long.", path)
        return content.read()


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
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            yield Opened(tar, gateway_keys)
    except ManifestRefused as error:
        reason = "signature" if error.file == SIGNATURE else "manifest"
        raise ImportRefused(reason, str(error), error.file) from error
    except (tarfile.TarError, EOFError) as error:
        raise ImportRefused(
            "format", f"{path} is no bundle, or is cut short: {error}."
        ) from error


def is_bundle(path: Path) -> bool:
    """Whether a file looks like one."""
    return path.is_file() and tarfile.is_tarfile(path)

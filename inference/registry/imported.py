"""A model in the appliance's folder of models, checked against its manifest.

Every byte is read: a changed file, one that is missing and one that nobody listed are found.
Between the check and the engine's own reading the folder must not be written; it belongs to
the worker's user, or better to another, and the worker only reads it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from inference.registry.manifest import (
    FILES_MAX,
    MANIFEST,
    SIGNATURE,
    File,
    Manifest,
    ManifestRefused,
    read,
)
from inference.registry.weights import WeightsChanged, WeightsMissing, digest

READERS = 4  # files that are hashed at the same time


@dataclass(frozen=True, slots=True)
class Imported:
    """A folder of files. `file` is the one that an engine is given; empty: the folder."""

    folder: Path
    gateway_keys: tuple[bytes, ...]
    file: str = ""

    def path(self, name: str) -> Path:
        """See `Kept`."""
        path = self.folder / self.file
        if not path.exists():
            raise WeightsMissing(
                f"The files of {name} are not at {path}. Bring them here with `models place`.",
                self.file,
            )
        return path

    def check(
        self,
        name: str,
        digest: str,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        """See `Kept`; for `progress` see `check_files`."""
        manifest, found = read(self.folder, self.gateway_keys)
        if manifest.name != name or found != digest:
            raise ManifestRefused(
                f"{self.folder / MANIFEST} is another one than when the worker started: it "
                f"has the digest {found}, not {digest}. Start the worker anew.",
                MANIFEST,
            )
        check_files(self.folder, manifest, progress)


def check_files(
    folder: Path,
    manifest: Manifest,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> None:
    """Raise `WeightsMissing` or `WeightsChanged` unless the folder holds these files only.

    `progress` is told each file that is done, the bytes of all that are, and of all.
    """
    listed = {file.path for file in manifest.files}
    for path in inside(folder, manifest.name):
        if path not in listed and path not in (MANIFEST, SIGNATURE):
            raise WeightsChanged(
                f"{folder / path} is not among the files of {manifest.name} as registered. "
                "The model is not served: take the file away.",
                path,
                "unlisted",
            )
    with ThreadPoolExecutor(READERS, "weights") as pool:
        checked = pool.map(lambda file: _check(folder, manifest.name, file), manifest.files)
        done = 0
        for file, _ in zip(manifest.files, checked, strict=True):
            done += file.size
            progress(file.path, done, manifest.size)


def inside(folder: Path, name: str) -> Iterator[str]:
    """Paths of all files in a model's folder; raises `WeightsChanged` for links."""
    waiting, seen = [""], 0
    while waiting:
        below = waiting.pop()
        for path, mode in _entries(folder, name, below):
            seen += 1
            if seen > 2 * FILES_MAX or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise WeightsChanged(
                    f"{folder / path} is neither a file nor a folder, or one of too many. "
                    f"{name} is not served: take it away.",
                    path,
                    "unlisted",
                )
            if stat.S_ISDIR(mode):
                waiting.append(f"{path}/")
            else:
                yield path


def _entries(folder: Path, name: str, below: str) -> list[tuple[str, int]]:
    """Path and mode of what lies in one folder of a model, in the order of names."""
    try:
        with os.scandir(folder / below) as found:
            return sorted(
                (f"{below}{one.name}", one.stat(follow_symlinks=False).st_mode) for one in found
            )
    except OSError as error:
        raise WeightsChanged(_unread(folder / below, name, error), below) from error


def _unread(path: Path, name: str, error: OSError) -> str:
    return (
        f"{path} of {name} cannot be read: {error.strerror}. The model is not served: see to "
        "the folder's rights and its disk, or bring the model here again with `models place`."
    )


def _check(folder: Path, name: str, file: File) -> None:
    path = folder / file.path
    try:
        same = path.stat().st_size == file.size and digest(path) == file.sha256
    except FileNotFoundError:
        raise WeightsMissing(
            f"{path} is missing from {name}. Restore it, or bring the model here again with "
            "`models place`.",
            file.path,
        ) from None
    except OSError as error:
        raise WeightsChanged(_unread(path, name, error), file.path) from error
    if not same:
        raise WeightsChanged(
            f"{path} is not as it was registered for {name}. The model is not served: restore "
            "the file, or bring the model here again with `models place`.",
            file.path,
        )

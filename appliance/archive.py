"""A backup: one tar with a digest of every file, made while the appliance runs.

    manifest.json   layout, what is in the archive with SHA-256 and size, whether keys are in
    layout.json
    log/…           checkpoint and tiles; copied before the database, so that the database is
                    never older than the checkpoint beside it (the notary refuses to sign that)
    db.sqlite3      by SQLite's own backup, consistent while others write
    keys/…          only if asked for: whoever has them can read tickets and sign checkpoints

Nothing is trusted on the way back: only regular files with the names above, each checked
against the manifest before the folder gets its place. What is said to be made or restored is
on the disk, names and all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from appliance.services.folder import LAYOUT, LAYOUT_FILE, now
from compliance.audit.files import sync
from compliance.audit.holding import held

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "db.sqlite3"
CHECKPOINT = "log/checkpoint"
MANIFEST_MAX = 256 * 1024**2  # bytes
PERMITTED = re.compile(r"(layout\.json|db\.sqlite3|(log|keys)(/[A-Za-z0-9_.-]+)+)\Z")
COPY = 1024 * 1024
SNAPSHOT = ".backup-"


class ArchiveRefused(Exception):
    """The backup cannot be made or cannot be trusted. The message says why and what to do."""


def make(data: Path, target: Path, *, with_keys: bool) -> int:
    """Write a backup of the data folder to `target`; the number of files in it.

    `target` appears whole or not at all, readable by its owner only.
    """
    if target.exists():
        raise ArchiveRefused(f"{target} exists already; choose another name.")
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                contents = _fill(tar, data, with_keys=with_keys)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
        sync(target.parent)
    finally:
        scratch.unlink(missing_ok=True)
    return contents


def _fill(tar: tarfile.TarFile, data: Path, *, with_keys: bool) -> int:
    contents: dict[str, dict[str, Any]] = {}

    def add(name: str, source: Path) -> None:
        contents[name] = _add(tar, name, source)

    add(LAYOUT_FILE, data / LAYOUT_FILE)
    if data.joinpath(CHECKPOINT).exists():
        add(CHECKPOINT, data / CHECKPOINT)  # first: the tiles may then only be more
    for path in _files(data / "log"):
        name = path.relative_to(data).as_posix()
        if name != CHECKPOINT:
            # A partial tile may be replaced by a fuller one meanwhile (C2SP tlog-tiles).
            with suppress(FileNotFoundError):
                add(name, path)
    with _scratch_folder(data) as folder:
        snapshot = folder / DATABASE
        _copy_database(data / DATABASE, snapshot)
        add(DATABASE, snapshot)
    if with_keys:
        for path in _files(data / "keys"):
            add(path.relative_to(data).as_posix(), path)
    manifest = {
        "format": FORMAT,
        "layout": LAYOUT,
        "made": now(),
        "keys": with_keys,
        "files": contents,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mode = len(text), 0o600
    tar.addfile(entry, io.BytesIO(text))
    return len(contents)


@contextmanager
def _scratch_folder(data: Path) -> Iterator[Path]:
    """For a copy of the database, which must not stay: a rule may remove details later.

    What a killed backup left goes first. Who works in one holds its lock, and nobody else's is
    touched.
    """
    for left in data.glob(f"{SNAPSHOT}*"):
        with _locked(left) as mine:
            if mine:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=data, prefix=SNAPSHOT))
    with _locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> AbstractContextManager[bool]:
    """Whether its lock was free; it is held until the end."""
    return held(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))


def _copy_database(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            yield path


def _add(tar: tarfile.TarFile, name: str, source: Path) -> dict[str, Any]:
    with source.open("rb") as file:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o600
        reader = _Digesting(file)
        tar.addfile(entry, reader)
    return {"sha256": reader.digest.hexdigest(), "size": entry.size}


class _Digesting(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def restore(archive: Path, data: Path) -> dict[str, Any]:
    """Fill the empty folder `data` from a backup; its manifest.

    The files are unpacked beside `data` and take its place only if every digest is right.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise ArchiveRefused(
            f"{data} is not empty; restore into an empty folder (DOMICILE_DATA)."
        )
    data.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=data.parent, prefix=f".{data.name}.restore-"))
    try:
        found = _unpack(archive, scratch)
        manifest = _checked(scratch, found)
        for name in ("keys", "log", "logs", "run"):
            scratch.joinpath(name).mkdir(mode=0o700, exist_ok=True)
        for folder in (scratch, *(path for path in scratch.rglob("*") if path.is_dir())):
            sync(folder)
        if data.exists():
            data.rmdir()
        scratch.replace(data)
        sync(data.parent)
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveRefused(f"{archive} is not a whole backup: {error}.") from error
    except OSError as error:
        raise ArchiveRefused(
            f"{error.filename or archive} cannot be used: {error.strerror}."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def _unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Write the files; their digests by name. Nothing but plain names inside `folder`."""
    digests: dict[str, str] = {}
    with tarfile.open(archive, mode="r:") as tar:
        for entry in tar:
            name = entry.name
            if not entry.isfile() or name in digests or not _permitted(name):
                raise ArchiveRefused(
                    f"{archive} holds {name[:80]!r}, which does not belong in a backup."
                )
            source = tar.extractfile(entry)
            if source is None:
                raise ArchiveRefused(f"{archive}: {name[:80]!r} cannot be read.")
            target = folder / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                while block := source.read(COPY):
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            digests[name] = digest.hexdigest()
    return digests


def _permitted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    plain = ".." not in parts and not any(part.startswith(".") for part in parts)
    return name == MANIFEST or (bool(PERMITTED.match(name)) and plain)


def _checked(folder: Path, found: dict[str, str]) -> dict[str, Any]:
    """The manifest, if it names exactly the files found, by their digests."""
    path = folder / MANIFEST
    if MANIFEST not in found or path.stat().st_size > MANIFEST_MAX:
        raise ArchiveRefused("The backup has no manifest; it is cut short or of another kind.")
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        named = {name: entry["sha256"] for name, entry in manifest["files"].items()}
        versions = (manifest["format"], manifest["layout"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveRefused("The backup's manifest cannot be read.") from error
    path.unlink()
    if versions != (FORMAT, LAYOUT):
        raise ArchiveRefused(
            f"The backup has format {versions[0]} and layout {versions[1]}; this Domicile "
            f"reads {FORMAT} and {LAYOUT}. Restore it with the Domicile that made it."
        )
    there = {name: digest for name, digest in found.items() if name != MANIFEST}
    for name in sorted(named.keys() | there.keys()):
        if named.get(name) != there.get(name):
            raise ArchiveRefused(
                f"{name} is not what the manifest says; the backup is damaged."
            )
    if DATABASE not in there or LAYOUT_FILE not in there:
        raise ArchiveRefused("The backup holds no database.")
    return manifest

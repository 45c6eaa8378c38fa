"""The folder of finished exports, and who works at which: files and locks, no database.

`<data>/exports` belongs to the process `records`. Whoever works at run n holds the kernel's
lock on `.run-n.lock`, which ends with the process however it ends, so a run has at most one
worker and a dead one is recognised at once. What is being written is `.run-n.part`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from django.conf import settings

from compliance.audit.files import sync
from compliance.audit.holding import held

BLOCK = 1 << 20  # bytes read at once
FILE_NAME = re.compile(r"domicile-[a-z0-9-]+-run-[0-9]+\.zip\Z", re.ASCII)
"""Names are made of words and numbers of ours; nothing that anybody typed is in one."""
_LEFT = re.compile(r"\.run-([0-9]{1,18})\.(?:lock|part|tmp)\Z", re.ASCII)


def folder() -> Path:
    """Where exports lie; made where it is missing, for its owner alone."""
    path: Path = settings.DOMICILE.data / "exports"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def room() -> bool:
    """Whether the disk has more free than what must stay free."""
    return shutil.disk_usage(folder()).free >= settings.DOMICILE.disk_floor


def kept(name: str) -> Path | None:
    """The finished file `name`, if it is there; None for what is no name of ours."""
    path = folder() / name
    return path if FILE_NAME.match(name) and path.is_file() and not path.is_symlink() else None


def part(pk: int) -> Path:
    """What is being written of run `pk`."""
    return folder() / f".run-{pk}.part"


def place(scratch: Path, name: str) -> Path:
    """Give a whole file its name, durably; nothing is replaced. Can be repeated.

    Where the operator let a group read the folder (the console's user is another one under
    systemd), it may read the file too.
    """
    if not FILE_NAME.match(name):
        raise ValueError("That is no name of an export.")
    target = scratch.with_name(name)
    if scratch.exists():
        shared = stat.S_IMODE(target.parent.stat().st_mode) & stat.S_IRGRP
        scratch.chmod(0o640 if shared else 0o600)
        with suppress(FileExistsError):  # linked before a crash; else the caller is told
            os.link(scratch, target)
        if not scratch.samefile(target):
            raise FileExistsError(f"{target} is another export and was left as it is.")
        scratch.unlink()
    sync(target.parent)
    return target


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def hold(pk: int) -> Iterator[bool]:
    """Be the one who works at run `pk`, if nobody does; says whether that is so."""
    path = folder() / f".run-{pk}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with held(descriptor) as mine:
        if not mine:
            yield False
            return
        try:
            current = path.stat().st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            current = False
        if not current:  # who held it before removed it between our two calls
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def turn() -> AbstractContextManager[bool]:
    """Be the one who makes an export, if nobody does: the record is read by one at a time."""
    return hold(0)  # no run has this number


def left() -> set[int]:
    """Runs of which something unfinished lies in the folder."""
    found = (_LEFT.match(path.name) for path in folder().iterdir())
    return {int(match[1]) for match in found if match}


def sweep_up(pk: int) -> None:
    """Remove what an ended attempt at run `pk` left; for whoever holds it."""
    part(pk).unlink(missing_ok=True)
    shutil.rmtree(folder() / f".run-{pk}.tmp", ignore_errors=True)


@contextmanager
def scratch_folder(pk: int) -> Iterator[Path]:
    """A folder for run `pk`'s own scratch files, on the same disk; gone afterwards."""
    path = folder() / f".run-{pk}.tmp"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)

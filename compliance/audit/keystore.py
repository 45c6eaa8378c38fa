"""The vault: 256 bucket keys in files of their own, and the list of what was erased.

    <data>/vault/keys/017.3   the key of bucket 17, generation 3: 64 hex digits
    <data>/vault/keys/held.<request>  the key of a held request's text, while it waits
    <data>/vault/erased.jsonl what was asked to be erased, a line each; only ever longer
    <data>/vault/lock         held by whoever erases

Its folder belongs to one user (mode 700). Where web and `records` are two users, the operator
makes it for a group of both (mode 2770), and all that is made in it is that group's too.

It lies outside of the database and no backup takes it, so a destroyed key is gone from every
copy of the database as well. A file for each key, in place of a small database: no journal or
free page can keep an old one, and overwriting it is one write to blocks it owns alone. What a
drive or a copying file system keeps beneath is out of a program's reach (SECURITY.md, P6).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.audit.files import sync
from compliance.audit.holding import held
from compliance.audit.keys import KeyUnusable, create_key, destroy_key, read_key, secret
from compliance.models import Content

BUCKETS = 256
_SCRATCH = ".making."
_NAME = re.compile(r"(\d{3})\.(\d{1,10})\Z")
_HELD = re.compile(r"held\.([0-9a-f]{32})\Z")
_within = threading.Lock()  # flock knows processes' open files; threads take turns here first


class VaultUnavailable(Exception):
    """Bucket keys cannot be read or made, so nothing can be kept. The message says why."""

    def __init__(self, message: str, buckets: frozenset[int] = frozenset()) -> None:
        super().__init__(message)
        self.buckets = buckets


class VaultUnreadable(Exception):
    """Kept content cannot be opened: its key was destroyed or is missing."""


class KeyStore:
    """The folder `vault`. Safe for threads and processes.

    It is made when something is to be kept, unless it is `needed` for what was kept before.
    """

    def __init__(self, folder: Path, needed: Callable[[], bool] = lambda: False) -> None:
        self.folder = folder
        self._needed = needed
        self._keys = folder / "keys"
        self._list = folder / "erased.jsonl"

    def key(self, bucket: int, generation: int) -> bytes:
        """A bucket's key to keep something under, made where there is none.

        Raises `VaultUnavailable`.
        """
        try:
            self._prepare()
            return secret(self._path(bucket, generation), group=self._group())
        except VaultUnreadable as error:
            raise VaultUnavailable(str(error), frozenset({bucket})) from error
        except (OSError, KeyUnusable) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise VaultUnavailable(
                f"The vault {self.folder} cannot be used: {why}", frozenset({bucket})
            ) from error

    def open(self, bucket: int, generation: int) -> bytes:
        """A bucket's key to read something with; raises `VaultUnreadable`."""
        try:
            return read_key(self._path(bucket, generation), shared=self._group() is not None)
        except (OSError, KeyUnusable) as error:
            raise VaultUnreadable(
                "The key of this content was destroyed, or is not in this vault."
            ) from error

    def renew(self, bucket: int, above: int) -> int:
        """A fresh key, durable when this returns; its generation is the highest so far.

        The caller holds `lock`. Raises `VaultUnreadable`.
        """
        self._prepare()
        generation = max([above, *self.generations(bucket)]) + 1
        create_key(self._path(bucket, generation), group=self._group())
        return generation

    def destroy(self, bucket: int, below: int) -> int:
        """Overwrite and remove the bucket's keys of generations less than `below`; how many.

        Done with overwriting, syncing, removing and syncing the folder when this returns.
        """
        old = [generation for generation in self.generations(bucket) if generation < below]
        for generation in old:
            destroy_key(self._path(bucket, generation))
        if old:
            sync(self._keys)
        return len(old)

    def generations(self, bucket: int) -> list[int]:
        """Of which generations there are keys, ascending."""
        return self._standing().get(bucket, [])

    def destroy_superseded(self, current: Mapping[int, int]) -> int:
        """Destroy what is older than each bucket's `current` generation; how many keys."""
        return sum(
            self.destroy(bucket, current.get(bucket, 0))
            for bucket, generations in self._standing().items()
            if generations[0] < current.get(bucket, 0)
        )

    def new_held(self, request: str) -> bytes:
        """A fresh key for the text of a held request; raises `VaultUnavailable`."""
        try:
            self._prepare()
            return create_key(self._held(request), group=self._group())
        except VaultUnreadable as error:
            raise VaultUnavailable(str(error)) from error
        except OSError as error:
            raise VaultUnavailable(
                f"The vault {self.folder} cannot be used: {error.strerror}"
            ) from error

    def held(self, request: str) -> bytes:
        """That key; raises `VaultUnreadable` once it is destroyed."""
        try:
            return read_key(self._held(request), shared=self._group() is not None)
        except (OSError, KeyUnusable) as error:
            raise VaultUnreadable(
                "The key of this held request was destroyed, or is not in this vault."
            ) from error

    def destroy_held(self, request: str) -> None:
        """Destroy that key, if it still stands; done as `destroy` does it."""
        with suppress(FileNotFoundError):
            destroy_key(self._held(request))
            sync(self._keys)

    def all_held(self) -> list[str]:
        """Of which held requests there are keys."""
        names = (path.name for path in self._keys.glob("held.*")) if self._keys.exists() else ()
        return sorted(match[1] for name in names if (match := _HELD.match(name)))

    def list_erasure(self, entry: Mapping[str, Any]) -> None:
        """Add a line to the list of erasures, durable when this returns.

        The caller holds `lock`.
        """
        self._prepare()
        descriptor = self._opened(self._list, os.O_WRONLY | os.O_APPEND)
        try:
            # A line feed first: a line that a crash cut short must not swallow this one.
            os.write(descriptor, b"\n" + json.dumps(entry, sort_keys=True).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync(self.folder)

    def listed(self) -> Iterator[dict[str, Any]]:
        """The list of erasures, oldest first, without a line that a crash cut short."""
        if not self._list.exists():
            return
        with self._list.open("rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry

    @contextmanager
    def lock(self, *, wait: bool = True) -> Iterator[bool]:
        """One eraser at a time, in all processes; false if another erases and `wait` is not.

        Raises `VaultUnreadable` where the vault is not there.
        """
        if not _within.acquire(blocking=wait):
            yield False
            return
        try:
            self._prepare()
            with held(self._opened(self.folder / "lock", os.O_RDWR), wait=wait) as mine:
                yield mine
        finally:
            _within.release()

    def faults(self) -> Iterator[str]:
        """What keeps this process from using the vault, or lets others into it, in words."""
        if not self.folder.exists():
            return
        uid, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
        for folder in (self.folder, self._keys):
            if not folder.exists():
                continue
            about = folder.stat()
            mode = f"{about.st_mode & 0o7777:o}"
            if about.st_mode & 0o007:
                yield f"{folder} is open to everybody (mode {mode})"
            mine = about.st_uid == uid or (about.st_mode & 0o070 and about.st_gid in groups)
            if not mine or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                yield f"{folder} is closed to this user (mode {mode})"
                return
        for bucket, generations in sorted(self._standing().items()):
            for generation in generations:
                try:
                    read_key(self._path(bucket, generation), shared=self._group() is not None)
                except KeyUnusable as error:
                    yield str(error)

    def lacks(self, used: Iterable[tuple[int, int]]) -> int:
        """Of how many of the (bucket, generation) in use there is no key."""
        standing = self._standing()
        return sum(generation not in standing.get(bucket, ()) for bucket, generation in used)

    def _standing(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        if self._keys.exists():
            for path in self._keys.iterdir():
                if match := _NAME.match(path.name):
                    found.setdefault(int(match[1]), []).append(int(match[2]))
        return {bucket: sorted(generations) for bucket, generations in found.items()}

    def _path(self, bucket: int, generation: int) -> Path:
        return self._keys / f"{bucket:03d}.{generation}"

    def _held(self, request: str) -> Path:
        if not _HELD.match(name := f"held.{request}"):
            raise ValueError("The id of a held request has 32 lower-case hex digits.")
        return self._keys / name

    def _prepare(self) -> None:
        """Make the folder, unless it is away."""
        if self._keys.is_dir():
            return
        # Another process may have made it, and kept something, since the look above: it makes
        # the folder first, so that whoever sees what was kept sees the folder too.
        if self._needed() and not self._keys.is_dir():
            raise VaultUnreadable(
                f"The vault {self.folder} is not there, and the database holds what was kept "
                "under its keys. Mount it, or put it back. If it is lost for good, make the "
                f"empty folder {self._keys} (mode 700): what was kept before then stays "
                "unreadable."
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync(self.folder.parent)
        with self._making():
            if not self._keys.is_dir():
                scratch = self._scratch(self._keys)
                scratch.mkdir(mode=0o700)
                if (group := self._group()) is not None:  # a umask would cut mkdir's mode
                    os.chown(scratch, -1, group)
                    scratch.chmod(0o770)
                scratch.rename(self._keys)
                sync(self.folder)

    def _group(self) -> int | None:
        """The group that the operator let into the folder; None where it is for one user."""
        about = self.folder.stat()
        return about.st_gid if about.st_mode & 0o070 else None

    def _opened(self, path: Path, flags: int) -> int:
        """A descriptor of a file of the folder, made where there is none."""
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with self._making():
            if not path.exists():
                scratch, group = self._scratch(path), self._group()
                descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    if group is not None:
                        os.fchown(descriptor, -1, group)
                        os.fchmod(descriptor, 0o660)
                finally:
                    os.close(descriptor)
                scratch.rename(path)
                sync(self.folder)
        return os.open(path, flags)

    @contextmanager
    def _making(self) -> Iterator[None]:
        """One maker at a time, of all processes.

        What it makes gets its name last, when all who share the vault may use it: a maker
        that is killed leaves a scratch, which the next one removes.
        """
        with held(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY), wait=True):
            for left in self.folder.glob(f"{_SCRATCH}*"):
                left.rmdir() if left.is_dir() else left.unlink()
            yield

    def _scratch(self, path: Path) -> Path:
        return self.folder / f"{_SCRATCH}{path.name}.{secrets.token_hex(8)}"


def store() -> KeyStore:
    """This appliance's."""
    return KeyStore(settings.DOMICILE.data / "vault", Content.objects.exists)

"""A folder that belongs to somebody else, as an appliance's role, opened by a stronger user.

What its owner can put into it, a symbolic link, a pipe, a second name of another user's file,
is never followed, neither to read nor to write. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

MOST = 2**20  # bytes in a file; a key has 65
PATIENCE = 10.0  # seconds to wait for whoever holds a folder
_LEFT = re.compile(r"\..+\.(handed|leaving|[0-9]{1,7})")
"""Names by which a run that was killed has left a key: see `write` and `replace`."""


class KeysRefused(Exception):
    """A key is missing, or another one stands in its place. The message says which."""


class Folder:
    """A folder of a role's that is held open: its files are reached by name in it alone.

    The role may change what lies there at any moment, so each file is judged by what was
    opened: a plain file of the folder's owner, all of whose names lie here. Raises
    `KeysRefused`.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def names(self, pattern: str) -> list[str]:
        """The names that match, in order."""
        with os.scandir(self._descriptor) as entries:
            return sorted(one.name for one in entries if fnmatchcase(one.name, pattern))

    def has(self, name: str) -> bool:
        """Whether anything has that name."""
        return name in self.names("*")

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where there is none."""
        descriptor = self._open(name, os.O_RDONLY)
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MOST)

    def must_read(self, name: str) -> bytes:
        """What a file holds that has to be there."""
        content = self.read(name)
        if content is None:
            raise KeysRefused(f"{self.path / name} is missing; restore it from your backup.")
        return content

    def write(self, name: str, content: bytes) -> None:
        """Durable and whole or not at all; it belongs to whom the folder belongs."""
        scratch, here = f".{name}.{secrets.token_hex(8)}.handed", self._descriptor
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(scratch, flags, 0o600, dir_fd=here)
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                owner = os.fstat(here)
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.rename(scratch, name, src_dir_fd=here, dst_dir_fd=here)
        os.fsync(here)

    def replace(self, name: str, content: bytes) -> list[str]:
        """Write the new key, then overwrite what had its name; where that was done."""
        leaving, here = f".{name}.leaving", self._descriptor
        held = self.read(name)
        if held == content:
            return []
        if held is not None:
            os.link(name, leaving, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        self.write(name, content)
        self.destroy(leaving)
        return [str(self.path / name)]

    def destroy(self, name: str) -> list[str]:
        """Overwrite a key and remove it; one with a second name here loses this one only."""
        descriptor = self._open(name, os.O_RDWR)
        if descriptor is None:
            return []
        with os.fdopen(descriptor, "r+b") as file:
            found = os.fstat(descriptor)
            if found.st_nlink == 1:
                file.write(secrets.token_bytes(found.st_size))
                file.flush()
                os.fsync(descriptor)
        os.unlink(name, dir_fd=self._descriptor)
        os.fsync(self._descriptor)
        return [str(self.path / name)]

    def clear(self) -> None:
        """Destroy the copies of keys that a run which was killed has left."""
        for name in self.names(".*"):
            if _LEFT.fullmatch(name):
                self.destroy(name)

    def _open(self, name: str, flags: int) -> int | None:
        try:
            # Not blocking, for a pipe would keep whoever opens it.
            flags |= os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._strange(name, error.strerror or "it cannot be opened") from error
        found, folder = os.fstat(descriptor), os.fstat(self._descriptor)
        why = ""
        if not stat.S_ISREG(found.st_mode) or found.st_size >= MOST:
            why = "it is no plain file of a key's size"
        elif found.st_uid != folder.st_uid:
            why = f"it belongs to the user {found.st_uid}, the folder to {folder.st_uid}"
        elif found.st_nlink != 1 and found.st_nlink != self._count(found.st_ino):
            why = "it has another name outside of the folder"
        if why:
            os.close(descriptor)
            raise self._strange(name, why)
        return descriptor

    def _count(self, inode: int) -> int:
        with os.scandir(self._descriptor) as entries:
            return sum(entry.inode() == inode for entry in entries)

    def _strange(self, name: str, why: str) -> KeysRefused:
        return KeysRefused(
            f"{self.path / name} is not a plain file of the folder's owner: {why}. It was "
            "neither read nor changed. Find out who put it there, and remove it or give it to "
            "the owner."
        )


@contextmanager
def opened(data: Path, name: str = "keys", *, make: bool = False) -> Iterator[Folder]:
    """The folder `name` in a data folder, held with the lock that the notary's keys have.

    The way to `data` is the operator's, who may use symbolic links; from there on it is the
    role's, who may not.
    """
    if make:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            parent = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, parent)
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=parent)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            descriptor = os.open(name, flags, dir_fd=parent)
        except OSError as error:
            raise KeysRefused(
                f"{data / name} is no folder that can be opened ({error.strerror}). It must be "
                "there, and no symbolic link."
            ) from error
        stack.callback(os.close, descriptor)
        _hold(descriptor, data / name)
        yield Folder(data / name, descriptor)


def _hold(descriptor: int, path: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= give_up:
                raise KeysRefused(
                    f"Another process holds {path}: a backup, a rotation, or another run of "
                    "this. Run it again when that is done."
                ) from error
            time.sleep(0.05)
        else:
            return

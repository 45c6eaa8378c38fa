"""The data folder: whose it is, which layout it has, and that only one appliance uses it."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import stat
from pathlib import Path

from compliance.audit.files import sync

LAYOUT = 1
LAYOUT_FILE = "layout.json"
LOCK_FILE = "up.lock"
HARMLESS = frozenset({LOCK_FILE, "keys", "run", "logs", "static"})
"""What may lie in a folder that is still to become a data folder."""


class FolderRefused(Exception):
    """The folder cannot be used. The message says why and what to do."""


class Hold:
    """The lock on a data folder; the kernel lets go of it when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Raises `FolderRefused` where another process holds it."""
        self._descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise FolderRefused(
                f"Another Domicile (process {holder or 'unknown'}) uses {folder}; stop it "
                "first, or choose another folder with DOMICILE_DATA."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it before the process ends."""
        os.close(self._descriptor)


def claim(folder: Path, run: Path) -> Hold:
    """Make `folder` a data folder, or check that it is one, and hold it.

    Also makes `run`, the folder of sockets; what is created from now on is private. Raises
    `FolderRefused`.
    """
    os.umask(0o077)  # also for every process that is started from here
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_contents(folder)
        hold = Hold(folder)
        layout = folder / LAYOUT_FILE
        if not layout.exists():
            write(layout, {"layout": LAYOUT, "made": now(), "set_up": None, "answered": None})
        for name in ("keys", "log", "logs", "run", "state"):
            folder.joinpath(name).mkdir(mode=0o700, exist_ok=True)
        private(run)
    except OSError as error:
        raise FolderRefused(
            f"{error.filename or folder} cannot be used as part of the data folder: "
            f"{error.strerror}. Mend its rights, or choose another with DOMICILE_DATA."
        ) from error
    return hold


def facts(folder: Path) -> dict[str, object]:
    """What layout.json says; raises `FolderRefused` where it is not readable."""
    path = folder / LAYOUT_FILE
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FolderRefused(
            f"{path} cannot be read, so it is unknown which Domicile made this folder; "
            "restore the file from your backup, or choose another folder with DOMICILE_DATA."
        ) from error
    if not isinstance(found, dict) or found.get("layout") != LAYOUT:
        version = found.get("layout") if isinstance(found, dict) else None
        raise FolderRefused(
            f"{folder} has layout {version}, and this Domicile knows layout {LAYOUT}. Use the "
            "Domicile that made it, or choose another folder with DOMICILE_DATA."
        )
    return found


def note(folder: Path, **changed: object) -> None:
    """Set members of layout.json."""
    write(folder / LAYOUT_FILE, facts(folder) | changed)


def write(path: Path, value: object) -> None:
    """JSON into a private file: whole and durable, or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    sync(path.parent)


def now() -> str:
    """The time in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _check_contents(folder: Path) -> None:
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if LAYOUT_FILE in names:
        facts(folder)
        return
    foreign = sorted(names - HARMLESS)
    keys = folder / "keys"
    if keys.is_dir():
        foreign += sorted(f"keys/{p.name}" for p in keys.iterdir() if p.name != "django-secret")
    if foreign:
        raise FolderRefused(
            f"{folder} holds {foreign[0]} but no {LAYOUT_FILE}: it is not a data folder of "
            "Domicile, or only a part of one. Choose an empty folder with DOMICILE_DATA, or "
            f"restore the missing {LAYOUT_FILE} from your backup."
        )


def private(folder: Path) -> None:
    """Make the folder of sockets; under /tmp it may be somebody else's trap.

    Raises `FolderRefused` and OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise FolderRefused(
            f"{folder} belongs to another user; choose a folder with DOMICILE_RUN."
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)

"""Key files: 32 bytes in lower-case hex and a line feed, readable by their owner only.

Keys of a vault that two users share may also be read and written by that folder's group.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from compliance.audit.files import sync

KEY_BYTES = 32


class KeyUnusable(Exception):
    """A key file is missing, malformed or open to others. The message says how to mend it."""


def read_key(path: Path, *, shared: bool = False) -> bytes:
    """The key in `path`; raises `KeyUnusable`. A `shared` one may be open to its group."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(2 * KEY_BYTES + 2)
    except OSError as error:
        raise KeyUnusable(f"The key file {path} cannot be read: {error.strerror}.") from error
    if mode & (0o007 if shared else 0o077):
        allowed = 660 if shared else 600
        raise KeyUnusable(f"The key file {path} is open to others; run chmod {allowed} on it.")
    try:
        key = bytes.fromhex(text.decode("ascii").rstrip("\n"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(
            f"The key file {path} does not hold 64 hex digits; restore it from your backup."
        )
    return key


def create_key(path: Path, *, group: int | None = None) -> bytes:
    """A new random key in `path`, durable when this returns; `group` may use it too.

    Raises FileExistsError where one stands: a key is never overwritten.
    """
    key = secrets.token_bytes(KEY_BYTES)
    write_key(path, key, group=group)
    return key


def write_key(path: Path, key: bytes, *, group: int | None = None) -> None:
    """Put a key into `path`, as `create_key` does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            if group is not None:
                os.fchown(descriptor, -1, group)
                os.fchmod(descriptor, 0o660)
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, path)  # fails if it exists, and never shows half a key
    finally:
        scratch.unlink()
    sync(path.parent)


def secret(path: Path, *, group: int | None = None) -> bytes:
    """The key in `path`, created where there is none; raises `KeyUnusable`."""
    shared = group is not None
    try:
        if not path.exists():
            return create_key(path, group=group)
    except FileExistsError:
        pass  # another process was faster
    return read_key(path, shared=shared)


def destroy_key(path: Path) -> None:
    """Overwrite and remove a key; the folder is the caller's to sync."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, secrets.token_bytes(size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()

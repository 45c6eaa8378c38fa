"""The log's private keys: the one that signs and, during a rotation, the one that will.

    keys/log.ed25519        signs
    keys/log.ed25519.next   signs as soon as the log says so (`rotation`)
    keys/log.ed25519.old    is being destroyed

Whoever makes, moves or copies them holds a flock(2) on the folder, so that a backup finds
keys that belong together.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.checkpoint import Signer
from compliance.audit.files import sync
from compliance.audit.keys import create_key, read_key

NAME = "log.ed25519"
STEP = 0.05  # seconds between attempts to hold the folder


class Ring(Protocol):
    """Where the log's keys lie."""

    def current(self) -> Signer:
        """The key that signs; raises `KeyUnusable`."""
        ...

    def find(self, public_key: bytes) -> Signer | None:
        """The private half of `public_key`; None where it is not here."""
        ...

    def settle(self, public_key: bytes) -> bool:
        """Make that key the one that signs, and destroy every other; false if not now."""
        ...


class One:
    """A ring of one key, which is never rotated."""

    def __init__(self, key: bytes | Signer) -> None:
        self._key = signer_of(key)

    def current(self) -> Signer:
        """The key."""
        return self._key

    def find(self, public_key: bytes) -> Signer | None:
        """The key, if it is that one."""
        return self._key if public_of(self._key) == public_key else None

    def settle(self, public_key: bytes) -> bool:
        """Nothing is ever to be settled."""
        return public_of(self._key) == public_key


class FileRing:
    """Key files in a folder, which is this appliance's `keys`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self.waiting = folder / f"{NAME}.next"
        self.leaving = folder / f"{NAME}.old"

    def current(self) -> Signer:
        """The key in `log.ed25519`; raises `KeyUnusable`."""
        return signer_of(read_key(self.path))

    def find(self, public_key: bytes) -> Signer | None:
        """That key, whether it signs or waits; raises `KeyUnusable` for a malformed file."""
        for path in (self.path, self.waiting):
            if path.exists():
                key = signer_of(read_key(path))
                if public_of(key) == public_key:
                    return key
        return None

    def prepare(self) -> Signer:
        """The key that waits, made where there is none; durable. The caller holds `lock`."""
        if not self.waiting.exists():
            create_key(self.waiting)
        return signer_of(read_key(self.waiting))

    def settle(self, public_key: bytes) -> bool:
        """Put the waiting key in its place, then overwrite and remove the old one.

        May be repeated after whatever cut it short. There is a key in `log.ed25519` at every
        moment. False if the folder is held by another process, or that key is not here.
        """
        with self.lock() as held:
            if not held:
                return False
            if self.waiting.exists() and _public(self.waiting) == public_key:
                self._step_aside()
                self.waiting.replace(self.path)
                sync(self.folder)
            if _public(self.path) != public_key:
                return False
            if self.leaving.exists():
                self._destroy()
            return True

    def _step_aside(self) -> None:
        """Give the old key's file its second name, by which it is destroyed."""
        if self.leaving.exists():
            if self.leaving.samefile(self.path):
                return
            self._destroy()
        os.link(self.path, self.leaving)
        sync(self.folder)

    def _destroy(self) -> None:
        if not self.leaving.samefile(self.path):
            with self.leaving.open("r+b") as file:
                file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
                file.flush()
                os.fsync(file.fileno())
        self.leaving.unlink()
        sync(self.folder)

    @contextmanager
    def lock(self, patience: float = 0.0) -> Iterator[bool]:
        """Hold the folder; false if another holds it for longer than `patience` seconds."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        give_up = time.monotonic() + patience
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= give_up:
                        yield False
                        return
                    time.sleep(STEP)
            yield True
        finally:
            os.close(descriptor)


def signer_of(key: bytes | Signer) -> Signer:
    """From the private key's 32 bytes, or what signs already."""
    return Ed25519PrivateKey.from_private_bytes(key) if isinstance(key, bytes) else key


def public_of(key: Signer) -> bytes:
    """The public key's 32 bytes."""
    return key.public_key().public_bytes_raw()


def _public(path: Path) -> bytes:
    return public_of(signer_of(read_key(path)))

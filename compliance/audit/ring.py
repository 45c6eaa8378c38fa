"""The log's private keys: the one that signs and, during a rotation, the one that will.

    keys/log.ed25519        signs
    keys/log.ed25519.next   signs as soon as the log says so (`rotation`)
    keys/log.ed25519.old    is being destroyed
    keys/log.pkcs11[…]      the same of a key on a token: its public half

Whoever makes, moves or copies them holds a flock(2) on the folder, so that a backup finds
keys that belong together.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.checkpoint import Signer
from compliance.audit.files import sync
from compliance.audit.holding import held
from compliance.audit.keys import KeyUnusable, create_key, read_key, write_key
from compliance.audit.token import Place, Token, TokenKey, token_at

NAME = "log.ed25519"
POINTER = "log.pkcs11"
ENDS = ("", ".next", ".old")
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
    """Key files in a folder, which is this appliance's `keys`; `token` may hold keys too.

    A file `log.pkcs11`, and its `.next` and `.old`, hold the public half of a key on the token,
    and stand for it. While both kinds lie there, that one signs.
    """

    def __init__(self, folder: Path, token: Token | None = None) -> None:
        self.folder, self.token = folder, token
        self.path, self.waiting, self.leaving = (folder / f"{NAME}{end}" for end in ENDS)
        self.pointer, self.pointer_waiting, self.pointer_leaving = (
            folder / f"{POINTER}{end}" for end in ENDS
        )

    def current(self) -> Signer:
        """The key that signs; raises `KeyUnusable`. No token is asked."""
        return self._key(self.pointer if self.pointer.exists() else self.path)

    def find(self, public_key: bytes) -> Signer | None:
        """That key, whether it signs or waits; raises `KeyUnusable` for a malformed file."""
        for path in (self.pointer, self.path, self.pointer_waiting, self.waiting):
            if path.exists():
                key = self._key(path)
                if public_of(key) == public_key:
                    return key
        return None

    def _key(self, path: Path) -> Signer:
        content = read_key(path)
        if path not in (self.pointer, self.pointer_waiting, self.pointer_leaving):
            return signer_of(content)
        if self.token is None:
            raise KeyUnusable(
                f"The log's key is on a token, as {path} says: name it with "
                "DOMICILE_PKCS11_MODULE and DOMICILE_PKCS11_TOKEN."
            )
        return TokenKey(self.token, content)

    def insist(self) -> None:
        """Raise `KeyUnusable` or `TokenAway` where the key that signs cannot sign now."""
        key = self.current()
        if isinstance(key, TokenKey) and key.token.find(key.public) is None:
            raise KeyUnusable(
                f"The token {key.token.place.token} does not hold the log's key that "
                f"{self.pointer} names; connect the one that does."
            )

    def successor(self) -> bytes | None:
        """The public half of the key that waits; None if none does."""
        for path in (self.waiting, self.pointer_waiting):
            if path.exists():
                return public_of(self._key(path))
        return None

    @property
    def waits_on_token(self) -> bool:
        """Whether the key that waits is on the token."""
        return self.pointer_waiting.exists() and not self.waiting.exists()

    def prepare(self, *, on_token: bool = False) -> bytes:
        """The public half of the key that waits, made where none does; durable.

        The caller holds `lock`, and knows that no rotation to a key of the other kind is on
        record: one that waits is destroyed. A crash can leave a key on the token that nothing
        names.
        """
        if on_token and self.token is None:
            raise KeyUnusable(
                "No token is configured: name it with DOMICILE_PKCS11_MODULE and "
                "DOMICILE_PKCS11_TOKEN."
            )
        if self.successor() is not None and self.waits_on_token != on_token:
            self._discard()
        waiting = self.successor()
        if waiting is not None:
            return waiting
        if self.token is None or not on_token:
            return public_of(signer_of(create_key(self.waiting)))
        public = self.token.make()
        write_key(self.pointer_waiting, public)
        return public

    def _discard(self) -> None:
        """Destroy the key that waits, as one that was put aside."""
        self._destroy()
        if self.waits_on_token:
            self.pointer_waiting.replace(self.pointer_leaving)
        else:
            self.waiting.replace(self.leaving)
        self._destroy()

    def settled(self, public_key: bytes) -> bool:
        """Whether that key signs, and no other lies here."""
        others = (self.waiting, self.pointer_waiting, self.leaving, self.pointer_leaving)
        if any(path.exists() for path in others) or self.path.exists() == self.pointer.exists():
            return False
        return public_of(self.current()) == public_key

    def settle(self, public_key: bytes) -> bool:
        """Put the waiting key in its place, then destroy the old one.

        A file is overwritten before it is removed. May be repeated after whatever cut it short:
        a key that signs lies here at every moment. False if the folder is held by another
        process, or that key is not here. Raises what the token does.
        """
        with self.lock() as held:
            if not held:
                return False
            for waiting, place, leaving in (
                (self.waiting, self.path, self.leaving),
                (self.pointer_waiting, self.pointer, self.pointer_leaving),
            ):
                if waiting.exists() and public_of(self._key(waiting)) == public_key:
                    self._step_aside(place, leaving)
                    waiting.replace(place)
                    sync(self.folder)
            if self._holds(self.path, public_key):
                if self.pointer.exists():
                    self.pointer.replace(self.pointer_leaving)
            elif self._holds(self.pointer, public_key):
                if self.path.exists():
                    self.path.replace(self.leaving)
            else:
                return False
            self._destroy()
            return True

    def _holds(self, path: Path, public_key: bytes) -> bool:
        return path.exists() and public_of(self._key(path)) == public_key

    def _step_aside(self, path: Path, leaving: Path) -> None:
        """Give the old key's file its second name, by which it is destroyed."""
        if leaving.exists() and path.exists() and leaving.samefile(path):
            return
        self._destroy()
        if path.exists():
            os.link(path, leaving)
            sync(self.folder)

    def _destroy(self) -> None:
        """What was put aside; a second name of a key in its place goes as a name only."""
        if self.leaving.exists():
            if not (self.path.exists() and self.leaving.samefile(self.path)):
                with self.leaving.open("r+b") as file:
                    file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
                    file.flush()
                    os.fsync(file.fileno())
            self.leaving.unlink()
        if self.pointer_leaving.exists():
            gone = self._key(self.pointer_leaving)
            same = self.pointer.exists() and self.pointer_leaving.samefile(self.pointer)
            if not same and isinstance(gone, TokenKey):
                gone.token.destroy(gone.public)
            self.pointer_leaving.unlink()
        sync(self.folder)

    def lock(self, patience: float = 0.0) -> AbstractContextManager[bool]:
        """Hold the folder; false if another holds it for longer than `patience` seconds."""
        give_up = time.monotonic() + patience

        def again() -> bool:
            if time.monotonic() >= give_up:
                return False
            time.sleep(STEP)
            return True

        return held(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY), again=again)


def signer_of(key: bytes | Signer) -> Signer:
    """From the private key's 32 bytes, or what signs already."""
    return Ed25519PrivateKey.from_private_bytes(key) if isinstance(key, bytes) else key


def public_of(key: Signer) -> bytes:
    """The public key's 32 bytes."""
    return key.public_key().public_bytes_raw()


def ring_of(domicile: Any) -> FileRing:
    """The ring of an appliance, by its configuration (`appliance.env.Environment`)."""
    token = None
    if domicile.pkcs11_module:
        pin = domicile.pkcs11_pin_file
        place = Place(
            domicile.pkcs11_module,
            domicile.pkcs11_token,
            domicile.pkcs11_key,
            Path(pin) if pin else None,
        )
        token = token_at(place)
    return FileRing(domicile.data / "keys", token)

"""The log's Ed25519 key on a token (PKCS#11): a smart card, or a hardware security module.

The private key is made on the token and never leaves it; in the folder of keys lies its public
half alone. During a rotation from one to another the token holds two of one label, told apart
by their public halves.

The library `python-pkcs11` is imported only where a token is configured.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit.keys import KeyUnusable

CURVES = (bytes.fromhex("06032b6570"), b"\x13\x0cedwards25519")
"""CKA_EC_PARAMS of Ed25519: the object identifier of RFC 8410, and the name of PKCS#11 3.0."""
PIN_MAX = 256  # bytes


class TokenAway(OSError):
    """The token does not answer. It may come back: whoever needs it tries again."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.ENODEV, why)


@dataclass(frozen=True, slots=True)
class Place:
    """The vendor's library, the labels of token and key, and the file with the PIN."""

    module: str
    token: str
    key: str
    pin_file: Path | None


class Token:
    """One token in one process; its methods may be called from any thread.

    They raise `TokenAway`, and `KeyUnusable` for what a person must mend. A PIN that was wrong
    is not tried again: after a few attempts a token locks itself.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._session: Any = None
        self._process = 0
        self._refused = ""

    def find(self, public_key: bytes) -> TokenKey | None:
        """The private half of `public_key`; None where this token does not hold it."""
        found: bytes | None = self._do(lambda session: self._identifier(session, public_key))
        return None if found is None else TokenKey(self, public_key)

    def make(self) -> bytes:
        """A new key on the token; its public half."""
        made: bytes = self._do(self._generated)
        return made

    def destroy(self, public_key: bytes) -> None:
        """Destroy a key, if the token still holds it."""
        self._do(lambda session: self._destroyed(session, public_key))

    def sign(self, public_key: bytes, data: bytes) -> bytes:
        """The Ed25519 signature by that key, checked."""
        signature: bytes | None = self._do(
            lambda session: self._signed(session, public_key, data)
        )
        if signature is None:
            raise KeyUnusable(
                f"The token {self.place.token} does not hold the log's key "
                f"{self.place.key}; connect the one that does."
            )
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
        except InvalidSignature as error:
            raise KeyUnusable(
                f"The token {self.place.token} signed with another key than the log's."
            ) from error
        return signature

    # --- in a session -------------------------------------------------------------------------

    def _do(self, work: Callable[[Any], Any]) -> Any:
        """What `work` finds in a session; asked again in a new one where it finds nothing.

        A token that was taken out can look empty to a session from before.
        """
        with self._lock:
            library = _library()
            try:
                found = work(self._opened(library))
                if found is None:
                    self._forget()
                    found = work(self._opened(library))
            except library.exceptions.PKCS11Error as error:
                self._forget()
                why = type(error).__name__
                if isinstance(error, _of_the_pin(library)):
                    self._refused = (
                        f"The token {self.place.token} refuses the PIN in "
                        f"{self.place.pin_file} ({why}). It is not tried again by this "
                        "process, since a token locks itself after a few wrong ones."
                    )
                    raise KeyUnusable(self._refused) from error
                raise TokenAway(
                    f"The token {self.place.token} with the log's key does not answer ({why}). "
                    "Nothing is signed until it does: see that it is connected."
                ) from error
            return found

    def _opened(self, library: Any) -> Any:
        if self._refused:
            raise KeyUnusable(self._refused)
        if self._session is not None and self._process == os.getpid():
            return self._session
        pin = self._pin()
        try:
            module = library.lib(self.place.module)
        except (RuntimeError, OSError) as error:
            raise KeyUnusable(
                f"The PKCS#11 library {self.place.module} cannot be loaded; name the right "
                "file with DOMICILE_PKCS11_MODULE."
            ) from error
        module.reinitialize()  # it may hold what a token that went, or a parent process, left
        session = module.get_token(token_label=self.place.token).open(rw=True, user_pin=pin)
        self._session, self._process = session, os.getpid()
        return session

    def _pin(self) -> str:
        path = self.place.pin_file
        if path is None:
            raise KeyUnusable(
                "The token's PIN is not here; name its file: DOMICILE_PKCS11_PIN_FILE."
            )
        try:
            with path.open("rb") as file:
                mode, pin = os.fstat(file.fileno()).st_mode, file.read(PIN_MAX)
        except OSError as error:
            raise KeyUnusable(
                f"The PIN file {path} cannot be read: {error.strerror}."
            ) from error
        if mode & 0o077:
            raise KeyUnusable(f"The PIN file {path} is open to others; run chmod 600 on it.")
        return pin.decode("utf-8", "replace").strip()

    def _forget(self) -> None:
        self._session = None

    def _identifier(self, session: Any, public_key: bytes) -> bytes | None:
        pkcs11 = _library()
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
            pkcs11.Attribute.LABEL: self.place.key,
        }
        for key in session.get_objects(wanted):
            if _point(key[pkcs11.Attribute.EC_POINT]) == public_key:
                return bytes(key[pkcs11.Attribute.ID])
        return None

    def _objects(self, session: Any, kind: str, public_key: bytes) -> list[Any]:
        pkcs11 = _library()
        identifier = self._identifier(session, public_key)
        if identifier is None:
            return []
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass[kind],
            pkcs11.Attribute.ID: identifier,
        }
        return list(session.get_objects(wanted))

    def _signed(self, session: Any, public_key: bytes, data: bytes) -> bytes | None:
        found = self._objects(session, "PRIVATE_KEY", public_key)
        if not found:
            return None
        return bytes(found[0].sign(data, mechanism=_library().Mechanism.EDDSA))

    def _generated(self, session: Any) -> bytes:
        pkcs11 = _library()
        for number, curve in enumerate(CURVES, 1):
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
            )
            try:
                public, _ = parameters.generate_keypair(
                    mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                    id=secrets.token_bytes(16),
                    label=self.place.key,
                    store=True,
                    private_template={
                        pkcs11.Attribute.SENSITIVE: True,
                        pkcs11.Attribute.EXTRACTABLE: False,
                    },
                )
                return _point(public[pkcs11.Attribute.EC_POINT])
            except pkcs11.exceptions.PKCS11Error:
                if number == len(CURVES):
                    raise
        raise KeyUnusable("The token makes no Ed25519 keys.")

    def _destroyed(self, session: Any, public_key: bytes) -> bool:
        private = self._objects(session, "PRIVATE_KEY", public_key)
        public = self._objects(session, "PUBLIC_KEY", public_key)
        for key in (*private, *public):
            key.destroy()
        return bool(private or public)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The log's key on a token, as a `Signer`. Only `sign` asks the token."""

    token: Token
    public: bytes

    def public_key(self) -> Ed25519PublicKey:
        """Its public half."""
        return Ed25519PublicKey.from_public_bytes(self.public)

    def sign(self, data: bytes, /) -> bytes:
        """The signature's 64 bytes; raises `TokenAway` and `KeyUnusable`."""
        return self.token.sign(self.public, data)


@cache
def token_at(place: Place) -> Token:
    """This process's one object for a token: nobody may log in to it twice."""
    return Token(place)


def _library() -> Any:
    try:
        import pkcs11  # noqa: PLC0415 - only where a token is configured
        import pkcs11.exceptions  # noqa: PLC0415
    except ImportError as error:
        raise KeyUnusable(
            "The log's key is on a token, and python-pkcs11 is not installed: install the "
            "extra `pkcs11` of Domicile."
        ) from error
    return pkcs11


def _of_the_pin(library: Any) -> tuple[type[Exception], ...]:
    names = ("PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired")
    return tuple(getattr(library.exceptions, name) for name in names)


def _point(value: bytes) -> bytes:
    """A public key from CKA_EC_POINT: as it is, or as the content of a DER octet string."""
    return bytes(value)[-32:]

"""A private key under a password: AES-256-GCM with a key that Argon2id derives from it.

Argon2id takes 64 MiB, three passes and four lanes, the second choice of RFC 9106, section 4.
What is sealed is bound to the public key.
"""

from __future__ import annotations

import secrets

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
_PASSES, _MEMORY, _LANES = 3, 65_536, 4  # memory in KiB


class Unopened(Exception):
    """The password is not the one that the key was sealed under."""


def seal(key: Ed25519PrivateKey, password: str) -> tuple[bytes, bytes]:
    """The sealed key, and the salt that opening it takes."""
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    public = key.public_key().public_bytes_raw()
    box = AESGCM(_derived(password, salt))
    return nonce + box.encrypt(nonce, key.private_bytes_raw(), public), salt


def unseal(sealed: bytes, salt: bytes, public: bytes, password: str) -> Ed25519PrivateKey:
    """The private key of `public`; raises `Unopened`."""
    nonce, box = sealed[:NONCE_BYTES], AESGCM(_derived(password, salt))
    try:
        private = box.decrypt(nonce, sealed[NONCE_BYTES:], public)
        return Ed25519PrivateKey.from_private_bytes(private)
    except (InvalidTag, ValueError) as error:
        raise Unopened from error


def _derived(password: str, salt: bytes) -> bytes:
    return hash_secret_raw(
        password.encode(), salt, _PASSES, _MEMORY, _LANES, KEY_BYTES, Type.ID
    )

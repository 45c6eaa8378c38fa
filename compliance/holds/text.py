"""What the approver reads, encrypted twice: under the hold's own key, and as kept content.

    sealed = nonce (12) + AES-256-GCM(hold key, text), bound to the hold's id

The hold's key is a file in the vault. Once it is destroyed nobody reads the text, whatever copy
of the database there is; that it is kept content besides lets erasures of a person find it.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from compliance.audit import vault
from compliance.audit.entry import canonical
from compliance.audit.keystore import VaultUnreadable, store
from compliance.models import Content as Stored
from compliance.vocabulary import Content

NONCE_BYTES = 12


def sealed(request: str, text: bytes, expires: int) -> Content:
    """The text under a fresh key, which is durable when this returns.

    `expires` is in microseconds since the Unix epoch. Raises `VaultUnavailable`.
    """
    key, nonce = store().new_held(request), secrets.token_bytes(NONCE_BYTES)
    data = nonce + AESGCM(key).encrypt(nonce, text, _about(request))
    written = {"part": vault.HELD, "sealed": base64.b64encode(data).decode()}
    return Content(vault.HELD, canonical(written), expires)


def opened(request: str) -> bytes:
    """The text of a hold that lives; raises `VaultUnreadable` once it is gone."""
    row = standing(request)
    if row is None:
        raise VaultUnreadable("The text of this held request was erased.")
    key = store().held(request)
    _part, _commitment_key, kept = vault.opened(row, store())
    data = base64.b64decode(json.loads(kept)["sealed"])
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _about(request))
    except InvalidTag as error:
        raise VaultUnreadable(
            "The text of this held request cannot be opened with its key."
        ) from error


def standing(request: str) -> Stored | None:
    """The ciphertext, unless it was erased or its time is over."""
    now = datetime.now(UTC)
    return Stored.objects.filter(request=request, part=vault.HELD, expires__gt=now).first()


def lives(request: str) -> bool:
    """Whether the text can be read: neither erased nor over, and its key not destroyed.

    A database that was restored has rows of holds that ended since; their keys it has not.
    """
    try:
        store().held(request)
    except VaultUnreadable:
        return False
    return standing(request) is not None


def destroy(request: str) -> None:
    """Destroy the hold's key; nobody reads the text any more. Harmless where it is gone."""
    store().destroy_held(request)


def _about(request: str) -> bytes:
    return f"domicile/hold/1\0{request}".encode()

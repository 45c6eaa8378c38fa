"""Content beside the log: encrypted when it is kept, opened only on purpose.

    data     = nonce (12) + AES-256-GCM(data key, commitment key (32) + text), bound to request
               and part
    wrapped  = AES key wrap (RFC 3394) of the data key under its bucket's key

A request's parts lie in one bucket, the last byte of SHA-256 of its id, so that one key's end
is the end of all of them. Expensive steps are done before the transaction; wrapping is done in
it, under a lock on the bucket, so that nothing is wrapped under a key that is being destroyed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from compliance.audit.entry import KEY_BYTES, commitment
from compliance.audit.keystore import KeyStore, VaultUnavailable, VaultUnreadable, store
from compliance.models import Content as Stored
from compliance.vocabulary import Event

NONCE_BYTES = 12
PROMPT, OUTPUT, HELD = "prompt", "output", "held"


@dataclass(frozen=True, slots=True)
class Kept:
    """A content that is encrypted, and not wrapped yet."""

    request: str
    part: str
    application: str | None
    bucket: int
    key: bytes  # the data key, 32 bytes
    data: bytes
    expires: datetime
    subjects: tuple[str, ...]


def bucket_of(request: str) -> int:
    """SHA-256 of the request's id, modulo 256."""
    return hashlib.sha256(request.encode("ascii")).digest()[-1]


def seal(event: Event, commitment_key: bytes) -> Kept:
    """Encrypt the content of `event` under a fresh data key."""
    content, request = event.content, event.request
    assert content is not None  # noqa: S101 - asked for events that keep something
    assert request is not None  # noqa: S101 - the entry would have been invalid
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(NONCE_BYTES)
    about = _about(request, content.part)
    sealed = AESGCM(key).encrypt(nonce, commitment_key + content.text, about)
    return Kept(
        request=request,
        part=content.part,
        application=event.application,
        bucket=bucket_of(request),
        key=key,
        data=nonce + sealed,
        expires=datetime.fromtimestamp(content.expires / 1_000_000, UTC),
        subjects=content.subjects,
    )


def wrap(kept: Sequence[Kept], generations: dict[int, int], keys: KeyStore) -> list[bytes]:
    """The wrapped data keys, in order; raises `VaultUnavailable` naming all buckets at fault.

    `generations` are those of the database, and must not move before the caller's commit.
    """
    bucket_keys: dict[int, bytes] = {}
    failed: dict[int, VaultUnavailable] = {}
    for bucket in {one.bucket for one in kept}:
        try:
            bucket_keys[bucket] = keys.key(bucket, generations[bucket])
        except VaultUnavailable as error:
            failed[bucket] = error
        except KeyError:
            failed[bucket] = VaultUnavailable(f"The database has no bucket {bucket}.")
    if failed:
        raise VaultUnavailable(str(next(iter(failed.values()))), frozenset(failed))
    return [aes_key_wrap(bucket_keys[one.bucket], one.key) for one in kept]


def rewrap(wrapped: bytes, old: bytes, new: bytes) -> bytes | None:
    """The same data key under another bucket key; None if it was not under `old`."""
    try:
        return aes_key_wrap(new, aes_key_unwrap(old, wrapped))
    except InvalidUnwrap:
        return None


def read(request: str) -> list[tuple[str, bytes, bytes]]:
    """What is kept of a request: (part, commitment key, text), the prompt first.

    Not the text of a held request, which is for its approver alone. Empty where nothing is
    kept, also once it has expired. Raises `VaultUnreadable` where something lies there that
    cannot be opened. Whoever shows it records that first.
    """
    rows = Stored.objects.filter(
        request=request, part__in=(PROMPT, OUTPUT), expires__gt=datetime.now(UTC)
    )
    return [opened(row, store()) for row in rows.order_by("-part")]


def legible(request: str) -> list[tuple[str, bytes, bytes]]:
    """As `read`, but nothing where it cannot be opened: what a restore brought back keyless."""
    try:
        return read(request)
    except VaultUnreadable:
        return []


def opened(row: Stored, keys: KeyStore) -> tuple[str, bytes, bytes]:
    """Part, commitment key and text of one row; raises `VaultUnreadable`."""
    data = bytes(row.data)
    try:
        key = aes_key_unwrap(keys.open(row.bucket, row.generation), bytes(row.wrapped))
        text = AESGCM(key).decrypt(
            data[:NONCE_BYTES], data[NONCE_BYTES:], _about(row.request, row.part)
        )
    except (InvalidUnwrap, InvalidTag, ValueError) as error:
        raise VaultUnreadable(
            f"The {row.part} of request {row.request} cannot be opened with this vault's key."
        ) from error
    return row.part, text[:KEY_BYTES], text[KEY_BYTES:]


def matches(entry_commitment: object, key: bytes, text: bytes) -> bool:
    """Whether an entry's `content` commits to this text."""
    return entry_commitment == commitment(key, text)


def _about(request: str, part: str) -> bytes:
    """What the ciphertext is bound to, so that none passes for another's."""
    return f"domicile/content/1\0{request}\0{part}".encode()

"""Tickets: a request cleared for one site, sealed so that only that site can open it.

The envelope is what the broker holds:

    version 1 | gateway key id 8 | Ed25519 signature 64 | header length 2 | header | sealed

The signature covers every other byte, so nothing is parsed before it holds. `header` is
public (suite, site, ticket id, expiry) and bound to the ciphertext as HPKE `info`. `sealed` is
the ticket under HPKE base mode, single shot (RFC 9180), with DHKEM(X25519, HKDF-SHA256),
HKDF-SHA256 and AES-256-GCM.

Receipts go the other way: a node's signed statement of what it ran.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

VERSION = 1
SUITE_ID = "hpke-x25519-sha256-aes256gcm"
ENVELOPE_MAX = 4 * 1024 * 1024  # bytes; a request body is at most 2 MB of JSON
LIFETIME_MAX = 120.0  # s; how long a spent id must be remembered at most
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEY_ID_BYTES = 8
_SIGNATURE_BYTES = 64
_TICKET_CONTEXT = b"domicile/ticket/1\x00"
_RECEIPT_CONTEXT = b"domicile/receipt/1\x00"
_PREFIX = 1 + _KEY_ID_BYTES + _SIGNATURE_BYTES


class ClearanceRefused(Exception):
    """A ticket must not be run, or a receipt not believed.

    `reason` is one of `too_large`, `malformed`, `unknown_gateway`, `bad_signature`,
    `wrong_site`, `expired`, `expires_too_late`, `unreadable`, `wrong_node`, or one of
    `in_force.check`. `ticket` is the id of a ticket whose signature held; empty else.
    """

    def __init__(self, reason: str, message: str, ticket: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.ticket = ticket


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A request cleared for one site. Times are in seconds since the Unix epoch.

    `expires` is until when it may begin, `deadline` until when it must have ended.
    `down_key` encrypts the frames of this attempt, `up_key` its cancellation (32 random bytes
    each); `handle` names the request on `reply_stream`. `endpoint` is what `body` is for
    (`vocabulary.Endpoint`). `adapter` is the whole name of the adapter of `model` that answers;
    empty: the model itself. `share` tells applications apart at a node without naming them.
    """

    id: str
    request: str
    attempt: int
    site: str
    model: str
    policy_digest: str
    body: dict[str, Any]
    issued: float
    expires: float
    deadline: float
    reply_stream: str
    handle: int
    down_key: bytes
    up_key: bytes
    endpoint: str = "chat.completions"
    adapter: str = ""
    share: str = ""
    batch: bool = False


class _Header(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    suite: str
    site: str
    ticket: str
    expires: float


_encode = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode
_decode_ticket = msgspec.msgpack.Decoder(Ticket).decode


def key_id(public_key: bytes) -> bytes:
    """The first 8 bytes of the SHA-256 of a raw public key."""
    return hashlib.sha256(public_key).digest()[:_KEY_ID_BYTES]


@lru_cache(maxsize=64)
def _site_key(public_key: bytes) -> X25519PublicKey:
    return X25519PublicKey.from_public_bytes(public_key)


@lru_cache(maxsize=64)
def _verifier(public_key: bytes) -> tuple[bytes, Ed25519PublicKey]:
    return key_id(public_key), Ed25519PublicKey.from_public_bytes(public_key)


def seal(ticket: Ticket, *, site_key: bytes, gateway_key: Ed25519PrivateKey) -> bytes:
    """The envelope for `ticket`, which only the site with public key `site_key` can open."""
    header = _encode(_Header(SUITE_ID, ticket.site, ticket.id, ticket.expires))
    sealed = _SUITE.encrypt(_encode(ticket), _site_key(site_key), info=_TICKET_CONTEXT + header)
    prefix = bytes([VERSION]) + key_id(gateway_key.public_key().public_bytes_raw())
    rest = len(header).to_bytes(2, "big") + header + sealed
    return prefix + gateway_key.sign(_TICKET_CONTEXT + prefix + rest) + rest


def open_ticket(
    envelope: bytes,
    *,
    site: str,
    site_private_key: X25519PrivateKey,
    gateway_public_keys: Sequence[bytes],
    now: float,
) -> Ticket:
    """The ticket in `envelope`, verified and opened at `site`.

    Checks in this order: size, signature, site, expiry; only then is the ciphertext opened.
    That it was not run before is `SpentTickets`' to say. Raises `ClearanceRefused`.
    """
    header, encoded_header, sealed = _verified(envelope, gateway_public_keys)
    if header.site != site:
        raise ClearanceRefused(
            "wrong_site",
            f"The ticket {header.ticket} is for the site {header.site}; this is {site}.",
            header.ticket,
        )
    _check_time(header, now)
    try:
        ticket = _decode_ticket(
            _SUITE.decrypt(sealed, site_private_key, info=_TICKET_CONTEXT + encoded_header)
        )
    except (InvalidTag, msgspec.DecodeError) as error:
        raise ClearanceRefused(
            "unreadable",
            f"The ticket {header.ticket} does not open with the key of the site {site}; "
            "compare the site's public key in the console with the one on this node.",
            header.ticket,
        ) from error
    bound = (SUITE_ID, ticket.site, ticket.id, ticket.expires)
    if bound != (header.suite, header.site, header.ticket, header.expires):
        raise ClearanceRefused(
            "malformed",
            f"The ticket {header.ticket} contradicts its own header.",
            header.ticket,
        )
    return ticket


def _verified(
    envelope: bytes, gateway_public_keys: Sequence[bytes]
) -> tuple[_Header, bytes, bytes]:
    """Header, encoded header and ciphertext of an envelope whose signature holds."""
    if len(envelope) > ENVELOPE_MAX:
        raise ClearanceRefused(
            "too_large", f"An envelope of {len(envelope)} bytes is above {ENVELOPE_MAX}."
        )
    if len(envelope) < _PREFIX + 2 or envelope[0] != VERSION:
        raise ClearanceRefused("malformed", f"This is no envelope of version {VERSION}.")
    identity = envelope[1 : 1 + _KEY_ID_BYTES]
    verifier = dict(_verifier(key) for key in gateway_public_keys).get(identity)
    if verifier is None:
        raise ClearanceRefused(
            "unknown_gateway",
            f"No gateway with the key id {identity.hex()} is trusted here; copy the gateway's "
            "public key to keys/gateway.pub.",
        )
    signature, rest = envelope[1 + _KEY_ID_BYTES : _PREFIX], envelope[_PREFIX:]
    try:
        verifier.verify(signature, _TICKET_CONTEXT + envelope[: 1 + _KEY_ID_BYTES] + rest)
    except InvalidSignature as error:
        raise ClearanceRefused(
            "bad_signature", "An envelope was changed after the gateway signed it."
        ) from error
    end = 2 + int.from_bytes(rest[:2], "big")
    try:
        return _decode_header(rest[2:end]), rest[2:end], rest[end:]
    except msgspec.DecodeError as error:
        raise ClearanceRefused("malformed", "An envelope's header is malformed.") from error


def _check_time(header: _Header, now: float) -> None:
    if now >= header.expires:
        raise ClearanceRefused(
            "expired", f"The ticket {header.ticket} has expired.", header.ticket
        )
    if header.expires - now > LIFETIME_MAX:
        raise ClearanceRefused(
            "expires_too_late",
            f"The ticket {header.ticket} expires more than {LIFETIME_MAX:.0f} s from now; "
            "compare the clocks of gateway and node.",
            header.ticket,
        )


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says it ran. Times are in microseconds since the Unix epoch.

    `weights` is the SHA-256 of the model's weights (hex). `finish_reason` has one word per
    choice, in the choices' order, joined by commas.
    """

    ticket: str
    request: str
    attempt: int
    site: str
    node: str
    model: str
    weights: str
    engine: str
    policy_digest: str
    prompt_tokens: int
    completion_tokens: int
    accepted: int
    started: int
    finished: int
    finish_reason: str


def _canonical(receipt: Mapping[str, Any]) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(receipt, option=orjson.OPT_SORT_KEYS)


def sign(receipt: Receipt, node_key: Ed25519PrivateKey) -> dict[str, Any]:
    """`receipt` with the node's signature over its canonical JSON; ready for an event."""
    content = msgspec.to_builtins(receipt)
    signature = node_key.sign(_RECEIPT_CONTEXT + _canonical(content))
    return {"receipt": content, "signature": signature.hex()}


def verify_receipt(signed: Mapping[str, Any], node_public_key: bytes) -> Receipt:
    """The receipt in `signed`; raises `ClearanceRefused` unless that node signed it."""
    try:
        receipt = msgspec.convert(signed["receipt"], Receipt)
        signature = bytes.fromhex(signed["signature"])
        content = _canonical(msgspec.to_builtins(receipt))
        _verifier(node_public_key)[1].verify(signature, _RECEIPT_CONTEXT + content)
    except (KeyError, TypeError, ValueError, InvalidSignature) as error:
        raise ClearanceRefused(
            "bad_signature", "A receipt does not bear the signature of the node that sent it."
        ) from error
    return receipt

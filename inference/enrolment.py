"""How a machine asks to become a node: token, request and answer, and what each proves.

An operator makes a token and carries it to the machine. The machine makes its keys and sends a
request: its public keys, signed with the node's key, with a proof that it holds the site's
private key (X25519 with the token's one-time key). The answer, once an operator has approved,
is signed with the gateway's key, whose mark stood in the token: so neither side believes
whoever is on the way. Request and answer may travel as files.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

SAID_MAX = 4_096  # bytes of a request or an answer
_PREFIX = "dom-enrol"
_SECRET, _CHALLENGE, _MARK = 16, 32, 16  # bytes
_REQUEST_CONTEXT = b"domicile/enrolment/1\x00"
_ANSWER_CONTEXT = b"domicile/enrolled/1\x00"
_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z"

Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class EnrolmentRefused(Exception):
    """A machine is not enrolled. The message says why, and what to do.

    `reason` is one of `malformed`, `bad_signature`, `unknown_token`, `expired_token`,
    `used_token`, `other_site`, `other_site_key`, `no_site_key`, `name_exists`, `key_exists`,
    `declined` and `not_waiting`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Token:
    """What an operator carries to the machine.

    `first` says that the site has no key yet, so that the machine makes it. `challenge` is the
    appliance's one-time public key (X25519), `gateway` the mark of the gateway's.
    """

    site: str
    first: bool
    secret: bytes
    challenge: bytes
    gateway: bytes

    @property
    def text(self) -> str:
        """As it is shown and typed."""
        parts = bytes([self.first]) + self.secret + self.challenge + self.gateway
        return f"{_PREFIX}.{self.site}.{base64.urlsafe_b64encode(parts).decode().rstrip('=')}"

    @property
    def digest(self) -> str:
        """By which the appliance knows it again (hex)."""
        return digest(self.secret)


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a machine asks. Keys are raw public keys in hex, `time` is in microseconds."""

    secret: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    site: Name
    node: Name
    model: Annotated[str, msgspec.Meta(max_length=128)]
    node_key: Key
    site_key: Key
    time: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request as it travels: with the node's signature, and the proof of the site's key."""

    request: Request
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]
    proof: Key


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the appliance says to a machine that was approved."""

    site: Name
    node: Name
    node_key: Key
    site_key: Key
    gateway_key: Key


class _Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answer: Answer
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


_decode_asked = msgspec.json.Decoder(Asked).decode
_decode_answered = msgspec.json.Decoder(_Answered).decode


def digest(secret: bytes) -> str:
    """By which the appliance knows a token again (hex); it has 128 random bits."""
    return hashlib.sha256(_REQUEST_CONTEXT + secret).hexdigest()


def mark(gateway_key: bytes) -> bytes:
    """What of the gateway's public key stands in a token."""
    return hashlib.sha256(gateway_key).digest()[:_MARK]


def fingerprint(key: bytes) -> str:
    """A public key as two people compare it: SHA-256 in groups of four hex digits."""
    text = hashlib.sha256(key).hexdigest()[:32]
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def new_token(site: str, *, first: bool, gateway_key: bytes) -> tuple[Token, bytes]:
    """A token, and the one-time private key that belongs to it."""
    challenge = X25519PrivateKey.generate()
    token = Token(
        site=site,
        first=first,
        secret=secrets.token_bytes(_SECRET),
        challenge=challenge.public_key().public_bytes_raw(),
        gateway=mark(gateway_key),
    )
    return token, challenge.private_bytes_raw()


def read_token(text: str) -> Token:
    """The token in `text`; raises `EnrolmentRefused`."""
    prefix, _, rest = text.strip().partition(".")
    site, _, encoded = rest.rpartition(".")
    try:
        parts = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        parts = b""
    whole = 1 + _SECRET + _CHALLENGE + _MARK
    if prefix != _PREFIX or not re.match(_NAME, site) or len(parts) != whole or parts[0] > 1:
        raise EnrolmentRefused(
            "malformed",
            "This is no token for an enrolment; copy all of it, as the console showed it.",
        )
    secret, rest_ = parts[1 : 1 + _SECRET], parts[1 + _SECRET :]
    return Token(site, bool(parts[0]), secret, rest_[:_CHALLENGE], rest_[_CHALLENGE:])


def ask(
    request: Request, token: Token, node_key: Ed25519PrivateKey, site_key: X25519PrivateKey
) -> bytes:
    """`request` as it travels."""
    content = _REQUEST_CONTEXT + _canonical(request)
    shared = site_key.exchange(X25519PublicKey.from_public_bytes(token.challenge))
    proof = hmac.digest(shared, content, "sha256").hex()
    return msgspec.json.encode(Asked(request, node_key.sign(content).hex(), proof))


def read_request(said: bytes) -> Asked:
    """The request in `said`, not yet believed; raises `EnrolmentRefused`."""
    if len(said) > SAID_MAX:
        raise EnrolmentRefused("malformed", "A request for an enrolment is at most 4 kB.")
    try:
        return _decode_asked(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EnrolmentRefused(
            "malformed",
            "This is no request for an enrolment; make it with manage.py enrol on the machine.",
        ) from error


def verify(asked: Asked, challenge: bytes) -> None:
    """Raise `EnrolmentRefused` unless who asks holds both private keys.

    `challenge` is the one-time private key that belongs to the token.
    """
    request = asked.request
    content = _REQUEST_CONTEXT + _canonical(request)
    try:
        node_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(request.node_key))
        node_key.verify(bytes.fromhex(asked.signature), content)
        site_key = X25519PublicKey.from_public_bytes(bytes.fromhex(request.site_key))
        shared = X25519PrivateKey.from_private_bytes(challenge).exchange(site_key)
        proven = hmac.compare_digest(
            hmac.digest(shared, content, "sha256"), bytes.fromhex(asked.proof)
        )
    except (InvalidSignature, ValueError):
        proven = False
    if not proven:
        raise EnrolmentRefused(
            "bad_signature",
            "The request does not prove that the machine holds the private keys; make it anew "
            "with this token.",
        )


def answer(given: Answer, gateway_key: Ed25519PrivateKey) -> bytes:
    """`given` as it travels."""
    signature = gateway_key.sign(_ANSWER_CONTEXT + _canonical(given)).hex()
    return msgspec.json.encode(_Answered(given, signature))


def read_answer(said: bytes, token: Token) -> Answer:
    """The answer in `said`, if the gateway of `token` signed it; raises `EnrolmentRefused`."""
    try:
        answered = _decode_answered(said[:SAID_MAX])
        key = bytes.fromhex(answered.answer.gateway_key)
        Ed25519PublicKey.from_public_bytes(key).verify(
            bytes.fromhex(answered.signature), _ANSWER_CONTEXT + _canonical(answered.answer)
        )
    except (msgspec.DecodeError, ValueError, InvalidSignature) as error:
        raise EnrolmentRefused("malformed", "This is no answer of an appliance.") from error
    if not hmac.compare_digest(mark(key), token.gateway):
        raise EnrolmentRefused(
            "bad_signature",
            "The answer is not signed by the gateway that the token names. If its key was "
            "rotated since, make a new token; else somebody is on the way.",
        )
    return answered.answer


def _canonical(value: Any) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(value), option=orjson.OPT_SORT_KEYS)

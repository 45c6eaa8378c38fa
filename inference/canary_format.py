"""What a node's canary says, and what the gateway says to a node that was opened again.

A report is signed by the node: what it tried, and what came of it. A node that could get out
closes itself and says so in every report, until it holds an opening: the gateway's signed word
that an operator opened it, bound to the very closing (`closed`), so that none is used twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from inference.canary import TRIES_MAX

STREAM = "canaries"
STREAM_MAX = 1_000  # reports that nobody has dealt with
FIELD = "said"
SAID_MAX = 32_768  # bytes
WORDS_MAX = 300  # characters
OPENED = "opened:"  # + node: the newest opening
_REPORT = b"domicile/canary/1\x00"
_OPENING = b"domicile/canary-opening/1\x00"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?\Z")]
NO_NUL = r"^[^\x00]*\Z"  # PostgreSQL takes none
Words = Annotated[str, msgspec.Meta(max_length=WORDS_MAX, pattern=NO_NUL)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Signature = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


class ReportRefused(Exception):
    """What was said must not be believed; `reason` is `malformed` or `bad_signature`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One try, as in `canary.Try`."""

    how: Literal["tcp", "udp", "name", "http"]
    to: Words
    outcome: Literal["reached", "refused", "unreachable", "unanswered"]
    error: Words


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run came to. Times are microseconds since 1970.

    `layers` are the names of what held it, `words` says the same for people. `closed` is when
    the node closed itself, 0 while it is open, and `escapes` what had got out then.
    """

    node: Name
    site: Name
    time: Amount
    verdict: Literal["confined", "escaped", "unconfined"]
    layers: Annotated[tuple[Words, ...], msgspec.Meta(max_length=8)]
    words: Words
    tries: Annotated[tuple[Tried, ...], msgspec.Meta(max_length=TRIES_MAX)]
    closed: Amount = 0
    escapes: Annotated[tuple[Words, ...], msgspec.Meta(max_length=TRIES_MAX)] = ()


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator opened the node again that had closed itself at `closed`."""

    node: Name
    site: Name
    closed: Amount
    time: Amount


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report as it travels. `signature` is Ed25519 in hex, over its canonical JSON."""

    report: Report
    signature: Signature


class SignedOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An opening as it travels."""

    opening: Opening
    signature: Signature


_REPORTS = msgspec.json.Decoder(Signed)
_OPENINGS = msgspec.json.Decoder(SignedOpening)
Kind = TypeVar("Kind")


def canonical(said: Report | Opening) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(said), option=orjson.OPT_SORT_KEYS)


def identity(report: Report) -> str:
    """What tells reports apart: the SHA-256 (hex) of the canonical JSON."""
    return hashlib.sha256(canonical(report)).hexdigest()


def sign(report: Report, node_key: Ed25519PrivateKey) -> bytes:
    """`report` with its node's signature, as it travels."""
    signature = node_key.sign(_REPORT + canonical(report)).hex()
    return msgspec.json.encode(Signed(report, signature))


def read(said: bytes) -> Signed:
    """The report in `said`, not yet believed; raises `ReportRefused`."""
    return _decoded(said, _REPORTS)


def verify(signed: Signed, node_public_key: bytes) -> None:
    """Raise `ReportRefused` unless that node signed it."""
    _verified([node_public_key], signed.signature, _REPORT + canonical(signed.report))


def open_again(opening: Opening, gateway_key: Ed25519PrivateKey) -> bytes:
    """`opening` with the gateway's signature, as it travels."""
    signature = gateway_key.sign(_OPENING + canonical(opening)).hex()
    return msgspec.json.encode(SignedOpening(opening, signature))


def opened(said: bytes, gateway_public_keys: Sequence[bytes]) -> Opening:
    """The opening in `said`, which a gateway signed; raises `ReportRefused`."""
    signed = _decoded(said, _OPENINGS)
    _verified(gateway_public_keys, signed.signature, _OPENING + canonical(signed.opening))
    return signed.opening


def _decoded(said: bytes, decoder: msgspec.json.Decoder[Kind]) -> Kind:
    if len(said) > SAID_MAX:
        raise ReportRefused("malformed", "A report of a canary is too long.")
    try:
        return decoder.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportRefused("malformed", "A report of a canary cannot be read.") from error


def _verified(public_keys: Iterable[bytes], signature: str, message: bytes) -> None:
    for key in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature), message)
        except (ValueError, InvalidSignature):
            continue
        return
    raise ReportRefused("bad_signature", "A report of a canary does not bear its signature.")

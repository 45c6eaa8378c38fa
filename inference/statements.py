"""Statements: a node's signed word that it started an engine on weights that it had verified.

Each start is one, also the one after a crash: the weights are verified anew before it.

A node has no database. It puts its statement on a bounded stream of the broker, and again
from time to time until a gateway says that it is dealt with (`stated:<node>/<model>`): so it
outlasts a broker that lost everything and gateways that were away. What the broker says in
return is a hint and no proof; whoever has the broker can keep a statement from the record, and
that an engine answers without one then shows.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import orjson
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from redis.exceptions import RedisError

STREAM = "statements"
STREAM_MAX = 1_000  # statements that nobody has dealt with
FIELD = "said"
SAID_MAX = 4_096  # bytes
DEALT_WITH = "stated:"  # + node/model: the last statement that a gateway has dealt with
LOOK = 0.5  # seconds between looks at whether there is something newer to say
AGAIN = 30.0  # seconds until a statement nobody has dealt with is said again
_CONTEXT = b"domicile/statement/1\x00"

_log = structlog.get_logger(__name__)

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?\Z")]
NO_NUL = r"^[^\x00]*\Z"  # PostgreSQL takes none
Words = Annotated[str, msgspec.Meta(max_length=64, pattern=NO_NUL)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class StatementRefused(Exception):
    """A statement must not be believed; `reason` is `malformed` or `bad_signature`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says. `weights` is a SHA-256 (hex), `started` in microseconds since 1970.

    `capacity` is how many requests the engine answers at the same time.
    """

    node: Name
    site: Name
    model: Name
    weights: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    engine: Words
    version: Words
    started: Amount
    capacity: Amount


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement as it travels. `signature` is Ed25519 in hex, over its canonical JSON."""

    statement: Statement
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


_decode = msgspec.json.Decoder(Signed).decode


def canonical(statement: Statement) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(statement), option=orjson.OPT_SORT_KEYS)


def identity(statement: Statement) -> str:
    """What tells statements apart: the SHA-256 (hex) of the canonical JSON."""
    return hashlib.sha256(canonical(statement)).hexdigest()


def dealt_with(statement: Statement) -> str:
    """The key under which a gateway says that it has dealt with a statement."""
    return f"{DEALT_WITH}{statement.node}/{statement.model}"


def sign(statement: Statement, node_key: Ed25519PrivateKey) -> bytes:
    """`statement` with its node's signature, as it travels."""
    signature = node_key.sign(_CONTEXT + canonical(statement)).hex()
    return msgspec.json.encode(Signed(statement, signature))


def read(said: bytes) -> Signed:
    """The statement in `said`, not yet believed; raises `StatementRefused`."""
    if len(said) > SAID_MAX:
        raise StatementRefused("malformed", "A statement is too long.")
    try:
        return _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StatementRefused("malformed", "A statement cannot be read.") from error


def verify(signed: Signed, node_public_key: bytes) -> None:
    """Raise `StatementRefused` unless that node signed it."""
    try:
        Ed25519PublicKey.from_public_bytes(node_public_key).verify(
            bytes.fromhex(signed.signature), _CONTEXT + canonical(signed.statement)
        )
    except (ValueError, InvalidSignature) as error:
        raise StatementRefused(
            "bad_signature", "A statement does not bear its node's signature."
        ) from error


async def say(
    redis: Any,
    newest: Callable[[], Statement],
    node_key: Ed25519PrivateKey,
    gone: Callable[[], bool] = lambda: False,
) -> None:
    """Say the newest, and again as often as nobody has dealt with it; until cancelled.

    `gone` says so too: the client may swallow the cancellation when a reply comes.
    """
    while not gone():
        statement = newest()
        said, known = sign(statement, node_key), identity(statement).encode()
        pause = AGAIN
        try:
            if await redis.get(dealt_with(statement)) != known:
                await redis.xadd(STREAM, {FIELD: said}, maxlen=STREAM_MAX, approximate=False)
        except (RedisError, OSError) as error:
            _log.warning("statement_unsaid", error=type(error).__name__)
            pause = 1.0
        for _ in range(max(1, round(pause / LOOK))):
            if gone() or newest() != statement:
                break
            await asyncio.sleep(min(pause, LOOK))

"""Refusals: a node's signed word that it did not run a ticket, and why.

Of a ticket that opened it travels as the last frame of the answer, encrypted like all frames.
Of one that did not open it is put beside the node's statements, in a bounded stream, and a
node says only a few a minute: whoever has the broker can feed it as many as they like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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

from inference.statements import SAID_MAX, STREAM, STREAM_MAX, Amount, Name, StatementRefused

FIELD = "refused"
A_MINUTE = 10  # refusals of unopened tickets that a node says; others are counted
REASONS = frozenset(
    {
        *("too_large", "malformed", "unknown_gateway", "bad_signature", "wrong_site"),
        *("expired", "expires_too_late", "unreadable", "wrong_model", "spent"),
        "unknown_adapter",
        *("list_stale", "node_closed", "other_weights", "policy_not_in_force"),
    }
)
_CONTEXT = b"domicile/refusal/1\x00"
_log = structlog.get_logger(__name__)

Id = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{32})?\Z")]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says. `time` is in microseconds since the Unix epoch.

    `ticket` and `request` are empty where they could not be read; so is `policy_digest`.
    `not_said` counts the refusals since the last one that this node has kept to itself.
    """

    node: Name
    site: Name
    reason: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,32}\Z")]
    ticket: Id = ""
    request: Id = ""
    attempt: Amount = 0
    policy_digest: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")] = ""
    time: Amount
    not_said: Amount = 0


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    refusal: Refusal
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


def _canonical(refusal: Refusal) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(refusal), option=orjson.OPT_SORT_KEYS)


def sign(refusal: Refusal, node_key: Ed25519PrivateKey) -> dict[str, Any]:
    """`refusal` with its node's signature; ready for a frame, and for an event."""
    signature = node_key.sign(_CONTEXT + _canonical(refusal)).hex()
    return {"refusal": msgspec.to_builtins(refusal), "signature": signature}


def verify(signed: Mapping[str, Any], node_public_key: bytes) -> Refusal:
    """The refusal in `signed`; raises `StatementRefused` unless that node signed it."""
    refusal = read(signed)
    try:
        Ed25519PublicKey.from_public_bytes(node_public_key).verify(
            bytes.fromhex(str(signed["signature"])), _CONTEXT + _canonical(refusal)
        )
    except (ValueError, InvalidSignature) as error:
        raise StatementRefused(
            "bad_signature", "A refusal does not bear its node's signature."
        ) from error
    return refusal


def read(signed: Mapping[str, Any]) -> Refusal:
    """The refusal in `signed`, not yet believed; raises `StatementRefused`."""
    try:
        refusal = msgspec.convert(signed, _Signed).refusal
    except msgspec.ValidationError as error:
        raise StatementRefused("malformed", "A refusal cannot be read.") from error
    if refusal.reason not in REASONS:
        raise StatementRefused("malformed", "A refusal gives no reason that is known.")
    return refusal


def decoded(said: bytes) -> dict[str, Any]:
    """What travels on the stream; raises `StatementRefused`."""
    if len(said) > SAID_MAX:
        raise StatementRefused("malformed", "A refusal is too long.")
    try:
        found = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StatementRefused("malformed", "A refusal cannot be read.") from error
    if not isinstance(found, dict):
        raise StatementRefused("malformed", "A refusal cannot be read.")
    return found


class Refuser:
    """Says on the stream why a node did not open a ticket. Belongs to one event loop."""

    def __init__(
        self,
        redis: Any,
        site: str,
        node: str,
        key: Ed25519PrivateKey,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock  # seconds
        self._redis, self._site, self._node, self._key = redis, site, node, key
        self._minute = self._count = self._unsaid = 0

    def signed(self, reason: str, **about: Any) -> dict[str, Any]:
        """A refusal of this node. `about` are `Refusal`'s members."""
        moment = time.time_ns() // 1000
        made = Refusal(node=self._node, site=self._site, reason=reason, time=moment, **about)
        return sign(made, self._key)

    async def say(self, reason: str, ticket: str = "") -> None:
        """Say it, unless many were said in this minute."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        if self._count >= A_MINUTE:
            self._unsaid += 1
            return
        said = self.signed(reason, ticket=ticket, not_said=self._unsaid)
        self._count, self._unsaid = self._count + 1, 0
        try:
            await self._redis.xadd(
                STREAM, {FIELD: msgspec.json.encode(said)}, maxlen=STREAM_MAX, approximate=False
            )
        except (RedisError, OSError) as error:
            _log.warning("refusal_unsaid", error=type(error).__name__)

"""Drift: a node's signed word that it did not start an engine, as a model's files had changed.

It is put beside the node's statements, at the moment when the check failed: a worker that
cannot start ends, and one whose engine died waits until the files are right again. What fails
in the same way again and again is said each minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import redis
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from compliance.audit.keys import KeyUnusable, read_key
from inference.registry import Entry, ModelUnusable
from inference.registry.entry import Kept
from inference.statements import (
    NO_NUL,
    SAID_MAX,
    STREAM,
    STREAM_MAX,
    Amount,
    Name,
    StatementRefused,
)

FIELD = "drift"
AGAIN = 60.0  # seconds until the same is said again
TIMEOUT = 5.0  # seconds for one command
_CONTEXT = b"domicile/drift/1\x00"

_log = structlog.get_logger(__name__)


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says. `time` is in microseconds since the Unix epoch.

    `file` is a path inside the model, empty where it is about none; `reason` is
    `ModelUnusable`'s: `missing`, `changed`, `unlisted`, `manifest` or `other`.
    """

    node: Name
    site: Name
    model: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.:_-]{0,128}\Z")]
    file: Annotated[str, msgspec.Meta(max_length=400, pattern=NO_NUL)]
    reason: Annotated[
        str, msgspec.Meta(pattern=r"^(?:missing|changed|unlisted|manifest|other)\Z")
    ]
    time: Amount


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    drift: Drift
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


_decode = msgspec.json.Decoder(_Signed).decode


def _canonical(drift: Drift) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(drift), option=orjson.OPT_SORT_KEYS)


def sign(drift: Drift, node_key: Ed25519PrivateKey) -> bytes:
    """`drift` with its node's signature, as it travels."""
    signature = node_key.sign(_CONTEXT + _canonical(drift)).hex()
    return msgspec.json.encode(_Signed(drift, signature))


def read(said: bytes) -> Drift:
    """The drift in `said`, not yet believed; raises `StatementRefused`."""
    return _read(said).drift


def verified(said: bytes, node_public_key: bytes) -> Mapping[str, Any]:
    """Drift and signature, as an event tells them; raises `StatementRefused`."""
    signed = _read(said)
    try:
        Ed25519PublicKey.from_public_bytes(node_public_key).verify(
            bytes.fromhex(signed.signature), _CONTEXT + _canonical(signed.drift)
        )
    except (ValueError, InvalidSignature) as error:
        raise StatementRefused(
            "bad_signature", "A drift does not bear its node's signature."
        ) from error
    return {"drift": msgspec.to_builtins(signed.drift), "signature": signed.signature}


def _read(said: bytes) -> _Signed:
    if len(said) > SAID_MAX:
        raise StatementRefused("malformed", "A drift is too long.")
    try:
        return _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StatementRefused("malformed", "A drift cannot be read.") from error


class Voice:
    """Says for one node that a model is not as it was registered. Used by one thread at a time.

    `keys` is the node's folder of keys.
    """

    def __init__(self, site: str, node: str, model: str, keys: Path, broker_url: str) -> None:
        self._site, self._node, self._model = site, node, model
        self._keys = keys
        self._url = broker_url.replace("redis+socket://", "unix://", 1)
        self._said: tuple[str, str, float] | None = None

    def over(self, entry: Entry) -> Entry:
        """`entry`, whose check and whose adapters' says what it finds."""
        return replace(
            entry,
            kept=_Told(entry.kept, self),
            adapters=tuple(self.over(one) for one in entry.adapters),
        )

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say what is raised inside, if it is `ModelUnusable`; it is raised all the same."""
        try:
            yield
        except ModelUnusable as error:
            self._tell(error)
            raise

    def _tell(self, error: ModelUnusable) -> None:
        now = time.monotonic()
        if self._said is not None:
            file, reason, at = self._said
            if (file, reason) == (error.file, error.reason) and now - at < AGAIN:
                return
        drift = Drift(
            node=self._node,
            site=self._site,
            model=self._model,
            file=error.file[:400],
            reason=error.reason,
            time=time.time_ns() // 1000,
        )
        try:
            key = Ed25519PrivateKey.from_private_bytes(
                read_key(self._keys / f"node-{self._node}.ed25519")
            )
            with redis.Redis.from_url(
                self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            ) as broker:
                broker.xadd(
                    STREAM, {FIELD: sign(drift, key)}, maxlen=STREAM_MAX, approximate=False
                )
        except (redis.RedisError, OSError, KeyUnusable) as failure:
            _log.warning("drift_unsaid", error=type(failure).__name__)
            return
        self._said = (error.file, error.reason, now)


@dataclass(frozen=True, slots=True)
class _Told:
    """Files of a model; what a check of them finds is said."""

    kept: Kept
    voice: Voice

    def path(self, name: str) -> Path:
        """See `Kept`."""
        return self.kept.path(name)

    def check(self, name: str, digest: str) -> None:
        """See `Kept`."""
        with self.voice.telling():
            self.kept.check(name, digest)

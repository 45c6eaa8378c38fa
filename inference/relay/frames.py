"""What a worker says about a request, and how it is encrypted on its way.

A frame is msgpack, encrypted by AES-256-GCM under the `down_key` of the ticket's attempt. The
nonce is the frame's counter, so each counter is used once per key; handle and attempt are
authenticated. On the stream a frame is `(handle, attempt, counter, ciphertext)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FIELD = b"f"  # of a stream's entry; holds a list of `Sealed` as msgpack
_NONCE_BYTES = 12
_CANCEL_CONTEXT = b"domicile/cancel/1\x00"


class Started(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """The engine has been given the request."""

    node: str


class Chunk(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Parts of the answer, in order: each an OpenAI chat.completion.chunk as JSON."""

    chunks: list[bytes]


class Heartbeat(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """The node has the request and lives: it waits for a slot, or the engine is thinking."""


class Receipted(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """The last frame of an answer: the node's signed receipt (`clearance.sign`)."""

    receipt: dict[str, Any]


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="f"):
    """The last frame where there is no answer.

    `code` is for programs, `message` is safe to show, `param` names a refused parameter.
    """

    code: str
    message: str
    param: str | None = None


Frame = Started | Chunk | Heartbeat | Receipted | Failed
Sealed = tuple[int, int, int, bytes]
"""(handle, attempt, counter, ciphertext) as it travels."""

_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], Frame] = msgspec.msgpack.Decoder(Frame).decode


def _associated(handle: int, attempt: int) -> bytes:
    return handle.to_bytes(8, "big") + attempt.to_bytes(4, "big")


class FrameSealer:
    """Encrypts the frames of one attempt, counting them from 0. Owned by one task."""

    def __init__(self, handle: int, attempt: int, down_key: bytes) -> None:
        self._handle, self._attempt = handle, attempt
        self._associated = _associated(handle, attempt)
        self._cipher = AESGCM(down_key)
        self._counter = 0

    def seal(self, frame: Frame) -> Sealed:
        """The next frame, encrypted."""
        counter = self._counter
        self._counter += 1
        nonce = counter.to_bytes(_NONCE_BYTES, "big")
        text = self._cipher.encrypt(nonce, _encode(frame), self._associated)
        return (self._handle, self._attempt, counter, text)


class FrameOpener:
    """Decrypts the frames of one attempt."""

    def __init__(self, handle: int, attempt: int, down_key: bytes) -> None:
        self._associated = _associated(handle, attempt)
        self._cipher = AESGCM(down_key)

    def open(self, counter: int, ciphertext: bytes) -> Frame | None:
        """The frame with that counter; None unless the node that has the key sealed it."""
        try:
            nonce = counter.to_bytes(_NONCE_BYTES, "big")
            return _decode(self._cipher.decrypt(nonce, ciphertext, self._associated))
        except (InvalidTag, OverflowError, msgspec.DecodeError):
            return None


def seal_cancel(ticket: str, up_key: bytes) -> bytes:
    """Proof that whoever has the ticket's `up_key` wants it cancelled.

    It is the only message ever sent under that key, so nonce 0 is used once.
    """
    return AESGCM(up_key).encrypt(bytes(_NONCE_BYTES), b"", _CANCEL_CONTEXT + ticket.encode())


def is_cancel(proof: bytes, ticket: str, up_key: bytes) -> bool:
    """Whether `proof` is what `seal_cancel` made for this ticket."""
    try:
        AESGCM(up_key).decrypt(bytes(_NONCE_BYTES), proof, _CANCEL_CONTEXT + ticket.encode())
    except InvalidTag:
        return False
    return True

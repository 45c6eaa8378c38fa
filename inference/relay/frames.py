"""What a worker says about a request, and how it is encrypted on its way.

A frame is msgpack, encrypted by AES-256-GCM under a key derived from the `down_key` of the
ticket's attempt and a salt that its speaker drew. The nonce is the frame's counter; handle and
attempt are authenticated. On the stream a frame is `(handle, attempt, counter, text)`, where
the text is the salt and the ciphertext. Thanks to the salt no nonce is used twice under one key
even if a broker's operator gets two nodes to answer one ticket; the first to speak is heard.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FIELD = b"f"  # of a stream's entry; holds a list of `Sealed` as msgpack
_NONCE_BYTES = 12
_SALT_BYTES = 16
_FRAME_CONTEXT = b"domicile/frame/1\x00"
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


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """The last frame where the ticket was not run: the node's signed refusal (`refusals`)."""

    refusal: dict[str, Any]


Frame = Started | Chunk | Heartbeat | Receipted | Failed | Refused
Sealed = tuple[int, int, int, bytes]
"""(handle, attempt, counter, salt and ciphertext) as it travels."""

_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], Frame] = msgspec.msgpack.Decoder(Frame).decode


def _associated(handle: int, attempt: int) -> bytes:
    return handle.to_bytes(8, "big") + attempt.to_bytes(4, "big")


def _cipher(down_key: bytes, salt: bytes) -> AESGCM:
    """HMAC as a key derivation: the input key is uniform, the output one block."""
    return AESGCM(hmac.digest(down_key, _FRAME_CONTEXT + salt, "sha256"))


class FrameSealer:
    """Encrypts the frames of one attempt, counting them from 0. Owned by one task."""

    def __init__(self, handle: int, attempt: int, down_key: bytes) -> None:
        self._handle, self._attempt = handle, attempt
        self._associated = _associated(handle, attempt)
        self._salt = secrets.token_bytes(_SALT_BYTES)
        self._cipher = _cipher(down_key, self._salt)
        self._counter = 0

    def seal(self, frame: Frame) -> Sealed:
        """The next frame, encrypted."""
        counter = self._counter
        self._counter += 1
        nonce = counter.to_bytes(_NONCE_BYTES, "big")
        text = self._cipher.encrypt(nonce, _encode(frame), self._associated)
        return (self._handle, self._attempt, counter, self._salt + text)


class FrameOpener:
    """Decrypts the frames of one attempt, of the first speaker who has its key."""

    def __init__(self, handle: int, attempt: int, down_key: bytes) -> None:
        self._associated = _associated(handle, attempt)
        self._down_key = down_key
        self._heard: tuple[bytes, AESGCM] | None = None

    def open(self, counter: int, text: bytes) -> Frame | None:
        """The frame with that counter; None unless the speaker being heard sealed it."""
        salt, ciphertext = text[:_SALT_BYTES], text[_SALT_BYTES:]
        if self._heard is None:
            speaker = (salt, _cipher(self._down_key, salt))
        elif self._heard[0] == salt:
            speaker = self._heard
        else:
            return None
        try:
            nonce = counter.to_bytes(_NONCE_BYTES, "big")
            frame = _decode(speaker[1].decrypt(nonce, ciphertext, self._associated))
        except (InvalidTag, OverflowError, msgspec.DecodeError):
            return None
        self._heard = speaker
        return frame


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

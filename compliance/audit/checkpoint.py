"""Checkpoints: a tree's size and root, signed (C2SP tlog-checkpoint and signed-note).

A checkpoint's text is three lines, the log's origin, the number of entries and the root in
base64; each signature is a line of its own after an empty one. Lines by others (witnesses)
may follow ours; we check only the ones whose keys we are given.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit.merkle import HASH_BYTES

ED25519 = 0x01  # the signature type of signed-note
NOTE_MAX = 1_000_000  # bytes; the limit of Go's `note`, so that others read what we write
SIZE_DIGITS = 19
ORIGIN = re.compile(r"[^\s+\x00-\x1f\x7f]{1,255}\Z")


class CheckpointInvalid(Exception):
    """A checkpoint is malformed, or not signed by the key it is held against."""


class Signer(Protocol):
    """An Ed25519 private key, wherever it lies; `Ed25519PrivateKey` is one."""

    def public_key(self) -> Ed25519PublicKey:
        """Its public half."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """The signature's 64 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: `root` is that of the tree over its first `size` entries."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(organisation: str, generation: int) -> str:
    """The name of an organisation's log: `<organisation>/log/<generation>`."""
    origin = f"{organisation}/log/{generation}"
    if not ORIGIN.match(origin):
        raise CheckpointInvalid(f"{origin!r} is not a log's name: no spaces, no plus sign.")
    return origin


def in_generation(origin: str, generation: int) -> str:
    """The name of the same organisation's log in another generation."""
    return f"{origin.rpartition('/')[0]}/{generation}"


def generation_of(origin: str) -> tuple[str, int]:
    """What comes before the generation in an origin of ours, and the generation.

    Raises `CheckpointInvalid` for other origins.
    """
    name, _, number = origin.rpartition("/")
    if not name or not re.fullmatch(r"[1-9][0-9]{0,8}", number, re.ASCII):
        raise CheckpointInvalid(f"{origin!r} does not end in a generation, as in log/1.")
    return name, int(number)


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes that a signature line begins with (signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """The public key as the one line that checkers of signed notes take."""
    encoded = base64.b64encode(bytes([ED25519]) + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"


def parse_verifier_key(line: str) -> tuple[str, bytes]:
    """The name and Ed25519 public key of a verifier key; raises `CheckpointInvalid`."""
    name, _, rest = line.partition("+")
    identifier, _, encoded = rest.partition("+")
    key = decode(encoded)
    if not ORIGIN.match(name) or len(key) != 1 + HASH_BYTES or key[0] != ED25519:
        raise CheckpointInvalid("This is not the verifier key of an Ed25519 log.")
    if identifier != key_id(name, key[1:]).hex():
        raise CheckpointInvalid(
            f"The verifier key of {name} was changed: its id is not its own."
        )
    return name, key[1:]


def sign(checkpoint: Checkpoint, *keys: Signer) -> bytes:
    """The signed note, in the name of the checkpoint's origin; a line for each key."""
    text = checkpoint.text()
    lines = "".join(_line(checkpoint.origin, text, key) for key in keys)
    return f"{text}\n{lines}".encode()


def _line(origin: str, text: str, key: Signer) -> str:
    identifier = key_id(origin, key.public_key().public_bytes_raw())
    signature = base64.b64encode(identifier + key.sign(text.encode())).decode()
    return f"— {origin} {signature}\n"


def verify(note: bytes, origin: str, public_key: bytes) -> Checkpoint:
    """The checkpoint in a note that `public_key` signed as `origin`; or `CheckpointInvalid`."""
    checkpoint = parse(note)
    if checkpoint.origin != origin:
        raise CheckpointInvalid(
            f"The checkpoint is of the log {checkpoint.origin}, not of {origin}."
        )
    signed_text(note, origin, public_key)
    return checkpoint


def is_signed(note: bytes, origin: str, public_key: bytes) -> bool:
    """Whether there is a checkpoint in a note and `public_key` signed it as `origin`."""
    try:
        verify(note, origin, public_key)
    except CheckpointInvalid:
        return False
    return True


def signed_text(note: bytes, origin: str, public_key: bytes) -> str:
    """The text of a note that `public_key` signed as `origin`; or `CheckpointInvalid`."""
    text, signatures = split_note(note)
    expected = key_id(origin, public_key)
    ours = [
        signature[4:]
        for name, signature in signatures
        if name == origin and signature[:4] == expected
    ]
    if len(ours) != 1:
        raise CheckpointInvalid(f"The checkpoint is not signed by the key of {origin}.")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(ours[0], text.encode())
    except InvalidSignature as error:
        raise CheckpointInvalid(
            f"The signature of {origin} under the checkpoint is false."
        ) from error
    return text


def parse(note: bytes) -> Checkpoint:
    """The checkpoint in a note, with no signature checked; raises `CheckpointInvalid`."""
    return parse_text(split_note(note)[0])


def decode(text: str) -> bytes:
    """Base64 in its one canonical form; raises `CheckpointInvalid`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise CheckpointInvalid("A value is not base64.") from error
    if base64.b64encode(data).decode() != text:
        raise CheckpointInvalid("A value is not base64 in its canonical form.")
    return data


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """What is signed, and who signed it: names with key id and signature, nothing verified.

    Raises `CheckpointInvalid`.
    """
    if len(note) > NOTE_MAX:
        raise CheckpointInvalid(f"The checkpoint has {len(note)} bytes; none is that long.")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointInvalid("The checkpoint is not UTF-8 text.") from error
    if re.search(r"[\x00-\x09\x0b-\x1f]", whole):
        raise CheckpointInvalid("The checkpoint has control characters.")
    text, separator, rest = whole.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise CheckpointInvalid("The checkpoint has no signatures.")
    return text + "\n", list(_signatures(rest[:-1].split("\n")))


def _signatures(lines: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for line in lines:
        name, _, encoded = line.removeprefix("— ").partition(" ")
        signature = decode(encoded)
        if not line.startswith("— ") or not ORIGIN.match(name) or len(signature) < 5:  # noqa: PLR2004 - key id and a byte
            raise CheckpointInvalid("A signature line of the checkpoint is malformed.")
        yield name, signature


def parse_text(text: str) -> Checkpoint:
    """The checkpoint that a note of ours is about; raises `CheckpointInvalid`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - three lines; we write no extensions
        raise CheckpointInvalid("A checkpoint of ours has three lines: origin, size and root.")
    origin, size, encoded = lines[:3]
    if not ORIGIN.match(origin):
        raise CheckpointInvalid("The checkpoint's origin is malformed.")
    if not re.fullmatch(r"0|[1-9][0-9]*", size, re.ASCII) or len(size) > SIZE_DIGITS:
        raise CheckpointInvalid("The checkpoint's size is not a number.")
    root = decode(encoded)
    if len(root) != HASH_BYTES:
        raise CheckpointInvalid(f"The checkpoint's root has {len(root)} bytes, not 32.")
    return Checkpoint(origin, int(size), root)

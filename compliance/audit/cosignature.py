"""Cosignatures: a witness's word on a checkpoint and when it was given (C2SP tlog-cosignature).

A cosignature `cosignature/v1` is a line of a signed note like a log's own signature. It says
that at `time` the checkpoint was the largest that the witness had seen of this log, and that it
grew from every one that the witness had signed before.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from compliance.audit.checkpoint import ORIGIN, CheckpointInvalid, decode, split_note

COSIGNATURE_V1 = 0x04  # the signature type: Ed25519 over the time and the note's text
KEY_BYTES = 32
TIME_BYTES = 8
SIGNATURE_BYTES = 64
TIME_MAX = 2**63 - 1  # tlog-cosignature, "Format"


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes that a cosignature's line begins with."""
    kind = bytes([COSIGNATURE_V1])
    return hashlib.sha256(name.encode() + b"\n" + kind + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """A witness's public key as the one line that others are given."""
    encoded = base64.b64encode(bytes([COSIGNATURE_V1]) + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"


def parse_verifier_key(line: str) -> tuple[str, bytes]:
    """Name and Ed25519 public key of a witness; raises `CheckpointInvalid`."""
    name, _, rest = line.partition("+")
    identifier, _, encoded = rest.partition("+")
    key = decode(encoded)
    if not ORIGIN.match(name) or len(key) != 1 + KEY_BYTES:
        raise CheckpointInvalid("This is not a witness's verifier key (name+id+key).")
    if key[0] != COSIGNATURE_V1:
        raise CheckpointInvalid(
            f"The verifier key of {name} is not one for cosignatures (Ed25519, type 4); a "
            "log's own key begins with another type."
        )
    if identifier != key_id(name, key[1:]).hex():
        raise CheckpointInvalid(
            f"The verifier key of {name} was changed: its id is not its own."
        )
    return name, key[1:]


def message(text: str, moment: int) -> bytes:
    """What is signed: the note's `text` after a header and the time, in seconds since 1970."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def cosign(text: str, name: str, key: Ed25519PrivateKey, moment: int) -> str:
    """The signature line, with its line feed, of the witness `name` for a checkpoint's text."""
    identifier = key_id(name, key.public_key().public_bytes_raw())
    signature = moment.to_bytes(TIME_BYTES, "big") + key.sign(message(text, moment))
    return f"— {name} {base64.b64encode(identifier + signature).decode()}\n"


def cosigned(note: bytes, name: str, public_key: bytes) -> int | None:
    """When the witness cosigned this note, in seconds since 1970; None where it did not.

    Raises `CheckpointInvalid` where the note is malformed, or has a line of this key that is
    not its signature.
    """
    text, signatures = split_note(note)
    expected = key_id(name, public_key)
    lines = [sign[4:] for who, sign in signatures if who == name and sign[:4] == expected]
    if not lines:
        return None
    moment = int.from_bytes(lines[0][:TIME_BYTES], "big")
    if len(lines) > 1 or len(lines[0]) != TIME_BYTES + SIGNATURE_BYTES or moment > TIME_MAX:
        raise CheckpointInvalid(f"The cosignature of {name} is malformed.")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            lines[0][TIME_BYTES:], message(text, moment)
        )
    except InvalidSignature as error:
        raise CheckpointInvalid(f"The cosignature of {name} is false.") from error
    return moment


def lines_of(note: bytes, name: str, public_key: bytes) -> str:
    """The witness's own line of a note, with its line feed; empty where there is none."""
    start = f"— {name} "
    expected = key_id(name, public_key)
    tail = note.decode().rpartition("\n\n")[2]
    return "".join(
        f"{line}\n"
        for line in tail.splitlines()
        if line.startswith(start) and decode(line.removeprefix(start))[:4] == expected
    )

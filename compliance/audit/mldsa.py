"""The log's second signature under a checkpoint: ML-DSA-44 (FIPS 204, C2SP tlog-cosignature).

It stands where Ed25519 falls to a quantum computer. The log cosigns itself, in its own name:
the line says that at `time` this was the largest tree of the log. Checkers who do not know the
type, 0x06, ignore the line, as signed notes demand.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from compliance.audit.checkpoint import (
    ORIGIN,
    Checkpoint,
    CheckpointInvalid,
    decode,
    parse_text,
    split_note,
)

MLDSA44 = 0x06  # the signature type
KEY_FILE = "log.mldsa44"  # holds the seed from which FIPS 204 makes the key pair
LABEL = b"subtree/v1\n\x00"
PUBLIC_BYTES = 1312
SIGNATURE_BYTES = 2420
TIME_BYTES = 8
NAME_MAX = 255  # bytes; its length is one byte of what is signed


def signer_of(seed: bytes) -> MLDSA44PrivateKey:
    """The private key that 32 bytes stand for."""
    return MLDSA44PrivateKey.from_seed_bytes(seed)


def public_of(key: MLDSA44PrivateKey) -> bytes:
    """The public key's 1,312 bytes."""
    return key.public_key().public_bytes_raw()


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes that a signature line begins with."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([MLDSA44]) + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """The public key as the one line that checkers of signed notes take."""
    encoded = base64.b64encode(bytes([MLDSA44]) + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"


def parse_verifier_key(line: str) -> tuple[str, bytes]:
    """The name and ML-DSA-44 public key of a verifier key; raises `CheckpointInvalid`."""
    name, _, rest = line.partition("+")
    identifier, _, encoded = rest.partition("+")
    key = decode(encoded)
    if not ORIGIN.match(name) or len(key) != 1 + PUBLIC_BYTES or key[0] != MLDSA44:
        raise CheckpointInvalid("This is not the verifier key of an ML-DSA-44 log.")
    if identifier != key_id(name, key[1:]).hex():
        raise CheckpointInvalid(
            f"The verifier key of {name} was changed: its id is not its own."
        )
    return name, key[1:]


def message(state: Checkpoint, name: str, moment: int) -> bytes:
    """What is signed: `cosigned_message` over the tree's first `size` entries.

    `moment` is in seconds since 1970. Raises `CheckpointInvalid` for names of more than 255
    bytes.
    """
    names = [one.encode() for one in (name, state.origin)]
    if any(len(one) > NAME_MAX for one in names):
        raise CheckpointInvalid("A log's name has 255 bytes at most where ML-DSA-44 signs.")
    cosigner, origin = (bytes([len(one)]) + one for one in names)
    numbers = (moment.to_bytes(8, "big"), bytes(8) + state.size.to_bytes(8, "big"))
    return LABEL + cosigner + numbers[0] + origin + numbers[1] + state.root


def line(state: Checkpoint, key: MLDSA44PrivateKey, moment: int) -> bytes:
    """The signature line, with its line feed, in the name of the checkpoint's origin."""
    identifier = key_id(state.origin, public_of(key))
    signature = key.sign(message(state, state.origin, moment))
    data = identifier + moment.to_bytes(TIME_BYTES, "big") + signature
    return f"— {state.origin} {base64.b64encode(data).decode()}\n".encode()


def signed(note: bytes, public_key: bytes) -> int | None:
    """When the log signed this note by ML-DSA-44, in seconds since 1970; None if it did not.

    Raises `CheckpointInvalid` where the note is malformed, or has a line of this key that is
    not its signature.
    """
    text, signatures = split_note(note)
    state = parse_text(text)
    expected = key_id(state.origin, public_key)
    found = [
        data[4:] for who, data in signatures if who == state.origin and data[:4] == expected
    ]
    if not found:
        return None
    moment = int.from_bytes(found[0][:TIME_BYTES], "big")
    if len(found) > 1 or len(found[0]) != TIME_BYTES + SIGNATURE_BYTES or moment >> 63:
        raise CheckpointInvalid(f"The ML-DSA-44 signature of {state.origin} is malformed.")
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(
            found[0][TIME_BYTES:], message(state, state.origin, moment)
        )
    except InvalidSignature as error:
        raise CheckpointInvalid(
            f"The ML-DSA-44 signature of {state.origin} under the checkpoint is false."
        ) from error
    return moment

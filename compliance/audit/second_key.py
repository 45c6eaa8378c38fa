"""The log names the ML-DSA-44 key by which its checkpoints are signed a second time.

The notary records `log.key_added` before it signs by a key that the log does not name yet: at
the first start after an upgrade, or after the key file was replaced. So the Ed25519 signature
over the entries vouches for the second key, and one that is missing under a checkpoint shows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.db import transaction

from compliance.audit import journal, mldsa
from compliance.audit.checkpoint import CheckpointInvalid, parse
from compliance.audit.keys import read_key
from compliance.models import Event as StoredEvent
from compliance.vocabulary import Event

KEY_ADDED = "log.key_added"


def at(folder: Path) -> MLDSA44PrivateKey | None:
    """The key in an appliance's folder of keys; None where there is none. Or `KeyUnusable`."""
    path = folder / mldsa.KEY_FILE
    return mldsa.signer_of(read_key(path)) if path.exists() else None


def told(detail: bytes | None) -> bytes:
    """The public key that a detail of `log.key_added` names; raises `CheckpointInvalid`."""
    try:
        line = json.loads(detail or b"")["verifier_key"]
        return mldsa.parse_verifier_key(str(line))[1]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointInvalid("The event does not name an ML-DSA-44 key.") from error


def newest() -> bytes | None:
    """The public key that was named last, whether or not a checkpoint covers it."""
    rows = StoredEvent.objects.filter(type=KEY_ADDED).order_by("-id")
    detail = rows.values_list("detail", flat=True).first()
    return None if detail is None else told(bytes(detail))


def placed() -> bool:
    """Whether the entry that named the newest key has its place in the log."""
    rows = StoredEvent.objects.filter(type=KEY_ADDED).order_by("-id")
    return rows.values_list("leaf", flat=True).first() is not None


def signer(note: bytes) -> bytes | None:
    """Which of the keys that the log names signed a checkpoint; raises `CheckpointInvalid`."""
    rows = StoredEvent.objects.filter(type=KEY_ADDED).order_by("-id")
    keys = (told(bytes(detail)) for detail in rows.values_list("detail", flat=True) if detail)
    return next((key for key in keys if mldsa.signed(note, key) is not None), None)


def announce(origin: str, key: MLDSA44PrivateKey) -> None:
    """Record the key, unless the log names it already."""
    public = mldsa.public_of(key)
    if newest() == public:
        return
    detail = {"verifier_key": mldsa.verifier_key(origin, public)}
    with transaction.atomic():
        journal.record("notary", [Event(KEY_ADDED, time.time_ns() // 1000, detail)])


def unsigned(note: bytes, key: bytes) -> str:
    """Why this checkpoint does not count as signed by the ML-DSA-44 key; empty if it is."""
    try:
        if mldsa.signed(note, key) is not None:
            return ""
    except CheckpointInvalid as error:
        return str(error)
    state = parse(note)
    return (
        f"The checkpoint of {state.origin} at {state.size} entries is not signed by the "
        f"ML-DSA-44 key that the log names; is the file {mldsa.KEY_FILE} where the notary runs?"
    )

"""The appliance's keys: where each lies, who reads it, and what its loss or theft costs.

docs/architecture.md has this table for people; a test keeps the two in step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from compliance.audit import mldsa
from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.ring import NAME, POINTER
from compliance.evidence.paper import certificate


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of key. `pattern` is its file's name in the folder `keys`."""

    pattern: str
    purpose: str
    readers: str
    loss: str
    theft: str
    rotates: bool


KINDS = (
    Kind(
        "gateway.ed25519",
        "signs tickets",
        "web",
        "no request runs until a new one is made",
        "whoever also reaches the broker can have the engines run unchecked text",
        rotates=True,
    ),
    Kind(
        "site-*.x25519",
        "opens tickets sealed to the site",
        "worker",
        "requests under way fail",
        "whoever also reads the broker can read the prompts cleared for the site",
        rotates=True,
    ),
    Kind(
        "node-*.ed25519",
        "signs receipts and statements",
        "worker",
        "no answer is accepted until a new one is made",
        "receipts can be forged",
        rotates=True,
    ),
    Kind(
        "log.ed25519",
        "signs checkpoints and evidence",
        "notary, records",
        "the log cannot grow; a new log must be begun",
        "checkpoints can be forged; those kept elsewhere show it",
        rotates=True,
    ),
    Kind(
        mldsa.KEY_FILE,
        "signs checkpoints a second time",
        "notary",
        "a new one is made, and the log names it",
        "nothing, as long as the log's first key is safe",
        rotates=True,
    ),
    Kind(
        "witness.ed25519",
        "cosigns checkpoints of other logs",
        "web",
        "a new one is made, which whoever relies on this witness must be given",
        "what this appliance has witnessed can be forged",
        rotates=True,
    ),
    Kind(
        certificate.KEY,
        "signs PDF reports and packs",
        "web, records",
        "no PDF is made until a new one is there; PDFs made before stay checkable",
        "reports can be forged; the digests on the record show it",
        rotates=True,
    ),
    Kind(
        "installer.ed25519",
        "signs the first policy and the first people's approval keys",
        "web",
        "nothing, while one person with an approval key that approves is left",
        "until two people approved a policy, another one can be forged; later a person's key "
        "can be certified, which raises an alarm",
        rotates=False,
    ),
    Kind(
        "subject-index",
        "blinds the identifiers of persons",
        "web, records",
        "no person's requests can be found any more",
        "whoever also has the database can test whether a person is in it",
        rotates=False,
    ),
    Kind(
        "django-secret",
        "signs the console's sessions",
        "web",
        "everybody logs in again",
        "sessions of the console can be forged",
        rotates=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key file. `fingerprint` is absent where `problem` says why."""

    path: Path
    kind: Kind
    fingerprint: str | None
    problem: str | None


def found(folder: Path) -> Iterator[Key]:
    """The keys in `folder`, and those that should lie there and do not."""
    for kind in KINDS:
        pointer = folder / POINTER
        if kind.pattern == NAME and pointer.exists():
            yield _on_token(pointer, kind)
            continue
        paths = sorted(folder.glob(kind.pattern)) or [folder / kind.pattern]
        for path in paths:
            try:
                yield Key(path, kind, fingerprint(path.name, read_key(path)), None)
            except KeyUnusable as error:
                yield Key(path, kind, None, str(error))


def _on_token(pointer: Path, kind: Kind) -> Key:
    """The log's key where it is on a token; what lies here is its public half."""
    try:
        mark = hashlib.sha256(read_key(pointer)).hexdigest()[:16]
    except KeyUnusable as error:
        return Key(pointer, kind, None, str(error))
    return Key(pointer, kind, mark, None)


def public(name: str, key: bytes) -> bytes | None:
    """The public half of a key pair; None for a secret that has none."""
    if name.endswith(".ed25519"):
        return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    if name.endswith(".x25519"):
        return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    if name == mldsa.KEY_FILE:
        return mldsa.public_of(mldsa.signer_of(key))
    return certificate.public(key) if name == certificate.KEY else None


def fingerprint(name: str, key: bytes) -> str:
    """16 hex digits that tell keys apart and give nothing away.

    From the public half; of a secret without one, from a keyed digest of the file's name.
    """
    shown = public(name, key) or hashlib.blake2b(name.encode(), key=key).digest()
    return hashlib.sha256(shown).hexdigest()[:16]

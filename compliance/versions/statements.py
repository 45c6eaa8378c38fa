"""What is signed about versions and keys, and how a signature is checked.

A statement is canonical JSON (RFC 8785) with exactly the members of its kind. The signature is
Ed25519 (RFC 8032) over `domicile/<kind>/1`, a zero byte and the statement, so that what was
signed as one thing never passes for another. Times are microseconds since the Unix epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from compliance.audit.entry import EntryInvalid, canonical

APPROVAL_KEY = "approval-key"
INSTALLED = "policy-installed"
PROPOSAL = "policy-proposal"
APPROVAL = "policy-approval"
TIGHTENING = "policy-tightening"
WITHDRAWAL = "policy-withdrawal"
DECLINE = "policy-decline"

INSTALLER = "installer"
"""Who certifies the first keys, and signs the policy that an appliance starts with."""

_ABOUT: Mapping[str, type] = {"digest": str, "number": int, "time": int}
_BY: Mapping[str, type] = {**_ABOUT, "person": str, "key": str}
MEMBERS: Mapping[str, Mapping[str, type]] = {
    APPROVAL_KEY: {
        "person": str,
        "role": str,
        "public_key": str,
        "time": int,
        "certified_by": str,
        "reason": str,
    },
    INSTALLED: _ABOUT,
    PROPOSAL: {**_BY, "previous": str, "note": str},
    APPROVAL: {
        **_BY,
        "proposal": str,
        "active_from": int,
        "recall": bool,
        "bootstrap": list,
    },
    TIGHTENING: {**_BY, "previous": str, "recall": bool, "reason": str},
    WITHDRAWAL: {**_BY, "reason": str},
    DECLINE: {**_ABOUT, "person": str, "reason": str},
}
"""The members of each kind of statement, and the type of their values."""


ABOUT_VERSIONS = frozenset(MEMBERS) - {APPROVAL_KEY}
"""The kinds that speak of a version; the other is a key's certificate."""

PLAIN_MAX = 300  # characters of a sentence about what somebody may have written


class StatementInvalid(ValueError):
    """A statement is not one of its kind. The message says in which member."""


def plain(words: str) -> str:
    """`words` as any database and log can hold them: what cannot be printed is escaped.

    Whoever writes a row chooses what is in it, and must not choose that nobody can say so.
    """
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words[:PLAIN_MAX])
    return text if len(words) <= PLAIN_MAX else f"{text}…"


def written(kind: str, /, **members: Any) -> str:
    """A statement as it is signed and stored; raises `StatementInvalid`."""
    _insist(kind, members)
    try:
        return canonical(members).decode()
    except EntryInvalid as error:
        raise StatementInvalid(str(error)) from error


def read(kind: str, statement: str) -> Mapping[str, Any]:
    """The members of a statement; raises `StatementInvalid`, also where it is not canonical."""
    try:
        members = json.loads(statement)
    except (ValueError, RecursionError) as error:
        raise StatementInvalid("it is not JSON") from error
    if not isinstance(members, dict):
        raise StatementInvalid("it is not an object")
    if written(kind, **members) != statement:
        raise StatementInvalid("it is not written canonically")
    return members


def sign(kind: str, statement: str, key: Ed25519PrivateKey) -> str:
    """The signature, in hex."""
    return key.sign(_signed(kind, statement)).hex()


@lru_cache(maxsize=8_192)
def signed(kind: str, statement: str, signature: str, public_key: str) -> bool:
    """Whether `public_key` (hex) made this signature (hex) of that statement."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _signed(kind, statement))
    except (InvalidSignature, ValueError):
        return False
    return True


def digest(statement: str) -> str:
    """SHA-256 of a statement, by which another refers to it; hex."""
    return hashlib.sha256(statement.encode()).hexdigest()


def fingerprint(public_key: str) -> str:
    """SHA-256 of a public key (hex), by which statements name it; hex."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half, in hex."""
    return key.public_key().public_bytes_raw().hex()


def _signed(kind: str, statement: str) -> bytes:
    return f"domicile/{kind}/1\0{statement}".encode()


def _insist(kind: str, members: Mapping[str, Any]) -> None:
    wanted = MEMBERS[kind]
    for name in sorted({*members} ^ {*wanted}):
        raise StatementInvalid(f"{plain(name)}: {'missing' if name in wanted else 'unknown'}")
    for name, kind_of in wanted.items():
        value = members[name]
        if type(value) is not kind_of:
            raise StatementInvalid(f"{name}: must be {kind_of.__name__}")
        if isinstance(value, list) and not all(type(item) is str for item in value):
            raise StatementInvalid(f"{name}: must hold texts")

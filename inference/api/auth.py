"""Who calls: `Authorization: Bearer dom_<prefix>_<secret>`.

A key is looked up by its public prefix; the SHA-256 of the whole key is compared in constant
time, against a dummy where the prefix is unknown, so that the time taken tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time

from compliance.vocabulary import Application
from inference.api.errors import APIError, unauthorised
from inference.snapshot import KeyRecord, Snapshot

UNKNOWN_PREFIX = "unknown"
_SHAPE = re.compile(rb"(?i:bearer) +(dom_([0-9a-f]{12})_[A-Za-z0-9_-]{43})\Z")
_DUMMY = hashlib.sha256(b"").hexdigest()
_WRONG = "The API key is missing, malformed or not known here; ask your operator for one."


class Unauthorised(APIError):
    """401. `prefix` is the key's if it exists here, so that rejections can be counted by it."""

    def __init__(self, message: str, prefix: str, reason: str) -> None:
        error = unauthorised(message)
        super().__init__(error.status, error.code, message, headers=error.headers)
        self.prefix = prefix
        self.reason = reason


def authenticated(header: bytes, snapshot: Snapshot) -> tuple[KeyRecord, Application]:
    """The key in an Authorization header and its application; raises `Unauthorised`.

    Only a caller that has the whole key learns that it is expired, revoked or inactive.
    """
    match = _SHAPE.match(header)
    key = b"" if match is None else match[1]
    record = None if match is None else snapshot.keys.get(match[2].decode())
    expected = _DUMMY if record is None else record.digest
    same = hmac.compare_digest(hashlib.sha256(key).hexdigest(), expected)
    if record is None or not same:
        prefix = UNKNOWN_PREFIX if record is None else record.prefix
        raise Unauthorised(_WRONG, prefix, "invalid_api_key")
    if record.revoked:
        raise Unauthorised("This API key was revoked.", record.prefix, "revoked_api_key")
    if record.expires is not None and record.expires <= time.time():
        raise Unauthorised("This API key has expired.", record.prefix, "expired_api_key")
    if not record.active:
        raise Unauthorised(
            "The application of this API key is switched off.", record.prefix, "inactive"
        )
    return record, snapshot.applications[record.application]

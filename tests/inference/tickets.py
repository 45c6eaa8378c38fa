"""Tickets with sensible defaults, and the keys of one gateway, one site and one node."""

from __future__ import annotations

import secrets
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from inference.clearance import Ticket, open_ticket, seal
from inference.in_force import InForce, Version
from inference.registry import CATALOGUE

GATEWAY = Ed25519PrivateKey.generate()
SITE = X25519PrivateKey.generate()
NODE = Ed25519PrivateKey.generate()
REGISTERED = {"smollm2-135m-instruct": CATALOGUE["smollm2-135m-instruct"].digest}


def ticket(**changes: Any) -> Ticket:
    now = time.time()
    values: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "request": secrets.token_hex(16),
        "attempt": 1,
        "site": "home",
        "model": "smollm2-135m-instruct",
        "policy_digest": "0" * 64,
        "body": {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8},
        "issued": now,
        "expires": now + 30,
        "deadline": now + 60,
        "reply_stream": "reply:test",
        "handle": secrets.randbits(63),
        "down_key": secrets.token_bytes(32),
        "up_key": secrets.token_bytes(32),
    }
    return Ticket(**values | changes)


def listed(**changes: Any) -> InForce:
    """A list on which the version that clears tickets here is in force."""
    values: dict[str, Any] = {
        "moment": time.time_ns() // 1000,
        "versions": [Version("0" * 64, 0)],
        "nodes": {"node-1": REGISTERED},
    }
    return InForce(**values | changes)


def sealed(given: Ticket, gateway: Ed25519PrivateKey = GATEWAY) -> bytes:
    return seal(given, site_key=SITE.public_key().public_bytes_raw(), gateway_key=gateway)


def opened(envelope: bytes, **changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "site": "home",
        "site_private_key": SITE,
        "gateway_public_keys": [GATEWAY.public_key().public_bytes_raw()],
        "now": time.time(),
    }
    return open_ticket(envelope, **values | changes)

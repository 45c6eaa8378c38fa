"""Which tickets this node may run: opened, spent on its disk, and claimed at the broker.

Only who has claimed a ticket speaks for it. What is refused here is therefore never said in a
frame, but beside the node's statements (`refusals`): whoever waits for the answer hears
nothing, or the node that runs the ticket, and clears it anew.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from redis.asyncio import Redis
from redis.exceptions import RedisError

from compliance.audit.keys import KEY_BYTES, KeyUnusable, read_key
from inference.clearance import LIFETIME_MAX, ClearanceRefused, Ticket, open_ticket
from inference.refusals import Refuser
from inference.relay import cancellation
from inference.relay.frames import is_cancel
from inference.spent import SpentTickets

_log = structlog.get_logger(__name__)


def public_keys(path: Path) -> list[bytes]:
    """Ed25519 public keys, one a line in hex; raises `KeyUnusable`.

    More than one while the gateway's key is being changed.
    """
    try:
        keys = [bytes.fromhex(line) for line in path.read_text("ascii").split()]
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"The gateway's public key {path} cannot be read.") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise KeyUnusable(
            f"The file {path} does not hold 64 hex digits; copy it from the gateway."
        )
    return keys


class Admission:
    """The gate of one node for one model. Belongs to one event loop."""

    def __init__(
        self,
        *,
        site: str,
        node: str,
        model: str,
        keys: Path,
        state: Path,
        redis: Redis,
        refuser: Refuser,
        adapters: Iterable[str] = (),
    ) -> None:
        """`adapters` are those of the model that are here, by whole name.

        Raises `KeyUnusable`; BlockingIOError if another worker of this node serves it.
        """
        self._site, self._node, self._model = site, node, model
        self._adapters = frozenset({"", *adapters})  # none, or one of these
        self._private = X25519PrivateKey.from_private_bytes(
            read_key(keys / f"site-{site}.x25519")
        )
        self._public_file = keys / "gateway.pub"
        self._public = public_keys(self._public_file)
        self._redis = redis
        self._refuser = refuser
        self._spent = SpentTickets(state / f"spent-{node}-{model}")
        self._spending = asyncio.Lock()

    def close(self) -> None:
        """Give the file of spent tickets free."""
        self._spent.close()

    async def opened(self, envelope: bytes) -> Ticket | None:
        """The ticket, or None if it must not be run here, which is said."""
        try:
            ticket = self._open(envelope)
        except ClearanceRefused as refusal:
            _log.warning("ticket_refused", reason=refusal.reason)
            await self._refuser.say(refusal.reason, refusal.ticket)
            return None
        if ticket.model != self._model or ticket.adapter not in self._adapters:
            reason = "wrong_model" if ticket.model != self._model else "unknown_adapter"
            _log.warning("ticket_refused", reason=reason, model=ticket.adapter or ticket.model)
            await self._refuser.say(reason, ticket.id)
            return None
        return ticket

    def _open(self, envelope: bytes, again: bool = True) -> Ticket:
        try:
            return open_ticket(
                envelope,
                site=self._site,
                site_private_key=self._private,
                gateway_public_keys=self._public,
                now=time.time(),
            )
        except ClearanceRefused as refusal:
            if refusal.reason != "unknown_gateway" or not again:
                raise
            try:  # it may have been changed since
                self._public = public_keys(self._public_file)
            except KeyUnusable as error:
                _log.warning("gateway_key_unread", problem=str(error))
                raise refusal from error
            return self._open(envelope, again=False)

    async def claimed(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Those of `tickets` that are this node's to run, and no other's, from now on.

        One that was cancelled while it lay in the broker is left out: nobody listens.
        """
        fresh = await self._unspent(tickets)
        mine = [f"{self._node}:{secrets.token_hex(8)}".encode() for _ in fresh]
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for ticket, value in zip(fresh, mine, strict=True):
                    life = math.ceil(ticket.expires - time.time()) + int(LIFETIME_MAX)
                    pipe.set(f"claim:{ticket.id}", value, nx=True, ex=life)
                    pipe.get(f"claim:{ticket.id}")  # the SET may have been sent twice
                    pipe.get(cancellation.key(ticket.id))
                found: list[Any] = await pipe.execute() if fresh else []
        except (RedisError, OSError) as error:
            _log.warning("tickets_unclaimed", count=len(fresh), error=type(error).__name__)
            return []
        holders, proofs = found[1::3], found[2::3]
        claimed = []
        for ticket, value, holder, proof in zip(fresh, mine, holders, proofs, strict=True):
            if holder != value:
                _log.warning("ticket_refused", reason="claimed", request=ticket.request)
            elif proof is None or not is_cancel(proof, ticket.id, ticket.up_key):
                claimed.append(ticket)
        return claimed

    async def _unspent(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Those that were not begun here before; on disk when this returns."""
        pairs = [(ticket.id, ticket.expires) for ticket in tickets]
        try:
            async with self._spending:
                fresh = await asyncio.to_thread(self._spent.spend, pairs)
        except OSError as error:
            _log.error("tickets_unspent", error=error.strerror, count=len(pairs))
            return []
        for ticket, first in zip(tickets, fresh, strict=True):
            if not first:
                _log.warning("ticket_refused", reason="spent", request=ticket.request)
                await self._refuser.say("spent", ticket.id)
        return [ticket for ticket, first in zip(tickets, fresh, strict=True) if first]

"""Cancellations: from the gateway to whichever node has, or will have, the ticket.

Sent twice: on the stream `cancel:<site>`, for the node that runs the ticket now, and as the
key `cancelled:<ticket id>`, for a node that has yet to take it. Either carries a proof made
with the ticket's `up_key`, so that nobody else can cancel.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.relay.frames import is_cancel, seal_cancel

_LIFE = 120  # s; no ticket lives longer unstarted
_LENGTH = 4096  # entries kept for a node that reads late
_BLOCK = 1000  # ms


def key(ticket: str) -> str:
    """Where a cancellation waits for a ticket that nobody has taken yet."""
    return f"cancelled:{ticket}"


class CancelSender:
    """The gateway's side."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def cancel(self, site: str, ticket: str, up_key: bytes) -> None:
        """Stop `ticket` at `site`; raises RedisError if the broker does not take it."""
        proof = seal_cancel(ticket, up_key)
        stream = f"cancel:{site}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key(ticket), proof, ex=_LIFE)
            pipe.xadd(stream, {b"t": ticket.encode(), b"p": proof}, maxlen=_LENGTH)
            pipe.expire(stream, _LIFE)
            await pipe.execute()


class Cancellations:
    """The worker's side: one reading loop. Belongs to one event loop.

    Register a ticket with `watch` first and look at its key after, so that no cancellation
    falls between.
    """

    def __init__(self, redis: Redis, site: str) -> None:
        self._redis = redis
        self._stream = f"cancel:{site}"
        self._watched: dict[str, tuple[bytes, Callable[[], object]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run(), name=f"cancellations {self._stream}")

    async def stop(self) -> None:
        """Stop reading."""
        self._stopping = True  # the client may swallow the cancellation when a reply comes
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def watch(self, ticket: str, up_key: bytes, cancel: Callable[[], object]) -> None:
        """Call `cancel` once if the gateway cancels `ticket`, until `forget`."""
        self._watched[ticket] = (up_key, cancel)

    def forget(self, ticket: str) -> None:
        """The ticket has ended."""
        self._watched.pop(ticket, None)

    def take(self, ticket: str, proof: bytes) -> None:
        """Act on a proof read from the stream or the key; ignores what proves nothing."""
        watched = self._watched.get(ticket)
        if watched is not None and is_cancel(proof, ticket, watched[0]):
            self.forget(ticket)
            watched[1]()

    async def _run(self) -> None:
        pause = 0.05
        while not self._stopping:
            try:
                await self._read()
            except (RedisError, OSError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 1.0)
                await self.look(list(self._watched))

    async def look(self, tickets: Sequence[str]) -> None:
        """Ask for watched tickets what the stream said before, or while it was away."""
        if not tickets:
            return
        with contextlib.suppress(RedisError, OSError):
            proofs: Any = await self._redis.mget(map(key, tickets))
            for ticket, proof in zip(tickets, proofs, strict=True):
                if proof is not None:
                    self.take(ticket, proof)

    async def _read(self) -> None:
        last: Any = "0-0"  # what lies there is for tickets nobody here watches, or is news
        while not self._stopping:
            reply: Any = await self._redis.xread({self._stream: last}, count=256, block=_BLOCK)
            for identity, fields in reply[0][1] if reply else ():
                last = identity
                self.take(str(fields.get(b"t", b""), "ascii", "replace"), fields.get(b"p", b""))

"""A node that does what a test tells it: slow, silent, lying, or splitting text as it likes.

It has a site, keys and a deployment of its own beside the appliance's, takes its tickets from
the real queue, opens them with the real key and answers over the real relay. Only what it
says is the test's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from redis.exceptions import RedisError

from inference.clearance import Receipt, Ticket, open_ticket, sign
from inference.refusals import Refuser
from inference.relay import (
    Cancellations,
    Chunk,
    Failed,
    Heartbeat,
    Line,
    Outbox,
    Receipted,
    Refused,
    connect,
)

SITE, NAME, MODEL = "lab", "lab-1", "scripted"
VECTORS = "vectors"  # a model that makes embeddings
LAW = "scripted:law"  # an adapter
WEIGHTS, LAWS = "ab" * 32, "cd" * 32
SITE_KEY = X25519PrivateKey.generate()
NODE_KEY = Ed25519PrivateKey.generate()

SEEN = 2.5  # s; gateways look for signs of life every second

Script = Callable[["Attempt"], Awaitable[None]]


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> bytes:
    """A chat.completion.chunk as engines write it, with members that only they know."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    head = {"id": "engine-7", "object": "chat.completion.chunk", "created": 1, "model": "file"}
    return json.dumps({**head, "choices": [choice], "timings": {"prompt_n": 1}}).encode()


class Attempt:
    """One ticket that the node has opened."""

    def __init__(self, ticket: Ticket, line: Line, node: str = NAME) -> None:
        self.ticket = ticket
        self.node = node
        self.line = line
        self.cancelled = asyncio.Event()
        self.cancelled_at = 0.0

    @property
    def said(self) -> str:
        """The last message's text, as the model would read it."""
        return str(self.ticket.body["messages"][-1]["content"])

    def chunks(self, *chunks: bytes) -> None:
        self.line.put(Chunk(list(chunks)))

    def text(self, *pieces: str, index: int = 0) -> None:
        """One frame with a chunk for each piece, as the relay joins them."""
        self.chunks(*(chunk(index, content=piece) for piece in pieces))

    def finish(self, reason: str = "stop", index: int = 0) -> None:
        self.chunks(chunk(index, finish=reason))

    def fail(self, code: str, message: str, param: str | None = None) -> None:
        self.line.put(Failed(code, message, param))

    async def beat(self) -> None:
        """Say that the ticket is in good hands, until cancelled."""
        while True:
            self.line.put(Heartbeat())
            await asyncio.sleep(0.5)

    async def beats_until(self, event: asyncio.Event) -> None:
        """Wait for what the test does; a busy machine's delay is then no node's silence."""
        beating = asyncio.create_task(self.beat())
        try:
            await event.wait()
        finally:
            beating.cancel()

    def receipt(self, key: Ed25519PrivateKey = NODE_KEY, **changes: Any) -> None:
        now = time.time_ns() // 1000
        ticket = self.ticket
        values: dict[str, Any] = {
            "ticket": ticket.id,
            "request": ticket.request,
            "attempt": ticket.attempt,
            "site": ticket.site,
            "node": self.node,
            "model": ticket.adapter or ticket.model,
            "weights": LAWS if ticket.adapter else WEIGHTS,
            "engine": "script",
            "policy_digest": ticket.policy_digest,
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "accepted": now,
            "started": now,
            "finished": now,
            "finish_reason": "stop",
        }
        self.line.put(Receipted(sign(Receipt(**values | changes), key)))

    def refuse(self, reason: str, key: Ed25519PrivateKey = NODE_KEY, **changes: Any) -> None:
        """The last frame of a node that did not run the ticket; true but for `changes`."""
        about = {
            "ticket": self.ticket.id,
            "request": self.ticket.request,
            "attempt": self.ticket.attempt,
            "policy_digest": self.ticket.policy_digest,
        }
        refuser = Refuser(None, self.ticket.site, self.node, key)
        self.line.put(Refused(refuser.signed(reason, **about | changes)))


async def answers(attempt: Attempt) -> None:
    """The default script: three chunks."""
    attempt.text("Good ", "day", ".")
    attempt.finish()
    attempt.receipt()


class Node:
    """Runs in the test's event loop; `script` answers each of `attempts`."""

    def __init__(
        self, broker_url: str, gateway_key: bytes, site: str = SITE, name: str = NAME
    ) -> None:
        self._url = broker_url
        self.site, self.name = site, name
        self._gateway_key = gateway_key
        self._queues = [f"inference.{site}.{model}" for model in (MODEL, VECTORS, LAW)]
        self.script: Script = answers
        self.attempts: list[Attempt] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._redis = connect(self._url)
        await self._redis.delete(*self._queues)
        self._outbox = Outbox(self._redis)
        self._cancellations = Cancellations(self._redis, self.site)
        await self._cancellations.start()
        await self.show()
        self._serving = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._serving.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._serving, *self._tasks, return_exceptions=True)
        await self._cancellations.stop()
        with suppress(RedisError):  # a test may have killed the broker
            if self.name != NAME:  # the next test's node need not be waited for
                await self._redis.delete(f"node:{self.name}")
            await self._outbox.close()
        await self._redis.aclose()

    async def show(self, **changes: Any) -> None:
        """The sign of life that gateways look for, and the time they take to see it."""
        models = {MODEL: WEIGHTS, VECTORS: WEIGHTS, LAW: LAWS}
        says = {"healthy": True, "capacity": 4, "running": 0, "waiting": 0, "models": models}
        says |= changes
        content = json.dumps(says).encode()
        before = await self._redis.set(f"node:{self.name}", content, ex=300, get=True)
        if before != content:
            await asyncio.sleep(SEEN)

    async def hide(self) -> None:
        await self._redis.delete(f"node:{self.name}")
        await asyncio.sleep(SEEN)

    async def _serve(self) -> None:
        while True:
            popped: Any = await self._redis.brpop(self._queues, timeout=1)
            if popped is None:
                continue
            message = json.loads(popped[1])
            arguments = json.loads(base64.b64decode(message["body"]))[0]
            for envelope in arguments[0]:
                self._begin(base64.b64decode(envelope))

    def _begin(self, envelope: bytes) -> None:
        ticket = open_ticket(
            envelope,
            site=self.site,
            site_private_key=SITE_KEY,
            gateway_public_keys=[self._gateway_key],
            now=time.time(),
        )
        line = self._outbox.line(
            ticket.reply_stream, ticket.handle, ticket.attempt, ticket.down_key
        )
        attempt = Attempt(ticket, line, self.name)

        def cancel() -> None:
            attempt.cancelled_at = time.monotonic()
            attempt.cancelled.set()

        self._cancellations.watch(ticket.id, ticket.up_key, cancel)
        self.attempts.append(attempt)
        task = asyncio.create_task(self._run(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, attempt: Attempt) -> None:
        await self.script(attempt)
        self._cancellations.forget(attempt.ticket.id)


TURNS = ("up", "down", "left", "right")


def unlike() -> str:
    """Text that hardly any test has sent before and in which nothing is ever found.

    Of colours in a random order two in a hundred are taken for a name.
    """
    turns = " and ".join(secrets.choice(TURNS) for _ in range(12))
    return f"How is this counted: {turns}?"

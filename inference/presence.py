"""What a node says of itself: that it lives, how its engine does, what it has to do.

Said to gateways and console in the broker, every 2 s and once the engine's health has changed.
What the engine has to do is asked of itself, which also decides whether it is given more.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.answer import Identity
from inference.engines.base import Engine, EngineError, Load
from inference.turnstile import Turnstile

PRESENCE, PRESENCE_LIFE = 2.0, 5  # s
HEALTH = 0.25  # s until an engine that went down, or came back, is told
SAMPLE = 1.0  # s between questions to an engine that has something to do
PATIENCE = 2.0  # s for its answer
FULL = 0.9  # of the KV cache
TIGHT = 0.5  # of the KV cache


def nearly_full(load: Load) -> bool:
    """Whether an engine should be given nothing more until some of it has ended.

    So from nine tenths of its KV cache on: the answers that run still grow, and an engine that
    runs out of memory throws an answer's cache away and computes it anew. And from one half on
    while something that it has been given finds no room: in the engine it is first come, first
    served, and whatever is given now would wait behind it, out of the order that is fair here.
    """
    if load.cache is None:
        return False
    return load.cache >= FULL or (load.waiting > 0 and load.cache >= TIGHT)


class Presence:
    """One worker's words. Belongs to its loop."""

    def __init__(
        self, model: str, identity: Identity, engine: Engine, turns: Turnstile, redis: Redis
    ) -> None:
        """`turns` are held back while the engine's memory is nearly full."""
        self._model = model
        self._identity = identity
        self._engine = engine
        self._turns = turns
        self._redis = redis
        self._load: Load | None = None
        self._since = int(time.time())
        self._key = f"node:{identity.node}/{model}"

    async def ask(self, gone: Callable[[], bool]) -> None:
        """Keep asking the engine what it has to do, until `gone`."""
        while not gone():
            self._load = await self._asked()
            self._turns.hold(self._load is not None and nearly_full(self._load))
            await asyncio.sleep(SAMPLE if self._turns.running else PRESENCE)

    async def _asked(self) -> Load | None:
        with contextlib.suppress(EngineError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return await self._engine.load()
        return None

    async def appear(self, healthy: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Say how things are (`routing.Sign`), until `gone`.

        Every 2 s, and once `healthy` has changed: gateways send nothing to a node whose engine
        is down, and should do so no longer than it is.
        """
        while not gone():
            well = healthy()
            with contextlib.suppress(RedisError, OSError):
                said = msgspec.json.encode(self._sign(well))
                await self._redis.set(self._key, said, ex=PRESENCE_LIFE)
            for _ in range(round(PRESENCE / HEALTH)):
                await asyncio.sleep(HEALTH)
                if healthy() != well:
                    break

    async def leave(self) -> None:
        """Be gone at once, not when the last words have lapsed."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.delete(self._key)

    def _sign(self, healthy: bool) -> dict[str, object]:
        who, load = self._identity, self._load
        return {
            "site": who.site,
            "models": who.digests(self._model),
            "engine": self._engine.name,
            "healthy": healthy,
            "capacity": self._engine.capacity,
            "running": self._turns.running,
            "waiting": self._turns.waiting,
            "waiting_engine": 0 if load is None else load.waiting,
            "cache": None if load is None else load.cache,
            "preempted": 0 if load is None else load.preempted,
            "since": self._since,
        }

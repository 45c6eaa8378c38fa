"""What a node says of itself: that it lives, how its engine does, what it has to do.

Said to gateways and console in the broker, every 2 s and once the engine's health has changed.
What the engine has to do is asked of itself, which also decides how much more it is given.
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
from inference.turnstile import Space, Turnstile

PRESENCE, PRESENCE_LIFE = 2.0, 5  # s
HEALTH = 0.25  # s until an engine that went down, or came back, is told
SAMPLE = 1.0  # s between questions to an engine that has something to do
SOON = 0.1  # s until the next, where a turn could be given if the engine had room for it
PATIENCE = 2.0  # s for its answer
MEMORY = 10.0  # s that its last word counts while it is up and says nothing
GROWTH = 8  # slots, or a quarter of what runs
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


def room(load: Load | None, ended: int) -> int | None:
    """How many slots may be taken until the engine is asked again; None: all that it has.

    An idle engine does not know yet how much of its KV cache the next answers will need, and
    has more slots than they may fit in. So it gets a few, then more as it shows that they run:
    a quarter of those, and at least 8, and as many as have `ended` since it was asked last;
    and not more than should fit by what those that run need. What lies in its own queue is
    therefore never much: nobody could overtake it there.
    """
    if load is None:
        return GROWTH
    if load.cache is None:
        return None
    if nearly_full(load):
        return 0
    more = max(GROWTH, load.running // 4) + ended
    if load.running and load.cache:
        more = min(more, int(FULL * load.running / load.cache) - load.running)
    return load.running + max(more, 1)


def space(load: Load | None) -> Space | None:
    """What is certain to fit in an engine that has found room for all that it was given."""
    if load is None or load.waiting or load.tokens is None or load.context is None:
        return None
    return None if nearly_full(load) else Space(int(FULL * load.tokens), load.context)


class Presence:
    """One worker's words. Belongs to its loop."""

    def __init__(
        self, model: str, identity: Identity, engine: Engine, turns: Turnstile, redis: Redis
    ) -> None:
        """`turns` are limited to what should fit in the engine's memory."""
        self._model = model
        self._identity = identity
        self._engine = engine
        self._turns = turns
        self._redis = redis
        self._load: Load | None = None
        self._since = int(time.time())
        self._key = f"node:{identity.node}/{model}"
        turns.limit(room(None, 0))

    async def ask(self, gone: Callable[[], bool]) -> None:
        """Keep asking the engine what it has to do, until `gone`."""
        loop, turns = asyncio.get_running_loop(), self._turns
        heard, ended, most, soon = loop.time(), turns.ended, room(None, 0), SOON
        while not gone():
            load = await self._asked()
            if load is not None:
                heard = loop.time()
            elif self._engine.healthy and loop.time() < heard + MEMORY:
                load, ended = self._load, turns.ended  # too busy to answer: as it was
            before, most = most, room(load, turns.ended - ended)
            self._load, ended = load, turns.ended
            turns.limit(most, space(load))
            soon = SOON if most != before else min(2 * soon, SAMPLE)
            await self._pause(soon)

    async def _pause(self, soon: float) -> None:
        """Until the engine should be asked again: `soon` seconds where who waits needs it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAMPLE if self._turns.running else PRESENCE):
                await self._turns.short.wait()
                await asyncio.sleep(soon)

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

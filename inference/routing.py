"""Which place answers a request: permitted, alive, and not overloaded.

The table is frozen and comes with the snapshot; what changes by the second (which nodes
live, how many requests wait) is in `Traffic`, one per web process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from compliance.vocabulary import NoRoute, Place

log = structlog.get_logger(__name__)

WATCH_INTERVAL = 1.0  # seconds between looks at the nodes' signs of life
NODE_KEY = "node:"


class Overloaded(Exception):
    """Every place that could answer has as many requests waiting as it may."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is deployed somewhere."""

    name: str
    context_length: int  # tokens, prompt and answer
    created: int  # seconds since the Unix epoch
    publisher: str


@dataclass(frozen=True, slots=True)
class Berth:
    """A place with the nodes that serve it. `limit` bounds the requests of one web process."""

    place: Place
    nodes: frozenset[str]
    limit: int


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Where each model is served, and what is known of it. Berths are sorted by site."""

    models: Mapping[str, ServedModel]
    berths: Mapping[str, tuple[Berth, ...]]


class Traffic:
    """What changes by the second: living nodes, and requests on their way.

    Used by the event loop's thread only. A node lives while its key `node:<name>` is in the
    broker; the worker renews it. While the broker does not answer, no node counts as living.
    """

    def __init__(self) -> None:
        self.alive: frozenset[str] = frozenset()
        self.waiting: Counter[tuple[str, str]] = Counter()
        self._watching: asyncio.Task[None] | None = None

    async def start(self, redis: Any) -> None:
        """Look once, then each second until `stop`."""
        await self._look(redis)
        self._watching = asyncio.create_task(self._watch(redis), name="node watch")

    async def stop(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self, redis: Any) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            await self._look(redis)

    async def _look(self, redis: Any) -> None:
        try:
            names = [name async for name in redis.scan_iter(match=f"{NODE_KEY}*", count=1000)]
        except Exception as error:  # noqa: BLE001 - whatever the client raises, nobody is seen
            if self.alive:
                log.warning("nodes_unseen", error=type(error).__name__)
            self.alive = frozenset()
            return
        alive = frozenset(name.decode().removeprefix(NODE_KEY) for name in names)
        if alive != self.alive:
            log.info("nodes_seen", nodes=sorted(alive))
        self.alive = alive

    def passage(self, table: RoutingTable) -> Passage:
        """The way of one request."""
        return Passage(self, table)


class Passage:
    """One request's way to a place (`vocabulary.Route`); holds its number in the queue.

    Routing again leaves the former place. Close it when the request has ended.
    """

    __slots__ = ("_held", "_table", "_traffic")

    def __init__(self, traffic: Traffic, table: RoutingTable) -> None:
        self._traffic = traffic
        self._table = table
        self._held: tuple[str, str] | None = None

    def __call__(self, model: str, sites: tuple[str, ...] | None) -> Place:
        """The permitted living place with the fewest requests; raises NoRoute, Overloaded."""
        self.close()
        waiting = self._traffic.waiting
        berths = self._permitted(model, sites)
        free = [berth for berth in berths if waiting[_key(berth.place)] < berth.limit]
        if not free:
            raise Overloaded(f"Too many requests are waiting for {model}; try again shortly.")
        place = min(free, key=lambda berth: waiting[_key(berth.place)]).place
        self._held = _key(place)
        waiting[self._held] += 1
        return place

    def _permitted(self, model: str, sites: tuple[str, ...] | None) -> list[Berth]:
        served = self._table.berths.get(model, ())
        permitted = [berth for berth in served if sites is None or berth.place.site in sites]
        living = [berth for berth in permitted if berth.nodes & self._traffic.alive]
        if living:
            return living
        if not permitted:
            considered = "any site" if sites is None else ", ".join(sites) or "no site"
            raise NoRoute(f"The policy permits {considered}, and none of it serves {model}.")
        silent = ", ".join(sorted({berth.place.site for berth in permitted}))
        raise NoRoute(f"No node that serves {model} answers at: {silent}.")

    def close(self) -> None:
        """Leave the queue; harmless when done already."""
        if self._held is not None:
            waiting = self._traffic.waiting
            waiting[self._held] -= 1
            if not waiting[self._held]:
                del waiting[self._held]
            self._held = None


def _key(place: Place) -> tuple[str, str]:
    return (place.site, place.model)

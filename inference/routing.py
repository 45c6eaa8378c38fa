"""Which place answers a request: permitted, able to, and the least loaded of those.

The table is frozen and comes with the snapshot; what changes by the second (what nodes say
of themselves, how many requests wait) is in `Traffic`, one per web process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import structlog

from compliance.vocabulary import NoRoute, Place

log = structlog.get_logger(__name__)

WATCH_INTERVAL = 1.0  # seconds between looks at the nodes' signs of life
NODE_KEY = "node:"
MOST = 1_000_000  # of anything that a node says; a larger number is no number of requests

Amount = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


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


class Sign(msgspec.Struct, frozen=True):
    """What a node says of itself; `capacity` and `running` count its engine's slots.

    It is a hint and no proof: it chooses among places that the policy permits, and nothing
    else hangs on it.
    """

    healthy: bool
    capacity: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    running: Amount
    waiting: Amount


_read = msgspec.json.Decoder(Sign).decode


class Traffic:
    """What changes by the second: nodes that can answer, and requests on their way.

    Used by the event loop's thread only. A node lives while its key `node:<name>` is in the
    broker; the worker renews it. One whose engine is down, or that says nothing one can read,
    counts as little as one that is silent. While the broker does not answer, no node counts.
    """

    def __init__(self) -> None:
        self.nodes: Mapping[str, Sign] = {}
        self.waiting: Counter[tuple[str, str]] = Counter()
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def alive(self) -> frozenset[str]:
        """The nodes that can answer now."""
        return frozenset(self.nodes)

    async def start(self, redis: Any) -> None:
        """Look once, then each second until `stop`."""
        self._stopping = False
        await self._look(redis)
        self._watching = asyncio.create_task(self._watch(redis), name="node watch")

    async def stop(self) -> None:
        """Stop looking."""
        self._stopping = True  # the client may swallow the cancellation when a reply comes
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self, redis: Any) -> None:
        while not self._stopping:
            await asyncio.sleep(WATCH_INTERVAL)
            await self._look(redis)

    async def _look(self, redis: Any) -> None:
        try:
            keys = [key async for key in redis.scan_iter(match=f"{NODE_KEY}*", count=1000)]
            said = await redis.mget(keys) if keys else []
        except Exception as error:  # noqa: BLE001 - whatever the client raises, nobody is seen
            if self.nodes:
                log.warning("nodes_unseen", error=type(error).__name__)
            self.nodes = {}
            return
        nodes = {
            key.decode("utf-8", "replace").removeprefix(NODE_KEY): sign
            for key, value in zip(keys, said, strict=True)
            if value is not None and (sign := _sign(value)) is not None
        }
        if nodes.keys() != self.nodes.keys():
            log.info("nodes_seen", nodes=sorted(nodes), count=len(keys) - len(nodes))
        self.nodes = nodes

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

    def turn(self, table: RoutingTable) -> None:
        """Go by a newer table from here on."""
        self._table = table

    def __call__(self, model: str, sites: tuple[str, ...] | None) -> Place:
        """The least loaded of the permitted places that can; raises NoRoute, Overloaded."""
        self.close()
        waiting = self._traffic.waiting
        berths = self._permitted(model, sites)
        free = [berth for berth in berths if waiting[_key(berth.place)] < berth.limit]
        if not free:
            raise Overloaded(f"Too many requests are waiting for {model}; try again shortly.")
        place = min(free, key=self._load).place
        self._held = _key(place)
        waiting[self._held] += 1
        return place

    def _permitted(self, model: str, sites: tuple[str, ...] | None) -> list[Berth]:
        served = self._table.berths.get(model, ())
        permitted = [berth for berth in served if sites is None or berth.place.site in sites]
        nodes = self._traffic.nodes
        living = [berth for berth in permitted if not berth.nodes.isdisjoint(nodes)]
        if living:
            return living
        if not permitted:
            considered = "any site" if sites is None else ", ".join(sites) or "no site"
            raise NoRoute(f"The policy permits {considered}, and none of it serves {model}.")
        silent = ", ".join(sorted({berth.place.site for berth in permitted}))
        raise NoRoute(f"No node that serves {model} can answer now at: {silent}.")

    def _load(self, berth: Berth) -> tuple[float, int]:
        """Requests for each slot of the place's engines, and how many of them are our own.

        What nodes say is up to three seconds old. Our own requests are known at once, and are
        never more than all: so the larger count is the better one, and a burst does not go to
        one place until the nodes have said so.
        """
        nodes = self._traffic.nodes
        able = [nodes[name] for name in berth.nodes if name in nodes]
        said = sum(node.running + node.waiting for node in able)
        ours = self._traffic.waiting[_key(berth.place)]
        return max(said, ours) / sum(node.capacity for node in able), ours

    def close(self) -> None:
        """Leave the queue; harmless when done already."""
        if self._held is not None:
            waiting = self._traffic.waiting
            waiting[self._held] -= 1
            if not waiting[self._held]:
                del waiting[self._held]
            self._held = None


def _sign(said: bytes) -> Sign | None:
    """What a node says, if it can be read and its engine answers."""
    try:
        sign = _read(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return sign if sign.healthy else None


def _key(place: Place) -> tuple[str, str]:
    return (place.site, place.model)

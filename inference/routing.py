"""Which place answers a request: permitted, able to, and the least loaded of those.

The table is frozen and comes with the snapshot; what changes by the second (what nodes say
of themselves, who waits) is in `Traffic`, one per web process.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any

import msgspec
import structlog

from compliance.vocabulary import NoRoute, Place
from inference.waiting import WAITING_ROOM, Queue, Room

log = structlog.get_logger(__name__)

WATCH_INTERVAL = 1.0  # seconds between looks at the nodes' signs of life
NODE_KEY = "node:"
MOST = 1_000_000  # of anything that a node says; a larger number is no number of requests

Amount = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class Overloaded(Exception):
    """Every place that could answer has as many requests waiting as it may, or its caller has.

    `again` is how many seconds later there should be room.
    """

    def __init__(self, message: str, again: float) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is deployed somewhere."""

    name: str
    context_length: int  # tokens, prompt and answer
    created: int  # seconds since the Unix epoch
    publisher: str
    task: str = "chat"  # or "embeddings"
    adapter: bool = False


@dataclass(frozen=True, slots=True)
class Berth:
    """A place with the nodes that serve it.

    `limit` bounds the requests of one web process that wait, beyond those that fit the engines.
    """

    place: Place
    nodes: frozenset[str]
    limit: int


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Where each model is served, and what is known of it. Berths are sorted by site.

    `processes` is the number of web processes, which share the engines evenly.
    """

    models: Mapping[str, ServedModel]
    berths: Mapping[str, tuple[Berth, ...]]
    processes: int = 1


class Sign(msgspec.Struct, frozen=True):
    """What a node says of itself; `capacity` and `running` count its engine's slots.

    `models` are the digests (hex) of the model and the adapters that it answers with, by name.
    `waiting_engine` of those that run find no room in the engine; `cache` is the share of its
    KV cache in use, from 0 to 1, None where that does not matter; `preempted` counts answers
    whose cache the engine threw away.

    It is a hint and no proof: it chooses among places that the policy permits and bounds their
    queues, and nothing else hangs on it.
    """

    healthy: bool
    capacity: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    running: Amount
    waiting: Amount
    waiting_engine: Amount = 0
    cache: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    preempted: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    models: dict[str, str] = {}

    @property
    def fits(self) -> float:
        """Requests that the engine has room for at once, were all as large as those it has.

        At least 1 and at most `capacity`: it has as many slots, but one cache for all.
        """
        if not self.cache:
            return float(self.capacity)
        inside = max(1, self.running - self.waiting_engine)
        return max(1.0, min(self.capacity, inside / self.cache))


_read = msgspec.json.Decoder(Sign).decode


class Traffic:
    """What changes by the second: nodes that can answer, and requests on their way.

    Used by the event loop's thread only. A node serves a model while the key
    `node:<name>/<model>` is in the broker; the model's worker there renews it. One whose engine
    is down, or that says nothing one can read, counts as little as one that is silent. While
    the broker does not answer, no node counts. Workers of before this version, which were one
    for each node, say `node:<name>`.

    `nodes` are signs by what follows `node:`.
    """

    def __init__(self) -> None:
        self.nodes: Mapping[str, Sign] = {}
        self.queues: defaultdict[tuple[str, str], Queue] = defaultdict(Queue)
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def alive(self) -> frozenset[str]:
        """The nodes that can answer now."""
        return frozenset(name.partition("/")[0] for name in self.nodes)

    def of(self, node: str, model: str) -> Sign | None:
        """What the worker of a model on a node says; an adapter's is that of its base."""
        base = model.partition(":")[0]
        return self.nodes.get(f"{node}/{base}") or self.nodes.get(node)

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

    def passage(self, table: RoutingTable, application: str, *, batch: bool = False) -> Passage:
        """The way of one request; `application` is the id of the one that sent it."""
        return Passage(self, table, application, batch=batch)


class Passage:
    """One request's way to a place (`vocabulary.Route`); holds its number in the queue.

    Routing again leaves the former place. Close it when the request has ended.
    """

    __slots__ = ("_application", "_batch", "_held", "_table", "_traffic")

    def __init__(
        self, traffic: Traffic, table: RoutingTable, application: str, *, batch: bool
    ) -> None:
        self._traffic = traffic
        self._table = table
        self._application = application
        self._batch = batch
        self._held: Queue | None = None

    def turn(self, table: RoutingTable) -> None:
        """Go by a newer table from here on."""
        self._table = table

    def __call__(self, model: str, sites: tuple[str, ...] | None) -> Place:
        """The least loaded of the permitted places that can; raises NoRoute, Overloaded."""
        self._leave(ended=False)
        berths = self._permitted(model, sites)
        surplus = [self._surplus(berth) for berth in berths]
        free = [berth for berth, more in zip(berths, surplus, strict=True) if not more]
        if not free:
            least, nearest = min(zip(surplus, berths, strict=True), key=itemgetter(0))
            again = self._queue(nearest).again(least)
            raise Overloaded(
                f"Too many requests are waiting for {model}; try again in "
                f"{math.ceil(again)} s.",
                again,
            )
        berth = min(free, key=self._load)
        self._held = self._queue(berth)
        self._held.enter(self._application)
        return berth.place

    def _permitted(self, model: str, sites: tuple[str, ...] | None) -> list[Berth]:
        served = self._table.berths.get(model, ())
        permitted = [berth for berth in served if sites is None or berth.place.site in sites]
        living = [berth for berth in permitted if self._able(berth)]
        if living:
            return living
        if not permitted:
            considered = "any site" if sites is None else ", ".join(sites) or "no site"
            raise NoRoute(f"The policy permits {considered}, and none of it serves {model}.")
        silent = ", ".join(sorted({berth.place.site for berth in permitted}))
        raise NoRoute(f"No node that serves {model} can answer now at: {silent}.")

    def _queue(self, berth: Berth) -> Queue:
        """Of the engine: who asks for a model's adapter waits with who asks for the model."""
        base = berth.place.model.partition(":")[0]
        return self._traffic.queues[berth.place.site, base]

    def _able(self, berth: Berth) -> list[Sign]:
        """What its nodes say, of those that answer with the very model that is registered."""
        place = berth.place
        said = (self._traffic.of(name, place.model) for name in berth.nodes)
        return [
            sign
            for sign in said
            if sign is not None and sign.models.get(place.model) == place.model_digest
        ]

    def _surplus(self, berth: Berth) -> int:
        """How many requests must leave the place before this one may wait there.

        No more wait than its nodes hold: nobody would speak for a ticket that lies in the
        broker, and it would be given up.
        """
        able, processes = self._able(berth), self._table.processes
        fit = sum(node.fits for node in able)
        most = min(berth.limit, len(able) * WAITING_ROOM // processes)
        room = Room(math.ceil(fit / processes), most)
        return self._queue(berth).surplus(self._application, room, batch=self._batch)

    def _load(self, berth: Berth) -> tuple[float, int]:
        """Requests for each that fits the place's engines, and how many of them are our own.

        What nodes say is up to three seconds old. Our own requests are known at once, and are
        never more than all: so the larger count is the better one, and a burst does not go to
        one place until the nodes have said so.
        """
        able = self._able(berth)
        said = sum(node.running + node.waiting for node in able)
        ours = self._queue(berth).total
        return max(said, ours) / sum(node.fits for node in able), ours

    def close(self) -> None:
        """Leave the queue; harmless when done already."""
        self._leave(ended=True)

    def _leave(self, *, ended: bool) -> None:
        if self._held is not None:
            self._held.leave(self._application, ended=ended)
            self._held = None


def _sign(said: bytes) -> Sign | None:
    """What a node says, if it can be read and its engine answers."""
    try:
        sign = _read(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return sign if sign.healthy else None

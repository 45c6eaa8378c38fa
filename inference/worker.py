"""The process on a node that answers tickets: one loop, one engine, no database.

    accept   waits for a place; called by Celery's thread, and so holds back the queue
    admit    opens, spends and claims tickets: `inference.admission`
    answer   runs one: `inference.answer`

While a ticket waits for a slot of the engine, heartbeats tell its gateway that it is in good
hands. The loop's thread starts the engine's process, which dies with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.asyncio import Redis
from redis.exceptions import RedisError

from compliance.audit.keys import read_key
from inference import canary_watch, registry
from inference.admission import Admission
from inference.answer import Identity, Leave, answer
from inference.bulletin import Bulletin
from inference.canary import Host
from inference.canary_watch import CanaryWatch, Post
from inference.clearance import Ticket
from inference.engines.base import Engine
from inference.engines.llamacpp import LlamaCpp
from inference.refusals import Refuser
from inference.relay import Cancellations, Failed, Heartbeat, Line, Outbox, OutboxFull, connect
from inference.statements import Statement, say

WAITING_ROOM = 256  # tickets held beyond the engine's slots, so that heartbeats speak for them
HEARTBEAT = 1.0  # s
PRESENCE, PRESENCE_LIFE = 2.0, 5  # s
HEALTH = 0.25  # s until an engine that went down, or came back, is told
DRAIN = 30.0  # s to finish what runs
START = 300.0  # s for weights to be read and the engine to answer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a worker is: where it stands, what it serves, where its files lie."""

    site: str
    node: str
    entry: registry.Entry
    keys: Path
    state: Path  # spent tickets
    run: Path  # sockets
    broker_url: str
    slots: int
    threads: int
    canary_interval: float = canary_watch.INTERVAL  # seconds; 0: never
    canary_hosts: tuple[Host, ...] = ()


class Worker:
    """Answers tickets in a thread of its own."""

    def __init__(self, configuration: Configuration, on_failure: Callable[[], None]) -> None:
        """`on_failure` is called if the loop ends by an error once it has begun."""
        self._configuration = configuration
        self._on_failure = on_failure
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answering: Answering | None = None

    def start(self) -> None:
        """Return when the engine answers.

        Raises WeightsChanged, WeightsMissing, EngineFailed, KeyUnusable, BlockingIOError
        (another worker of this node serves the model) and ValueError (damaged state).
        """
        self._thread.start()
        if not self._begun.wait(START):
            raise TimeoutError(f"The worker was not ready within {START:.0f} s.")
        if self._error is not None:
            raise self._error

    def accept(self, envelopes: Sequence[bytes]) -> None:
        """Take tickets; returns when each is refused or has a place."""
        if self._answering is not None and self._loop is not None:
            coroutine = self._answering.accept(envelopes)
            asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def drain(self) -> None:
        """Say that this node takes no more."""
        if self._answering is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._answering.leave)

    def stop(self) -> None:
        """Finish what runs, within 30 s, stop the engine and return."""
        self.drain()
        if self._answering is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._answering.stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for this thread
            if self._begun.is_set():
                _log.exception("worker_failed")
                self._on_failure()
            self._error = error
        finally:
            self._begun.set()

    async def _main(self) -> None:
        given = self._configuration
        weights = given.entry.path
        verified = partial(registry.verify, weights, given.entry.digest)
        await asyncio.to_thread(verified)
        identity = Identity(
            given.site,
            given.node,
            Ed25519PrivateKey.from_private_bytes(
                read_key(given.keys / f"node-{given.node}.ed25519")
            ),
            given.entry.digest,
        )
        engine = LlamaCpp(
            given.entry.name,
            weights,
            given.run / f"engine-{given.node}.sock",
            context=given.entry.context_length,
            slots=given.slots,
            threads=given.threads,
            check=verified,
        )
        async with contextlib.AsyncExitStack() as stack:
            redis = connect(given.broker_url)
            stack.push_async_callback(redis.aclose)
            refuser = Refuser(redis, given.site, given.node, identity.key)
            bulletin = Bulletin(redis, given.node, given.entry.name, given.keys / "gateway.pub")
            admission = Admission(
                site=given.site,
                node=given.node,
                model=given.entry.name,
                keys=given.keys,
                state=given.state,
                redis=redis,
                refuser=refuser,
            )
            stack.callback(admission.close)
            watch = CanaryWatch(_post(given, identity.key), redis)
            await watch.begin()
            stack.push_async_callback(engine.stop)
            await engine.start()
            stack.push_async_callback(bulletin.stop)
            leave = Leave(bulletin, refuser)
            self._answering = Answering(
                given, identity, engine, redis, admission, leave=leave, watch=watch
            )
            await bulletin.start(self._answering.news)
            self._loop = asyncio.get_running_loop()
            self._begun.set()
            await self._answering.run()


def _post(given: Configuration, key: Ed25519PrivateKey) -> Post:
    return Post(
        site=given.site,
        node=given.node,
        key=key,
        state=given.state,
        gateway=given.keys / "gateway.pub",
        interval=given.canary_interval,
        hosts=given.canary_hosts,
    )


class Answering:
    """The tickets of one worker, from admission to the last frame. Lives on its loop."""

    def __init__(
        self,
        configuration: Configuration,
        identity: Identity,
        engine: Engine,
        redis: Redis,
        admission: Admission,
        *,
        leave: Leave,
        watch: CanaryWatch,
    ) -> None:
        self.stopping = asyncio.Event()
        self._configuration = configuration
        self._identity = identity
        self._engine = engine
        self._redis = redis
        self._admission = admission
        self._leave = leave
        self._watch = watch
        self._outbox = Outbox(redis)
        self._cancellations = Cancellations(redis, configuration.site)
        self._slots = asyncio.Semaphore(engine.capacity)
        self._open: dict[asyncio.Task[None], Line] = {}
        self._places = engine.capacity + WAITING_ROOM
        self._taken = 0
        self._vacancy = asyncio.Event()
        self._leaving = False
        self._gone = False
        self._since = int(time.time())
        watch.follow(self._closes)

    async def run(self) -> None:
        """Answer until `stopping`, then finish what is open within 30 s."""
        await self._cancellations.start()
        async with asyncio.TaskGroup() as group:
            beats = [
                group.create_task(self._beat()),
                group.create_task(self._appear()),
                group.create_task(self._state()),
                group.create_task(self._watch.run(lambda: self._gone)),
            ]
            await self.stopping.wait()
            if self._open:
                await asyncio.wait(self._open, timeout=DRAIN)
            self._gone = True  # the client may swallow the cancellation when a reply comes
            for task in [*beats, *self._open]:
                task.cancel()
        if self._open:
            await asyncio.wait(self._open)
        await self._cancellations.stop()
        await self._outbox.close()
        with contextlib.suppress(RedisError, OSError):
            await self._redis.delete(f"node:{self._configuration.node}")

    async def _state(self) -> None:
        """Say that the engine has started, and each time that it starts again."""
        await say(self._redis, self._statement, self._identity.key, gone=lambda: self._gone)

    def _statement(self) -> Statement:
        """What this node says of the engine that it has started last."""
        given = self._configuration
        engine, _, version = self._engine.name.partition(" ")
        return Statement(
            node=given.node,
            site=given.site,
            model=given.entry.name,
            weights=given.entry.digest,
            engine=engine,
            version=version,
            started=self._engine.started,
            capacity=self._engine.capacity,
        )

    def leave(self) -> None:
        """Take no more tickets; who waits for a place gets none."""
        self._leaving = True
        self._vacancy.set()

    def news(self) -> None:
        """A new list of versions in force: who waits looks whether it may go on."""
        self._vacancy.set()

    def _closes(self, closed: bool) -> None:
        """This node closed itself, or was opened again: what is being answered is given up.

        What waits for a slot, which is free now, finds the node closed and is refused: it can
        be answered elsewhere.
        """
        self._leave.bulletin.shut(closed)
        begun = [(task, line) for task, line in self._open.items() if line.begun]
        for task, line in begun if closed else ():
            with contextlib.suppress(OutboxFull):
                line.put(Failed("engine_unavailable", "The node closed itself."))
            task.cancel()

    async def accept(self, envelopes: Sequence[bytes]) -> None:
        """Admit tickets and begin to answer them; waits for a place for each.

        Returns only while this node is not closed, so that the queue is left to others.
        """
        tickets: list[Ticket] = []
        for envelope in envelopes:
            if await self._place():
                ticket = await self._admission.opened(envelope)
                if ticket is None:
                    self._give_back()
                else:
                    tickets.append(ticket)
        claimed: list[Ticket] = []
        try:
            claimed = await self._admission.claimed(tickets)
        finally:
            for _ in range(len(tickets) - len(claimed)):
                self._give_back()
        for ticket in claimed:
            self._begin(ticket)
        await self._cancellations.look([ticket.id for ticket in claimed])
        while self._leave.bulletin.closed and not self._leaving:
            self._vacancy.clear()  # this node is closed: what waits is for others
            await self._vacancy.wait()

    async def _place(self) -> bool:
        """Take a place, waiting for one; false if the worker is leaving."""
        while self._taken >= self._places and not self._leaving:
            self._vacancy.clear()
            await self._vacancy.wait()
        if not self._leaving:
            self._taken += 1
        return not self._leaving

    def _give_back(self) -> None:
        self._taken -= 1
        self._vacancy.set()

    def _begin(self, ticket: Ticket) -> None:
        line = self._outbox.line(
            ticket.reply_stream, ticket.handle, ticket.attempt, ticket.down_key
        )
        task = asyncio.create_task(self._turn(ticket, line), name=f"ticket {ticket.id}")
        self._open[task] = line
        task.add_done_callback(lambda done: self._ended(done, ticket))
        self._cancellations.watch(ticket.id, ticket.up_key, task.cancel)

    def _ended(self, task: asyncio.Task[None], ticket: Ticket) -> None:
        del self._open[task]
        self._cancellations.forget(ticket.id)
        self._give_back()

    async def _turn(self, ticket: Ticket, line: Line) -> None:
        try:
            line.put(Heartbeat())
            slots, who = self._slots, self._identity
            await answer(ticket, line, self._engine, slots, who, leave=self._leave)
        except OutboxFull:
            _log.warning("answer_undeliverable", request=ticket.request)
        except Exception:  # noqa: BLE001 - one ticket's failure is not the worker's
            _log.exception("answer_crashed", request=ticket.request)
            with contextlib.suppress(OutboxFull):
                line.put(Failed("engine_unavailable", "The node failed; see its log."))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            for line in self._open.values():
                with contextlib.suppress(OutboxFull):
                    line.put(Heartbeat())

    async def _appear(self) -> None:
        """Tell gateways and console that this node lives and how it does (`routing.Sign`).

        Every 2 s, and once the engine's health has changed: gateways send nothing to a node
        whose engine is down, and should do so no longer than it is.
        """
        given = self._configuration
        while not self._gone:
            healthy = self._healthy()
            running = self._engine.capacity - self._slots._value  # noqa: SLF001 - no public way
            state = {
                "site": given.site,
                "models": {given.entry.name: given.entry.digest},
                "engine": self._engine.name,
                "healthy": healthy,
                "capacity": self._engine.capacity,
                "running": running,
                "waiting": len(self._open) - running,
                "since": self._since,
            }
            with contextlib.suppress(RedisError, OSError):
                await self._redis.set(
                    f"node:{given.node}", msgspec.json.encode(state), ex=PRESENCE_LIFE
                )
            for _ in range(round(PRESENCE / HEALTH)):
                await asyncio.sleep(HEALTH)
                if self._healthy() != healthy:
                    break

    def _healthy(self) -> bool:
        return self._engine.healthy and not self._watch.closed

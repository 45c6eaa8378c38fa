"""The tickets that a worker holds: each waits for its turn at the engine, and is answered.

    accept   waits for a place; called by Celery's thread, and so holds back the queue
    admit    opens, spends and claims tickets: `inference.admission`
    turn     waits for the engine: `inference.turnstile` says who is next
    answer   runs one: `inference.answer`

While a ticket waits for its turn, heartbeats tell its gateway that it is in good hands. While
the engine is down, no ticket is taken beyond those at hand: other nodes of the site have theirs
from the same queue. What waits is given up after 20 s, so that it can be sent to one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from inference.admission import Admission
from inference.answer import Identity, Leave, answer
from inference.canary_watch import CanaryWatch
from inference.clearance import Ticket
from inference.engines.base import Engine
from inference.presence import HEALTH, Presence
from inference.relay import Cancellations, Failed, Heartbeat, Line, Outbox, OutboxFull
from inference.statements import Statement, say
from inference.turnstile import Turnstile
from inference.waiting import WAITING_ROOM

HEARTBEAT = 1.0  # s
DRAIN = 30.0  # s to finish what runs
PATIENCE = 20.0  # s that what has no turn yet waits for an engine to come back
_DOWN = "The engine is not up."

_log = structlog.get_logger(__name__)


class Answering:
    """The tickets of one worker, from admission to the last frame. Lives on its loop."""

    def __init__(
        self,
        model: str,
        identity: Identity,
        engine: Engine,
        redis: Redis,
        admission: Admission,
        *,
        leave: Leave,
        watch: CanaryWatch,
    ) -> None:
        self.stopping = asyncio.Event()
        self._model = model
        self._identity = identity
        self._engine = engine
        self._redis = redis
        self._admission = admission
        self._leave = leave
        self._watch = watch
        self._outbox = Outbox(redis)
        self._cancellations = Cancellations(redis, identity.site)
        self._turns = Turnstile(engine.capacity, lambda: engine.healthy)
        self._presence = Presence(model, identity, engine, self._turns, redis)
        self._open: dict[asyncio.Task[None], Line] = {}
        self._places = engine.capacity + WAITING_ROOM
        self._taken = 0
        self._vacancy = asyncio.Event()
        self._leaving = False
        self._abandoned = False
        self._gone = False
        watch.follow(self._closes)

    async def run(self) -> None:
        """Answer until `stopping`, then finish what is open within 30 s."""
        await self._cancellations.start()
        async with asyncio.TaskGroup() as group:
            beats = [
                group.create_task(self._beat()),
                group.create_task(self._heed()),
                group.create_task(self._presence.appear(self._healthy, lambda: self._gone)),
                group.create_task(self._presence.ask(lambda: self._gone)),
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
        await self._presence.leave()

    async def _state(self) -> None:
        """Say that the engine has started, and each time that it starts again."""
        await say(self._redis, self._statement, self._identity.key, gone=lambda: self._gone)

    def _statement(self) -> Statement:
        """What this node says of the engine that it has started last."""
        who = self._identity
        engine, _, version = self._engine.name.partition(" ")
        return Statement(
            node=who.node,
            site=who.site,
            model=self._model,
            weights=who.weights,
            engine=engine,
            version=version,
            started=self._engine.started,
            capacity=self._engine.capacity,
        )

    def leave(self) -> None:
        """Take no more tickets; who waits for a place gets none."""
        self._leaving = True
        self._vacancy.set()

    def abandon(self) -> None:
        """The engine will not come back: give up all there is, and end.

        Who takes from the queue is held until this loop ends: what waits there is for others.
        """
        self._abandoned = True
        self._turns.send_away(_DOWN)
        self._give_up(_DOWN)
        self.stopping.set()

    def news(self) -> None:
        """A new list of versions in force: who waits looks whether it may go on."""
        self._vacancy.set()

    def _closes(self, closed: bool) -> None:
        """This node closed itself, or was opened again: what is being answered is given up.

        What waits for a slot, which is free now, finds the node closed and is refused: it can
        be answered elsewhere.
        """
        self._leave.bulletin.shut(closed)
        if closed:
            self._give_up("The node closed itself.")

    def _give_up(self, why: str) -> None:
        """What is being answered fails."""
        begun = [(task, line) for task, line in self._open.items() if line.begun]
        for task, line in begun:
            with contextlib.suppress(OutboxFull):
                line.put(Failed("engine_unavailable", why))
            task.cancel()

    async def accept(self, envelopes: Sequence[bytes]) -> None:
        """Admit tickets and begin to answer them; waits for a place for each.

        Returns only while this node is not closed and its engine is up, so that the queue is
        left to others.
        """
        tickets: list[Ticket] = []
        claimed: list[Ticket] = []
        places = 0  # taken here, and not given on to a ticket that has begun
        try:
            for envelope in envelopes:
                if await self._place():
                    places += 1
                    ticket = await self._admission.opened(envelope)
                    if ticket is not None:
                        tickets.append(ticket)
                    else:
                        places -= 1
                        self._give_back()
            claimed = await self._admission.claimed(tickets)
            for ticket in claimed:
                self._begin(ticket)
                places -= 1
        finally:
            for _ in range(places):
                self._give_back()
        await self._cancellations.look([ticket.id for ticket in claimed])
        while (self._leave.bulletin.closed or not self._engine.healthy) and not self._leaving:
            self._vacancy.clear()
            await self._vacancy.wait()

    async def _place(self) -> bool:
        """Take a place, waiting for one; false if the worker is leaving."""
        while (self._abandoned or self._taken >= self._places) and not self._leaving:
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
            turns, who = self._turns, self._identity
            await answer(ticket, line, self._engine, turns, who, leave=self._leave)
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

    async def _heed(self) -> None:
        """Go on once an engine that was down is up, and have nothing wait for it too long."""
        loop = asyncio.get_running_loop()
        last = loop.time()  # when it was up
        while not self._gone:
            if self._engine.healthy:
                last = loop.time()
                self._turns.look()
                self._vacancy.set()
            elif loop.time() >= last + PATIENCE:
                self._turns.send_away(_DOWN)
            await asyncio.sleep(HEALTH)

    def _healthy(self) -> bool:
        return self._engine.healthy and not self._watch.closed

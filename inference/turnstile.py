"""Whose turn it is at a node's engine.

A turn is given, as soon as one is free, in this order:

1. Interactive requests before those of a batch, save that one turn in sixteen goes to a batch
   that waits: a node that never rests would never come to it.
2. Of the applications that wait, the one with the fewest turns now; of equals, the one that was
   given its last turn the longest ago. So each gets its share, however much another sends.
3. Of one application, what came first.

None is given while the engine is down. Nor beyond a limit, save to an interactive request of
which it is certain that it finds room beside all that run (`Space`).

An engine of several slots keeps one in eight of them, and at least one, free of batches, whose
answers are long: an interactive request need not wait for the end of one.

Applications are told apart by `Ticket.share`, which names none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from inference.engines.base import EngineFailed

BATCH_EVERY = 16  # turns, of which one is a batch's where one waits
FREE_OF_BATCHES = 8  # slots, of which one is never a batch's
AT_A_TIME = 16 * 1024  # tokens of prompts: an engine reads them in one step, or in a few


@dataclass(frozen=True, slots=True)
class Need:
    """Tokens that a request has at most: to read, and in all (None: all there may be)."""

    read: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Space:
    """Tokens that an engine has memory for, and those that one answer may have."""

    tokens: int
    context: int


_UNKNOWN = Need(AT_A_TIME, None)


@dataclass(slots=True, eq=False)
class Turn:
    """A place in the order. `weight` is in slots; `begin` is called once it is its turn.

    `send_away` is called with the reason why it will not be.
    """

    share: str
    batch: bool
    weight: int
    begin: Callable[[], object]
    send_away: Callable[[EngineFailed], object]
    need: Need = _UNKNOWN
    running: bool = False


class _Lane:
    """The interactive turns, or those of batches, that wait: by application, in order."""

    def __init__(self) -> None:
        self.waiting: dict[str, deque[Turn]] = {}

    def add(self, turn: Turn) -> None:
        self.waiting.setdefault(turn.share, deque()).append(turn)

    def remove(self, turn: Turn) -> None:
        turns = self.waiting[turn.share]
        turns.remove(turn)
        if not turns:
            del self.waiting[turn.share]

    def next(self, running: Mapping[str, int], served: Mapping[str, int]) -> Turn | None:
        """The first turn of the application that is next; None where none waits."""
        if not self.waiting:
            return None
        share = min(self.waiting, key=lambda one: (running.get(one, 0), served.get(one, 0)))
        return self.waiting[share][0]


class Turnstile:
    """Gives turns, of `capacity` slots at most at the same time. Belongs to one thread."""

    def __init__(self, capacity: int, up: Callable[[], bool] = lambda: True) -> None:
        """`up` says whether the engine answers; `look` when it may do so again."""
        self.running = 0  # slots
        self.waiting = 0  # turns
        self._capacity = capacity
        self._up = up
        self._for_batches = (
            capacity - -(-capacity // FREE_OF_BATCHES) if capacity > 1 else capacity
        )
        self._batches = 0  # slots that batches have now
        self._lanes = {False: _Lane(), True: _Lane()}
        self._shares: Counter[str] = Counter()  # slots of each application now
        self._served: dict[str, int] = {}  # the number of each application's last turn
        self._given = 0
        self._passed = 0  # interactive turns given since a batch waits, or had one
        self._limit: int | None = None
        self._space: Space | None = None
        self._known = 0  # tokens of the turns that run and whose most is known
        self._unknown = 0  # slots of the others
        self._read = 0  # tokens of prompts given since the limit was set
        self.ended = 0  # slots, of all turns that were given and are over
        self.short = asyncio.Event()  # set while the limit keeps a turn from who waits

    def limit(self, slots: int | None, space: Space | None = None) -> None:
        """Give turns only while fewer than `slots` are taken, or while any is free (None).

        One that would be alone is given all the same: nothing it could wait for would end. See
        `presence.room`. And one of an interactive request, where all that run and itself have
        room in `space` whatever they grow to; until the next call, as many as are soon read.
        """
        self._limit, self._space = slots, space
        self._read = 0
        self.short.clear()
        self._give()

    def look(self) -> None:
        """Give the turns that could not be given while the engine was down."""
        self._give()

    def send_away(self, reason: str) -> None:
        """Let all that wait wait no longer; `turn` raises `EngineFailed`."""
        for lane in self._lanes.values():
            for turns in lane.waiting.values():
                for turn in turns:
                    turn.send_away(EngineFailed(reason))

    def ask(
        self,
        share: str,
        *,
        batch: bool,
        weight: int,
        begin: Callable[[], object],
        send_away: Callable[[EngineFailed], object],
        need: Need = _UNKNOWN,
    ) -> Turn:
        """Wait for a turn; one that weighs more than there is takes all of the slots."""
        turn = Turn(share, batch, min(weight, self._most(batch)), begin, send_away, need)
        self._lanes[batch].add(turn)
        self.waiting += 1
        self._give()
        return turn

    def leave(self, turn: Turn) -> None:
        """A turn is over, or is not wanted any more. Once for each."""
        if turn.running:
            turn.running = False
            self._count(turn, -1)
            self.ended += turn.weight
        else:
            self._lanes[turn.batch].remove(turn)
            self.waiting -= 1
        self._give()

    @contextlib.asynccontextmanager
    async def turn(
        self, share: str, *, batch: bool, weight: int = 1, need: Need = _UNKNOWN
    ) -> AsyncGenerator[None]:
        """Entered when it is its turn, which is over at the end. May be cancelled meanwhile.

        Raises `EngineFailed` where it was sent away.
        """
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def begin() -> None:
            if not came.done():  # whoever waited may have been cancelled a moment ago
                came.set_result(None)

        def send_away(reason: EngineFailed) -> None:
            if not came.done():
                came.set_exception(reason)

        turn = self.ask(
            share, batch=batch, weight=weight, begin=begin, send_away=send_away, need=need
        )
        try:
            await came
            yield
        finally:
            self.leave(turn)

    def _most(self, batch: bool) -> int:
        return self._for_batches if batch else self._capacity

    def _count(self, turn: Turn, sign: int) -> None:
        self.running += sign * turn.weight
        self._batches += sign * turn.weight * turn.batch
        self._shares[turn.share] += sign * turn.weight
        if turn.need.most is None:
            self._unknown += sign * turn.weight
        else:
            self._known += sign * turn.need.most
        if not self._shares[turn.share]:
            del self._shares[turn.share]

    def _give(self) -> None:
        while (turn := self._next()) is not None:
            self._lanes[turn.batch].remove(turn)
            self.waiting -= 1
            self._given += 1
            self._served[turn.share] = self._given
            behind = bool(self._lanes[True].waiting) and not turn.batch
            self._passed = self._passed + 1 if behind else 0
            turn.running = True
            self._count(turn, 1)
            self._read += turn.need.read
            turn.begin()
        if not self.waiting:  # who was served when matters no more, but of those who run
            self._served = {share: self._served[share] for share in self._shares}

    def _next(self) -> Turn | None:
        """Who goes now. None overtakes one whose turn it is and who needs more slots."""
        if not self._up():
            return None
        interactive = self._lanes[False].next(self._shares, self._served)
        batch = self._lanes[True].next(self._shares, self._served)
        if batch is not None and self._batches + batch.weight > self._for_batches:
            batch = None
        due = batch is not None and self._passed >= BATCH_EVERY - 1
        turn = batch if interactive is None or due else interactive
        if turn is None or self.running + turn.weight > self._capacity:
            return None
        if self._limit is None or self.running < max(self._limit, 1) or self._fits(turn):
            return turn
        self.short.set()
        return None

    def _fits(self, turn: Turn) -> bool:
        """Whether it is certain that it finds room, and soon: a batch's would be in the way."""
        if self._space is None or turn.batch or self._read + turn.need.read > AT_A_TIME:
            return False
        own = turn.weight * self._space.context if turn.need.most is None else turn.need.most
        others = self._known + self._unknown * self._space.context
        return own + others <= self._space.tokens

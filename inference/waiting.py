"""How many requests may wait at a place, whose, and when there is room again.

A place has room for so many requests at once, and a bound for those that wait beyond it. While
there is room, whoever comes is let in. Beyond it, an application may have as many requests wait
as thrice the part of the bound that is still free (Choudhury and Hahne, "Dynamic queue length
thresholds for shared-memory packet switches", 1998): one alone gets three quarters of it, two
three sevenths each, and there is always a place for one that comes late. What one has above its
share is not taken away; it gets nothing further until the others have theirs. A batch, which
can wait elsewhere, is let in only while half of the bound is free.

Who is refused is told when to come again: once as many requests will have left as must, and as
were sent away before it, at the pace at which they leave while the place is busy.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

WAITING_ROOM = 256  # tickets that a node holds beyond its engine's slots, and speaks for
THRICE = 3
PACE_OF = 64  # the latest requests that left a busy place, of which the pace is
PACE_LEAST = 4  # of them; of fewer no pace can be told
WAIT_MOST = 300.0  # seconds; half of an answer's deadline
SENT_AWAY = 1024  # requests that are remembered; more would be told the same
AGAIN_UNKNOWN, AGAIN_MOST = 1.0, 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Room:
    """What a place has for one web process: requests at once, and requests that wait."""

    at_once: int
    waiting: int


class Queue:
    """The requests of one web process at one place. Used by one thread; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.held: Counter[str] = Counter()  # by application
        self._clock = clock
        self._gaps: deque[float] = deque(maxlen=PACE_OF)  # seconds between them
        self._since = 0.0  # when the last left, or the place became busy
        self._at_once = 1  # as it was told last
        self._sent_away: deque[float] = deque(maxlen=SENT_AWAY)  # when each should come again

    @property
    def total(self) -> int:
        """Requests that run or wait."""
        return self.held.total()

    @property
    def _busy(self) -> bool:
        """Whether a request more would have to wait; only then do they leave at a pace."""
        return self.total >= self._at_once

    def enter(self, application: str) -> None:
        """One more."""
        before = self._busy
        self.held[application] += 1
        self._becomes_busy(before)

    def _becomes_busy(self, before: bool) -> None:
        if self._busy and not before:
            self._since = self._clock()

    def leave(self, application: str, *, ended: bool = True) -> None:
        """One less; it `ended` unless it only goes to another place."""
        if ended and self._busy:
            now = self._clock()
            self._gaps.append(now - self._since)
            self._since = now
        self.held[application] -= 1
        if not self.held[application]:
            del self.held[application]

    def surplus(self, application: str, room: Room, *, batch: bool) -> int:
        """How many must leave before one more of `application` may enter; 0: it may now."""
        before, self._at_once = self._busy, room.at_once
        self._becomes_busy(before)
        waiting = self.total - room.at_once
        if waiting < 0:
            return 0
        others = len(self.held.keys() - {application})
        own = max(0, self.held[application] - room.at_once // (others + 1))
        most = room.waiting - min(own, waiting) / THRICE
        if batch:
            most = min(most, room.waiting / 2)
        if (pace := self._pace()) is not None:
            most = min(most, pace * WAIT_MOST)
        return max(0, waiting - math.ceil(most) + 1)

    def again(self, surplus: int) -> float:
        """Seconds after which one that is refused should come again; it is remembered."""
        now = self._clock()
        while self._sent_away and self._sent_away[0] <= now:
            self._sent_away.popleft()
        pace = self._pace()
        seconds = AGAIN_UNKNOWN
        if pace is not None:
            ahead = surplus + len(self._sent_away)
            seconds = min(max(ahead / pace, AGAIN_UNKNOWN), AGAIN_MOST)
        self._sent_away.append(now + seconds)
        return seconds

    def _pace(self) -> float | None:
        """Requests that leave per second while the place is busy; None where too few did."""
        if len(self._gaps) < PACE_LEAST:
            return None
        still = self._clock() - self._since if self._busy else 0.0
        return len(self._gaps) / max(sum(self._gaps) + still, 0.001)

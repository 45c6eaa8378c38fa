"""Ids of requests: random, and those made one after the other are neighbours in an index.

    6a1f3c02 07 5d0c…   the second, the group of requests within it, 88 random bits

An index of random values is written to all over: a commit of 64 events changed nearly as many
pages of it as it had events. Ids of one group lie on a page or two.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

GROUP = 64  # requests
_LAST = 0xFF  # group; it takes all that come after


class RequestIds:
    """Makes the ids of one process, for one thread of it.

    Ids are in the log for ever and go to callers. So they tell the time no finer than entries
    do; and how many requests others have made only by whole groups within a second.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = self._made = 0

    def new(self) -> str:
        """32 lower-case hex digits."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._made = second, 0
        group = min(self._made // GROUP, _LAST)
        self._made += 1
        return f"{second:08x}{group:02x}{secrets.token_hex(11)}"

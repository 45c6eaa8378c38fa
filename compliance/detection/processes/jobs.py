"""Requests that wait for a detector: a bounded queue that gives many small ones at once.

A names model reads many short texts together in hardly more time than one of them, so a
process takes what waits, up to a bound, and not only the first. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from compliance.detection.processes.examined import Examined
from compliance.vocabulary import OwnEntity

TOGETHER = 32_768  # characters of several jobs that are given to a process at once


class TooMany(Exception):
    """No more may wait."""


@dataclass(slots=True)
class Job:
    """The texts of one request that nobody knows yet, by their keys in the memory.

    `until` is on the event loop's clock. `alone`: it was given with others and that went
    wrong, which may be its doing or theirs.
    """

    texts: Mapping[bytes, str]
    until: float
    version: str  # of the policy that it is examined for
    own: tuple[OwnEntity, ...]  # what is looked for besides
    answer: asyncio.Future[dict[bytes, Examined]]
    alone: bool = False
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(map(len, self.texts.values()))

    def fail(self, failure: Exception) -> None:
        """Say that there is no answer, if somebody still waits for one."""
        if not self.answer.done():
            self.answer.set_exception(failure)


class Jobs:
    """At most `jobs` of them with at most `characters` wait; beyond, they are refused."""

    def __init__(self, jobs: int, characters: int) -> None:
        self._most, self._most_characters = jobs, characters
        self._waiting: deque[Job] = deque()
        self._characters = 0
        self._some = asyncio.Event()

    def put(self, job: Job) -> None:
        """Let a job wait; raises `TooMany`. One that finds nobody waiting is always taken."""
        full = len(self._waiting) >= self._most
        long = self._characters + job.size > self._most_characters
        if full or (long and self._waiting):
            raise TooMany
        self._waiting.append(job)
        self._characters += job.size
        self._some.set()

    def put_back(self, job: Job) -> None:
        """Let a job that was taken already go first."""
        self._waiting.appendleft(job)
        self._characters += job.size
        self._some.set()

    async def take(self) -> Job:
        """The job that waits longest; waits for one."""
        while not self._waiting:
            await self._some.wait()
        return self._pop()

    def more(self, first: Job, takers: int) -> list[Job]:
        """Those that go with `first`: one taker's share of what waits, as far as it is short.

        They are given in the order in which they came; none that waits is passed over. All are
        of one version, and look for the same.
        """
        share = -(-(len(self._waiting) + 1) // max(1, takers)) - 1
        taken: list[Job] = []
        size = first.size
        while not first.alone and self._waiting and len(taken) < share:
            job = self._waiting[0]
            other = job.alone or (job.version, job.own) != (first.version, first.own)
            if other or size + job.size > TOGETHER:
                break
            size += job.size
            taken.append(self._pop())
        return taken

    def clear(self) -> list[Job]:
        """All that wait, taken out."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self._characters = 0
        self._some.clear()
        return waiting

    def clear_untried(self) -> list[Job]:
        """The same, less those that went wrong together with others."""
        waiting = self.clear()
        for job in reversed(waiting):
            if job.alone:
                self.put_back(job)
        return [job for job in waiting if not job.alone]

    def _pop(self) -> Job:
        job = self._waiting.popleft()
        self._characters -= job.size
        if not self._waiting:
            self._some.clear()
        return job

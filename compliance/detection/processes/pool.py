"""Detectors in processes of their own, so that the event loop never stalls.

Every way in which a scan can go wrong ends in `DetectionFailed`: no process is loaded, the
queue is full, time runs out, a process dies. A process that hangs is killed; one that died
is replaced. Raw text goes over a pipe and is not kept: the memory of earlier scans is
keyed by a hash under a random key of this process, holds offsets only, and dies with the
version of the policy that they were made for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from compliance.detection.processes import definitions
from compliance.detection.processes.examined import Examined, joined, with_pieces
from compliance.detection.processes.jobs import Job, Jobs, TooMany
from compliance.detection.processes.memory import Memory
from compliance.detection.processes.process import LOADING, DetectorProcess
from compliance.detection.reading.seams import seams
from compliance.vocabulary import Category, DetectionFailed, OwnEntity, Scan, Segment

QUEUE = 64  # requests waiting per process; beyond, refused at once
QUEUED = 8 * 1024 * 1024  # characters waiting per process
REMEMBERED = 32_768  # texts and findings that are remembered
MANY = 2_000  # findings from which putting them together could hold up other requests
GRACE = 2.0  # seconds beyond the time-out before a process that hangs is killed
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds before a process that failed is replaced

_CONTENT = re.compile(r"/messages/\d+/content(?:/\d+/text)?")
"""Where what was said in a chat stands, apart from names and calls."""

_log = structlog.get_logger(__name__)


class DetectorPool:
    """A fixed number of detector processes behind one queue. Use from one event loop."""

    def __init__(
        self, processes: int, timeout_s: float, version: Callable[[], str] = lambda: ""
    ) -> None:
        """`timeout_s` bounds a scan from the call to its answer, waiting included.

        `version` says by which version of the policy texts are examined now.
        """
        if processes < 1 or timeout_s <= 0:
            raise ValueError(
                "a detector pool needs at least one process and a positive time-out"
            )
        self._processes = processes
        self._timeout = timeout_s
        self._version = version
        self._jobs = Jobs(QUEUE * processes, QUEUED * processes)
        self._keepers: list[asyncio.Task[None]] = []
        self._loaded: dict[int, DetectorProcess] = {}
        self._coverage: frozenset[tuple[Category, str]] = frozenset()
        self._memory = Memory(REMEMBERED)
        self._why = "the detector has not been started"

    @property
    def ready(self) -> bool:
        """Whether at least one process has loaded its models."""
        return bool(self._loaded)

    @property
    def coverage(self) -> frozenset[tuple[Category, str]]:
        """What the recognisers can find; empty until a process has loaded."""
        return self._coverage

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The processes that are loaded now."""
        return tuple(self._loaded)

    async def start(self) -> None:
        """Start the processes; returns at once. Until one has loaded, scans are refused."""
        if not self._keepers:
            self._why = "the detector is still loading"
            self._keepers = [
                asyncio.create_task(self._keep(), name=f"detector-{number}")
                for number in range(1, self._processes + 1)
            ]

    async def wait_ready(self, timeout_s: float = LOADING) -> None:
        """Return once a process has loaded; raises `DetectionFailed` if none does in time."""
        for _ in range(round(timeout_s / 0.05)):
            if self.ready:
                return
            await asyncio.sleep(0.05)
        raise DetectionFailed(self._why)

    async def stop(self) -> None:
        """End the processes. Requests that still wait are refused."""
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        self._why = "the detector has been stopped"
        self._refuse(self._jobs.clear())

    async def scan(self, segments: Sequence[Segment], own: Sequence[OwnEntity] = ()) -> Scan:
        """Find personal data and credentials (`vocabulary.Scanner`).

        Values that begin in one message and go on in another are found in both.
        """
        texts = [segment.text for segment in segments]
        said = [place for place, one in enumerate(segments) if _CONTENT.fullmatch(one.pointer)]
        between = seams([texts[place] for place in said])
        examined = await self.examine([*texts, *(seam.text for seam in between)], own)
        pieces = [
            replace(piece, segment=said[piece.segment])
            for seam, over in zip(between, examined[len(texts) :], strict=True)
            for piece in seam.pieces(over.findings)
        ]
        if sum(len(text.findings) for text in examined) < MANY:
            return with_pieces(joined(examined[: len(texts)]), pieces)
        return await asyncio.to_thread(
            lambda: with_pieces(joined(examined[: len(texts)]), pieces)
        )

    async def examine(
        self, texts: Sequence[str], own: Sequence[OwnEntity] = ()
    ) -> list[Examined]:
        """What stands in each text, whatever stands in others; raises `DetectionFailed`."""
        sought = definitions.key(own)
        version = self._version()
        self._memory.follow(version)
        keys = [self._memory.key(text, sought) for text in texts]
        found = self._memory.known(keys, version)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            found |= await self._examined(missing, version, tuple(own))
        return [found[key] for key in keys]

    async def _examined(
        self, texts: dict[bytes, str], version: str, own: tuple[OwnEntity, ...]
    ) -> dict[bytes, Examined]:
        if not self.ready:
            raise DetectionFailed(self._why)
        loop = asyncio.get_running_loop()
        job = Job(texts, loop.time() + self._timeout, version, own, loop.create_future())
        try:
            self._jobs.put(job)
        except TooMany:
            raise DetectionFailed(
                "too many requests wait for the detector; try again"
            ) from None
        try:
            return await asyncio.wait_for(job.answer, self._timeout)
        except TimeoutError:
            raise DetectionFailed(
                f"the detector did not answer within {self._timeout:g} s; send less text"
            ) from None

    async def _keep(self) -> None:
        """Keep one process running; replace it when it ends."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with DetectorProcess() as process:
                    self._coverage = await process.loaded()
                    self._loaded[process.id] = process
                    pause = FIRST_PAUSE
                    await self._serve(process)
            except (DetectionFailed, OSError) as failure:
                self._why = str(failure)
            except Exception as failure:  # noqa: BLE001 -- whatever it is, the next one is kept
                # Its message may quote what a process wrote: it is named, not shown.
                kind = type(failure).__name__
                self._why = f"a detector process failed ({kind}); it is being replaced"
                _log.error("detector_failed", kind=kind)
            finally:
                self._loaded = {i: p for i, p in self._loaded.items() if p.running}
                if not self._loaded:
                    # Those that failed together wait: it was the doing of one at most.
                    self._refuse(self._jobs.clear_untried())
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _serve(self, process: DetectorProcess) -> None:
        """Give jobs to a process, those that are short together, until it fails.

        Raises `DetectionFailed`.
        """
        loop = asyncio.get_running_loop()
        while True:
            ended = asyncio.ensure_future(process.ended())
            waiting = asyncio.ensure_future(self._jobs.take())
            try:
                await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
                waiting.cancel()
            if not waiting.done() or waiting.cancelled():
                raise DetectionFailed("a detector process ended; it is being replaced")
            first = waiting.result()
            jobs = [first, *self._jobs.more(first, len(self._loaded))]
            now = loop.time()
            jobs = [job for job in jobs if not job.answer.done() and job.until > now]
            if jobs:
                await self._exchange(process, jobs)

    async def _exchange(self, process: DetectorProcess, jobs: Sequence[Job]) -> None:
        """Have a process examine what the jobs hold, each text once.

        What another job has found out while these waited is not looked for again. Where it
        goes wrong, jobs that were given together are tried one by one, by the processes that
        are left or by the next one, while their time lasts.
        """
        texts = {key: text for job in jobs for key, text in job.texts.items()}
        found = self._memory.known(texts, jobs[0].version)
        missing = {key: text for key, text in texts.items() if key not in found}
        seconds = max(job.until for job in jobs) - asyncio.get_running_loop().time()
        answer: list[Examined] | str = []
        try:
            if missing:
                asked = process.ask(list(missing.values()), seconds, jobs[0].own)
                answer = await asyncio.wait_for(asked, seconds + GRACE)
            if not isinstance(answer, str):
                found |= dict(zip(missing, answer, strict=True))
        except asyncio.CancelledError:
            for job in jobs:
                job.fail(DetectionFailed("the detector has been stopped"))
            raise
        except Exception as error:  # noqa: BLE001 -- a frame may be anything
            failure = DetectionFailed(
                f"a detector process failed ({type(error).__name__}); it is being replaced"
            )
            self._failed(jobs, failure)
            raise failure from None
        if isinstance(answer, str):
            self._failed(jobs, DetectionFailed(answer))
            return
        for job in jobs:
            own = {key: found[key] for key in job.texts}
            for key, examined in own.items():
                self._memory.put(key, examined, job.version)
            if not job.answer.done():
                job.answer.set_result(own)

    def _failed(self, jobs: Sequence[Job], failure: DetectionFailed) -> None:
        if len(jobs) == 1:
            jobs[0].fail(failure)
            return
        for job in reversed(jobs):
            job.alone = True
            self._jobs.put_back(job)

    def _refuse(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.fail(DetectionFailed(self._why))

"""Detectors in processes of their own, so that the event loop never stalls.

Every way in which a scan can go wrong ends in `DetectionFailed`: no process is loaded, the
queue is full, time runs out, a process dies. A process that hangs is killed; one that died
is replaced. Raw text goes over a pipe and is not kept: the memory of earlier scans is
keyed by a hash under a random key of this process and holds offsets only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from compliance.detection.examined import HEAD, Examined, joined, packed, read
from compliance.vocabulary import Category, DetectionFailed, Scan, Segment

QUEUE = 64  # requests waiting per process; beyond, refused at once
REMEMBERED = 8_192  # texts whose findings are remembered
LOADING = 120.0  # seconds a process may take to load its models
GRACE = 2.0  # seconds beyond the time-out before a process that hangs is killed
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds before a process that failed is replaced

_log = structlog.get_logger(__name__)
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class _Job:
    texts: list[str]
    until: float  # on the event loop's clock
    answer: asyncio.Future[list[Examined]]


class DetectorPool:
    """A fixed number of detector processes behind one queue. Use from one event loop."""

    def __init__(self, processes: int, timeout_s: float) -> None:
        """`timeout_s` bounds a scan from the call to its answer, waiting included."""
        if processes < 1 or timeout_s <= 0:
            raise ValueError(
                "a detector pool needs at least one process and a positive time-out"
            )
        self._processes = processes
        self._timeout = timeout_s
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(QUEUE * processes)
        self._keepers: list[asyncio.Task[None]] = []
        self._loaded: dict[int, _Process] = {}
        self._coverage: frozenset[tuple[Category, str]] = frozenset()
        self._memory = _Memory(REMEMBERED)
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
        self._refuse_waiting()

    async def scan(self, segments: Sequence[Segment]) -> Scan:
        """Find personal data and credentials (`vocabulary.Scanner`)."""
        keys = [self._memory.key(segment.text) for segment in segments]
        found = {key: known for key in keys if (known := self._memory.get(key))}
        missing = {
            key: segment.text
            for key, segment in zip(keys, segments, strict=True)
            if key not in found
        }
        if missing:
            examined = await self._examined(list(missing.values()))
            for key, text in zip(missing, examined, strict=True):
                found[key] = text
                self._memory.put(key, text)
        return joined([found[key] for key in keys])

    async def _examined(self, texts: list[str]) -> list[Examined]:
        if not self.ready:
            raise DetectionFailed(self._why)
        loop = asyncio.get_running_loop()
        job = _Job(texts, loop.time() + self._timeout, loop.create_future())
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
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
                async with _Process() as process:
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
                    self._refuse_waiting()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _serve(self, process: _Process) -> None:
        """Give jobs to a process, one at a time, until it fails (`DetectionFailed`)."""
        loop = asyncio.get_running_loop()
        while True:
            ended = asyncio.ensure_future(process.ended())
            waiting = asyncio.ensure_future(self._jobs.get())
            try:
                await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
                waiting.cancel()
            if not waiting.done() or waiting.cancelled():
                raise DetectionFailed("a detector process ended; it is being replaced")
            job = waiting.result()
            if job.answer.done() or job.until <= loop.time():
                continue
            await self._exchange(process, job)

    async def _exchange(self, process: _Process, job: _Job) -> None:
        loop = asyncio.get_running_loop()
        seconds = job.until - loop.time()
        try:
            answer = await asyncio.wait_for(process.ask(job.texts, seconds), seconds + GRACE)
        except Exception as error:  # noqa: BLE001 -- a frame may be anything
            failure = DetectionFailed(
                f"a detector process failed ({type(error).__name__}); it is being replaced"
            )
            if not job.answer.done():
                job.answer.set_exception(failure)
            raise failure from None
        if job.answer.done():
            return
        if isinstance(answer, str):
            job.answer.set_exception(DetectionFailed(answer))
        else:
            job.answer.set_result(answer)

    def _refuse_waiting(self) -> None:
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if not job.answer.done():
                job.answer.set_exception(DetectionFailed(self._why))


class _Process:
    """One detector process and its two pipes."""

    def __init__(self) -> None:
        self._process: Any = None

    @property
    def id(self) -> int:
        return int(self._process.pid)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        # One thread per process: the pool is what runs in parallel.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "compliance.detection.child", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env={**os.environ, **threads},
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.stdin.close()
        with contextlib.suppress(OSError):
            await self._process.stdin.wait_closed()
        await self._process.wait()

    async def ended(self) -> None:
        await self._process.wait()

    async def loaded(self) -> frozenset[tuple[Category, str]]:
        """What the process covers, once it has loaded; raises `DetectionFailed`."""
        try:
            hello = await asyncio.wait_for(self._frame(), LOADING)
        except (TimeoutError, EOFError):
            raise DetectionFailed("a detector process did not load its models") from None
        if "failed" in hello:
            raise DetectionFailed(hello["failed"])
        return frozenset((Category(category), entity) for category, entity in hello["coverage"])

    async def ask(self, texts: list[str], seconds: float) -> list[Examined] | str:
        """What stands in the texts, or why the process could not tell."""
        self._process.stdin.write(packed({"texts": texts, "seconds": seconds}))
        await self._process.stdin.drain()
        answer = await self._frame()
        if "failed" in answer:
            return str(answer["failed"])
        return [read(text) for text in answer["texts"]]

    async def _frame(self) -> Any:
        (length,) = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
        return json.loads(await self._process.stdout.readexactly(length))


class _Memory:
    """What was found in the texts seen last: a history is sent again with every turn."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._secret = secrets.token_bytes(32)
        self._found: OrderedDict[bytes, Examined] = OrderedDict()

    def key(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=24, key=self._secret).digest()

    def get(self, key: bytes) -> Examined | None:
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
        return found

    def put(self, key: bytes, examined: Examined) -> None:
        self._found[key] = examined
        while len(self._found) > self._size:
            self._found.popitem(last=False)

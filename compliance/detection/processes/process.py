"""One process that holds a detector, as the pool sees it: two pipes and a life."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from compliance.detection.processes import definitions
from compliance.detection.processes.examined import HEAD, Examined, packed, read
from compliance.vocabulary import Category, DetectionFailed, OwnEntity

LOADING = 120.0  # seconds a process may take to load its models
LONG = 65_536  # characters, or bytes, from which a frame is written and read beside the loop
_ROOT = Path(__file__).resolve().parents[3]


class DetectorProcess:
    """One detector process and its two pipes; runs `child`. Use from one event loop."""

    def __init__(self) -> None:
        self._process: Any = None
        self._told = ""  # the key of the definitions that it was told last

    @property
    def id(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        # One thread per process: the pool is what runs in parallel.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "compliance.detection.processes.child", str(os.getpid())),
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
        """Return when it has ended."""
        await self._process.wait()

    async def loaded(self) -> frozenset[tuple[Category, str]]:
        """What the process covers, once it has loaded; raises `DetectionFailed`."""
        try:
            hello = json.loads(await asyncio.wait_for(self._frame(), LOADING))
        except (TimeoutError, EOFError):
            raise DetectionFailed("a detector process did not load its models") from None
        if "failed" in hello:
            raise DetectionFailed(hello["failed"])
        return frozenset((Category(category), entity) for category, entity in hello["coverage"])

    async def ask(
        self, texts: Sequence[str], seconds: float, own: Sequence[OwnEntity] = ()
    ) -> list[Examined] | str:
        """What stands in the texts, or why the process could not tell.

        The definitions of own entities, which may be long, go along where they are others than
        those of the question before.
        """
        sought = definitions.key(own)
        told = sought != self._told
        question = partial(_asked, texts, seconds, sought, own if told else ())
        if told or sum(map(len, texts)) >= LONG:
            frame = await asyncio.to_thread(question)
        else:
            frame = question()
        self._process.stdin.write(frame)
        await self._process.stdin.drain()
        answer = await self._frame()
        found = (
            _answer(answer) if len(answer) < LONG else await asyncio.to_thread(_answer, answer)
        )
        self._told = "" if isinstance(found, str) else sought
        return found

    async def _frame(self) -> bytes:
        (length,) = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
        frame: bytes = await self._process.stdout.readexactly(length)
        return frame


def _asked(
    texts: Sequence[str], seconds: float, sought: str, own: Sequence[OwnEntity]
) -> bytes:
    request: dict[str, Any] = {"texts": texts, "seconds": seconds, "own": sought}
    if own:
        request["definitions"] = definitions.written(own)
    return packed(request)


def _answer(frame: bytes) -> list[Examined] | str:
    answer = json.loads(frame)
    if "failed" in answer:
        return str(answer["failed"])
    return [read(text) for text in answer["texts"]]

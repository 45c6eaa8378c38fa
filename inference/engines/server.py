"""An engine as a child process with an OpenAI-compatible HTTP server on a Unix socket.

The child is watched and started again when it ends, with a pause that doubles; it cannot
outlive the thread that started it (see `leash`). Processes that it starts itself belong to its
group, which ends as a whole. What it prints is kept only until it is ready: later lines may
quote a prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from inference.engines import answers, group, leash, wire
from inference.engines.answers import WHOLE_MAX, Answered, TooLong
from inference.engines.base import EngineFailed

_PAUSE_FIRST, _PAUSE_MOST = 0.2, 10.0  # s
_STEADY = 30.0  # s of life after which a crash counts as the first again
_POLL = 0.05  # s
_GRACE = 5.0  # s from SIGTERM to SIGKILL
_LAST_WORDS = 2.0  # s that an ended child's output is still read for
_LOOK_EVERY = 5.0  # s between looks at whether the child answers, and for its answer
_MISSES_MOST = 5  # in a row: 25 s. A busy core may answer late; a restart loses all streams
STUCK_AFTER = 180.0  # s without a step; one reads a part of a prompt, and takes seconds
_OK, _FAILED, _LOADING = 200, 500, 503
_CLOSED = -1  # in the place of a status
_ENDING = 2.0  # s that a child may take to end once it has closed its connections
_ASKED_MOST = 2  # times that a request is sent which met dying children: it may be what kills
_CUT = "The engine stopped before its answer was complete."

_log = structlog.get_logger(__name__)


class SupervisedServer:
    """Starts, watches and restarts one child. Belongs to one event loop."""

    def __init__(
        self,
        command: Sequence[str],
        socket: Path,
        *,
        start_within: float = 120.0,
        look_every: float = _LOOK_EVERY,
        misses_most: int = _MISSES_MOST,
        check: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] | None = None,
        keeps: int = 20,
        mark: Callable[[], Awaitable[object]] | None = None,
        stuck_after: float = STUCK_AFTER,
    ) -> None:
        """`command` must serve GET /health (200 when ready) and /v1 on `socket`.

        `check` is called, in a thread, before each start but the first; while it raises, none
        is made. `environment` is the child's whole environment; None: this process's. Of what
        a child says that does not come up, the last `keeps` lines are told.

        A child that is ready is looked at every `look_every` seconds; where `misses_most`
        looks in a row see no sign of life, or one is answered with 503 (it has lost what it
        serves), it is killed, and so started again. `mark` tells how far it has got with its
        work, None while it has none; one that stays the same for `stuck_after` seconds is
        that of a child which hangs, whatever it answers.
        """
        self.socket = socket
        self.starts = 0
        self.started = 0  # when the child that answers began to, in microseconds since 1970
        self._command = list(command)
        self._start_within = start_within  # s
        self._look_every = look_every  # s
        self._misses_most = misses_most
        self._check = check
        self._environment = environment
        self._mark = mark
        self._stuck_after = stuck_after  # s
        self._heard = 0.0  # when the last part of an answer came, in the loop's time
        self._ready = asyncio.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._said: deque[bytes] = deque(maxlen=keeps)

    @property
    def healthy(self) -> bool:
        """Whether the child answers."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """The child's process id, while it runs."""
        return self._child.pid if self._child is not None else None

    async def start(self) -> None:
        """Return when the child is ready; raises `EngineFailed` if its first start fails."""
        await self._spawn()
        self._watch = asyncio.create_task(self._supervise(), name="engine supervisor")

    async def stop(self) -> None:
        """End the child: SIGTERM, and SIGKILL after 5 s."""
        self._ready.clear()
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._end(_GRACE)
        self.socket.unlink(missing_ok=True)

    async def whole(self, path: str, body: bytes, within: float) -> bytes:
        """What answers a POST that is no stream; raises as `events` does, and `TooLong`."""
        async with contextlib.aclosing(
            self._asked(path, body, within, answers.whole)
        ) as answer:
            content = b"".join([part async for part in answer])
        if len(content) > WHOLE_MAX:
            raise TooLong(f"The engine's answer is longer than {WHOLE_MAX} bytes.")
        return content

    async def events(
        self, path: str, body: bytes, within: float
    ) -> AsyncGenerator[bytes, None]:
        """The events that answer a POST, up to `[DONE]`; raises `EngineFailed`, `Answered`."""
        async with contextlib.aclosing(
            self._asked(path, body, within, answers.events)
        ) as answer:
            async for event in answer:
                yield event

    async def _asked(
        self,
        path: str,
        body: bytes,
        within: float,
        read: Callable[[wire.Response], AsyncGenerator[bytes, None]],
    ) -> AsyncGenerator[bytes, None]:
        """The parts of an answer, which is complete when `read` ends.

        A child that is being restarted is waited for, `within` seconds at most. A request
        that met a dying child is sent once more, not again: it may be what kills it. Raises
        `EngineFailed`, `Answered`.
        """
        loop = asyncio.get_running_loop()
        until, deaths = loop.time() + within, 0
        while deaths < _ASKED_MOST:
            await self._until_ready(until - loop.time())
            begun, starts = False, self.starts
            try:
                async with wire.request(self.socket, "POST", path, body) as response:
                    if response.status != _LOADING:
                        async with contextlib.aclosing(read(response)) as parts:
                            async for part in parts:
                                begun, self._heard = True, loop.time()
                                yield part
                        return
            except wire.NotListening:
                pass  # it has ended, which the supervisor is about to learn
            except wire.Broken as error:
                if not isinstance(error, wire.Unanswered):
                    raise EngineFailed(_CUT) from error
                deaths += 1
            except Answered as answered:
                if answered.status < _FAILED or not await self._lost(starts):
                    raise
                if begun:
                    raise EngineFailed(_CUT) from answered
                deaths += 1
            await asyncio.sleep(_POLL)
        raise EngineFailed(_CUT)

    async def _lost(self, starts: int) -> bool:
        """Whether the child that was started as the `starts`th, and failed, cannot go on.

        Where it says so itself, it is replaced at once.
        """
        child = self._child
        status, until = await self._health(), asyncio.get_running_loop().time() + _ENDING
        lost = status in (_LOADING, _CLOSED)
        while True:
            if self.starts != starts or child is None or not self.healthy:
                return True
            lost = lost or group.has_ended(child)
            if lost or status or asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(_POLL)  # it gave no answer: it may be ending
        if lost:
            _log.error("engine_lost")
            self._replace()
        return lost

    async def _until_ready(self, within: float) -> None:
        """Nothing of a request is sent to a child whose words are still being kept."""
        if within > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._ready.wait()
                    return
        raise EngineFailed("The engine is not up.")

    async def _spawn(self) -> None:
        """Start the child and wait until it answers."""
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self._said.clear()
        self.starts += 1
        self._child = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; our own command
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the worker, which drains first
            env=self._environment,
        )
        answered = threading.Event()
        listener = threading.Thread(
            target=self._listen, args=(self._child, answered), daemon=True
        )
        listener.start()
        try:
            async with asyncio.timeout(self._start_within):
                while not await self._answers():
                    await self._raise_if_ended(listener)
                    await asyncio.sleep(_POLL)
        except TimeoutError as error:
            await self._end(0)
            raise EngineFailed(
                f"The engine did not answer within {self._start_within:.0f} s of its start."
            ) from error
        answered.set()
        self._said.clear()
        self.started = time.time_ns() // 1000
        self._ready.set()
        _log.info("engine_ready", pid=self._child.pid, restarts=self.starts - 1)

    async def _raise_if_ended(self, listener: threading.Thread) -> None:
        if self._child is not None and group.has_ended(self._child):
            status = group.reaped(self._child)
            # Its last words may still be in the pipe.
            await asyncio.to_thread(listener.join, _LAST_WORDS)
            said = b"\n".join(self._said).decode("utf-8", "replace")
            raise EngineFailed(
                f"The engine ended with status {status} while it started. It said:\n{said}"
            )

    async def _answers(self) -> bool:
        with contextlib.suppress(wire.Broken):
            async with wire.request(self.socket, "GET", "/health") as response:
                return response.status == _OK
        return False

    def _listen(self, child: subprocess.Popen[bytes], answered: threading.Event) -> None:
        """Drain the child's output, keeping what it says before it has answered.

        Runs in a thread of its own until the child ends.
        """
        if child.stdout is not None:
            with child.stdout as output:
                for line in output:
                    if not answered.is_set():
                        self._said.append(line.rstrip())

    async def _supervise(self) -> None:
        pause = _PAUSE_FIRST
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            looking = asyncio.create_task(self._look(), name="engine's health")
            try:
                status = await self._ended()
            finally:
                looking.cancel()
            self._ready.clear()
            pause = _PAUSE_FIRST if loop.time() - began > _STEADY else pause
            _log.error("engine_ended", status=status, seconds=pause)
            while not self._ready.is_set():
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSE_MOST)
                try:
                    await asyncio.to_thread(self._check)
                    await self._spawn()
                except Exception as error:  # noqa: BLE001 - it is wanted whatever went wrong
                    _log.error("engine_not_restarted", reason=str(error), seconds=pause)

    async def _look(self) -> None:
        """Kill the child when it gives no sign of life for too long, or says it is lost."""
        loop, misses = asyncio.get_running_loop(), 0
        mark: object = None
        moved = loop.time()
        while misses < self._misses_most:
            began, before = loop.time(), mark
            status = await self._health()
            if status == _LOADING:
                _log.error("engine_lost")
                break
            # Its threads for connections may all be taken by streams: /health then waits, and
            # the streams tell that it works.
            misses = 0 if status > 0 or self._heard >= began else misses + 1
            mark = await self._marked()
            moved = loop.time() if mark is None or mark != before else moved
            if loop.time() - moved > self._stuck_after:
                _log.error("engine_hangs", seconds=self._stuck_after)
                break
            await asyncio.sleep(began + self._look_every - loop.time())
        else:
            _log.error("engine_hangs", seconds=self._misses_most * self._look_every)
        self._replace()

    def _replace(self) -> None:
        """Kill the child, which the supervisor then starts again; nobody is sent to it now."""
        self._ready.clear()
        if self._child is not None:
            group.kill(self._child)

    async def _marked(self) -> object:
        if self._mark is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    return await self._mark()
        return None

    async def _health(self) -> int:
        """The status with which it answers, be it that it is busy; 0 if it does not.

        `_CLOSED` if nobody listens any more.
        """
        try:
            async with (
                asyncio.timeout(self._look_every),
                wire.request(self.socket, "GET", "/health") as response,
            ):
                return response.status
        except wire.NotListening:
            return _CLOSED
        except (wire.Broken, TimeoutError):
            return 0

    async def _ended(self) -> int:
        """The child's exit status, once it has one."""
        if self._child is None:
            return 0
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        try:
            descriptor = os.pidfd_open(self._child.pid)
        except OSError:  # there are no descriptors left; it is watched all the same
            while not group.has_ended(self._child):  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(_POLL)
            return group.reaped(self._child)
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return group.reaped(self._child)

    async def _end(self, grace: float) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        await asyncio.to_thread(group.wait, child, grace)
        group.reaped(child)

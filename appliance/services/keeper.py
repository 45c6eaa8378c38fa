"""Keeps the appliance's processes running, and stops them in the right order.

One asyncio loop in one process. Children start through `child.py`, so the kernel ends them
when the keeper ends, however it ends. Each is the leader of a session of its own: a Ctrl-C
in the terminal reaches the keeper alone, and what a dead child leaves behind is swept by
its process group.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from appliance.services.logfile import LogFile

WRAPPER = Path(__file__).with_name("child.py")
FIRST_PAUSE = 0.1  # seconds before a dead process is started again; doubles each time
LONGEST_PAUSE = 15.0
SHORT_LIFE = 5.0  # seconds; a process that lived longer starts with the first pause again
CRASH_LIMIT = 5  # short lives in a row before a process counts as failing
LAST_WORDS = 1.0  # seconds to read what a process said before it ended
CHUNK = 65_536  # bytes read from a process's output at once

Say = Callable[[str], None]


class StartFailed(Exception):
    """A process does not stay up or does not become ready. The message says what to read."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `drain` is how many seconds it gets between SIGTERM and SIGKILL.

    `ready` says whether it does its work; asked until true while the appliance starts.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None  # working directory
    descriptors: tuple[int, ...] = ()
    drain: float = 10.0
    confine: str = "no"  # how `child.py` takes the network away
    late: bool = False  # started by `start_late`, not waited for
    hopeless: frozenset[int] = frozenset()  # exit codes after which a new start will not help
    unready: frozenset[int] = frozenset()  # of one that never did its work: as a short life
    ready: Callable[[], Awaitable[bool]] | None = None
    ended: Callable[[int], None] | None = None  # called with the pid of each that ended


class Kept:
    """One program and the process that runs it now."""

    def __init__(
        self, program: Program, logs: Path | None, changed: Callable[[Kept, str], None]
    ) -> None:
        """`logs` is the folder of its log; without one it writes where the keeper does."""
        self.program = program
        self.pid: int | None = None
        self.started = 0.0  # monotonic seconds
        self.restarts = 0
        self.failing = False
        self.code: int | None = None  # with which it last ended
        self._changed = changed
        self._log = LogFile(logs / f"{program.name}.jsonl") if logs is not None else None
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it running."""
        self.task = asyncio.create_task(self._keep(), name=self.program.name)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL once `drain` has passed; returns when it has ended."""
        self._stopping.set()
        self._send(signal.SIGTERM)
        if self.task is None:
            return
        _done, late = await asyncio.wait([self.task], timeout=self.program.drain)
        if late:
            self._changed(self, f"did not end within {self.program.drain:.0f} s; killed")
            self.kill()
            await self.task
        if self._log is not None:
            self._log.close()

    def kill(self) -> None:
        """SIGKILL to the process and all of its group."""
        self._stopping.set()
        self._send(signal.SIGKILL)

    def _send(self, sign: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sign)

    async def _keep(self) -> None:
        pause, short_lives = FIRST_PAUSE, 0
        while not self._stopping.is_set():
            code = self.code = await self._live()
            if self._stopping.is_set():
                break
            lived = time.monotonic() - self.started
            if lived > SHORT_LIFE and code not in self.program.unready:
                pause, short_lives = FIRST_PAUSE, 0
            short_lives += 1
            self.restarts += 1
            self.failing = short_lives >= CRASH_LIMIT or code in self.program.hopeless
            pause = LONGEST_PAUSE if code in self.program.hopeless else pause
            self._changed(
                self, f"{ending(code)} after {lived:.1f} s; next start in {pause:.1f} s"
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._changed(self, "stopped")

    async def _live(self) -> int:
        process = self._spawn()
        self.pid, self.started = process.pid, time.monotonic()
        if self._stopping.is_set():  # asked to stop while it was being started
            self._send(signal.SIGTERM)
        self._changed(self, f"started, process {process.pid}")
        copied = self._copied(process.stdout)
        code = await _ended(process)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self.pid = None
        await asyncio.wait([copied], timeout=LAST_WORDS)
        copied.cancel()
        if self.program.ended:
            self.program.ended(process.pid)
        return code

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start it from this thread, the one whose end the kernel tells the child about."""
        program = self.program
        return subprocess.Popen(  # noqa: S603 - the keeper's own command lines
            [
                *(sys.executable, "-I", "-S", str(WRAPPER)),
                *(str(os.getpid()), program.confine, *program.command),
            ],
            stdin=subprocess.DEVNULL,
            stdout=None if self._log is None else subprocess.PIPE,
            stderr=None if self._log is None else subprocess.STDOUT,
            env=dict(program.environment),
            cwd=program.folder,
            pass_fds=program.descriptors,
            start_new_session=True,
        )

    def _copied(self, source: IO[bytes] | None) -> asyncio.Future[None]:
        """Copy a process's output to its log; done at the output's end, or when cancelled."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        log = self._log
        if source is None or log is None:
            done.set_result(None)
            return done
        descriptor = source.fileno()
        os.set_blocking(descriptor, False)
        rest = b""

        def readable() -> None:
            nonlocal rest
            chunk = os.read(descriptor, CHUNK)
            *lines, rest = (rest + chunk).split(b"\n")
            if rest and (not chunk or len(rest) > CHUNK):
                lines, rest = [*lines, rest], b""
            for line in lines:
                log.line(line)
            if not chunk and not done.done():
                done.set_result(None)

        def close(_done: object) -> None:
            loop.remove_reader(descriptor)
            source.close()

        loop.add_reader(descriptor, readable)
        done.add_done_callback(close)
        return done


def _settle(code: asyncio.Future[int], found: int) -> None:
    if not code.done():
        code.set_result(found)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process, waited for in a thread of its own."""
    loop = asyncio.get_running_loop()
    code: asyncio.Future[int] = loop.create_future()

    def wait() -> None:
        found = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_settle, code, found)

    threading.Thread(target=wait, name=f"wait {process.pid}", daemon=True).start()
    return await code


class Keeper:
    """The programs in the order of their start; they are stopped in the reverse order.

    Programs of one group start and stop together. `state` is a file that `doctor` reads.
    """

    def __init__(
        self, groups: Sequence[Sequence[Program]], *, logs: Path, state: Path, say: Say
    ) -> None:
        self._groups = [[Kept(p, logs, self._changed) for p in group] for group in groups]
        self._state = state
        self._say = say
        self._quiet = False

    async def start(self, within: float) -> None:
        """Start all; returns when each program is ready, `within` that many seconds.

        Raises `StartFailed`.
        """
        end = time.monotonic() + within
        for group in self._groups:
            first = [kept for kept in group if not kept.program.late]
            for kept in first:
                kept.start()
            for kept in first:
                await self.ready(kept, end)

    def start_late(self) -> None:
        """Start what no request waits for: it would only slow down the start of the rest."""
        for group in self._groups:
            for kept in group:
                if kept.program.late and kept.task is None:
                    kept.start()

    async def ready(self, kept: Kept, end: float) -> None:
        """Wait for one program until the monotonic time `end`; raises `StartFailed`."""
        name = kept.program.name
        log = f"read logs/{name}.jsonl in the data folder"
        while not (kept.pid and (kept.program.ready is None or await kept.program.ready())):
            if kept.failing:
                raise StartFailed(f"{name} does not stay up; {log}.")
            if time.monotonic() > end:
                raise StartFailed(f"{name} is not ready in time; {log}.")
            await asyncio.sleep(0.05)

    def failing(self) -> list[str]:
        """Names of the programs that do not stay up."""
        return [kept.program.name for group in self._groups for kept in group if kept.failing]

    async def stop(self) -> None:
        """Stop all, the last group first; `kill` may cut it short."""
        for group in reversed(self._groups):
            await asyncio.gather(*(kept.stop() for kept in group))
        self._state.unlink(missing_ok=True)

    def kill(self) -> None:
        """End all at once."""
        for group in self._groups:
            for kept in group:
                kept.kill()

    def quiet(self) -> None:
        """Say no more of starts that went well, only of what ended."""
        self._quiet = True

    def _changed(self, kept: Kept, what: str) -> None:
        if not (self._quiet and what.startswith("started") and not kept.restarts):
            self._say(f"  {kept.program.name}: {what}")
        if kept.failing:
            self._say(
                f"  {kept.program.name} does not stay up: "
                f"read logs/{kept.program.name}.jsonl in the data folder, or run doctor."
            )
        self._write_state()

    def _write_state(self) -> None:
        children = {
            kept.program.name: {
                "pid": kept.pid,
                "restarts": kept.restarts,
                "failing": kept.failing,
                "confine": kept.program.confine,
            }
            for group in self._groups
            for kept in group
            if kept.task is not None
        }
        scratch = self._state.with_name(f".{self._state.name}")
        with contextlib.suppress(OSError):  # it informs `doctor`; nothing depends on it
            scratch.write_text(json.dumps({"pid": os.getpid(), "processes": children}))
            scratch.replace(self._state)


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"

"""The load: callers on raw sockets, cheap enough not to stand in the light.

`python -m tests.bench.callers` reads one `Task` as JSON from its standard input and prints
one `Figures`. A process of its own, so that its cost is in no figure of the appliance.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, cast

import uvloop

MARK = b"data: "
DONE = b"data: [DONE]"
NUMBER = b"########"


@dataclass(frozen=True, slots=True)
class Task:
    """`callers` closed loops for `seconds`. `target` is `host:port` or a socket's path."""

    target: str
    model: str
    callers: int
    seconds: float
    tokens: int
    rate: int  # tokens per second of the paced upstream; 0: all at once
    key: str = ""
    text: str = "Write one sentence about a harbour at night, in the style of letter ########."
    stream: bool = True
    ramp: float = 0.0  # seconds over which the callers begin


@dataclass(slots=True)
class Figures:
    """Times in milliseconds, ascending, of requests that ended well within the window."""

    completed: int
    answered: int  # those outside the window too
    failed: int
    seconds: float
    first: list[float]  # to the first byte
    token: list[float]  # to the first chunk: a server may send its answer's head long before
    total: list[float]  # to the last
    gaps: list[float]  # between the arrivals of chunks of one stream
    errors: list[str]

    def rate(self) -> float:
        """Requests answered per second."""
        return self.completed / self.seconds


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the ascending `values` lie; NaN for none."""
    if not values:
        return float("nan")
    return values[min(len(values) - 1, int(share * len(values)))]


def request(task: Task) -> tuple[bytes, bytes]:
    """The bytes of the request before and after its number.

    No two requests have the same text: one that was checked before would cost less.
    """
    body = {
        "model": task.model,
        "messages": [{"role": "user", "content": task.text}],
        "max_tokens": task.tokens,
        "seed": task.rate,
        "stream": task.stream,
    }
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {task.key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\n\r\n"
    )
    before, after = (head.encode() + data).split(NUMBER)
    return before, after


class Caller(asyncio.Protocol):
    """One connection that sends its request again as soon as it was answered."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.transport: asyncio.Transport | None = None
        self.answer = bytearray()
        self.sent = self.last = 0.0
        self.first: float | None = None
        self.token: float | None = None
        self.chunks = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is its own class
        self.send()

    def send(self) -> None:
        """Begin the next request."""
        self.answer, self.first, self.token, self.chunks = bytearray(), None, None, 0
        self.sent = time.perf_counter()
        if self.transport is not None:
            self.transport.write(self.run.next())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.first is None:
            self.first = now
        if MARK in data:
            self.token = self.token or now
            self.chunks += 1
            if self.chunks > 2:
                self.run.gap(now, (now - self.last) * 1000)
            self.last = now
        self.answer += data
        if self.ended():
            self.run.ended(self, now)

    def ended(self) -> bool:
        """Whether the answer is here in full."""
        if self.run.task.stream and self.answer.startswith(b"HTTP/1.1 200"):
            return self.answer.endswith(b"\r\n0\r\n\r\n")
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        if not separator:
            return False
        low = head.lower()
        if b"chunked" in low:
            return self.answer.endswith(b"\r\n0\r\n\r\n")
        at = low.find(b"content-length:")
        return at >= 0 and len(body) >= int(low[at + 15 :].split(b"\r\n", 1)[0])

    def good(self) -> bool:
        """Whether the answer is a whole completion."""
        if not self.answer.startswith(b"HTTP/1.1 200"):
            return False
        return (DONE if self.run.task.stream else b'"usage"') in self.answer

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        if not self.run.over.is_set():
            self.run.fail("the connection ended")
            self.run.connect()


class Run:
    """All callers of one task."""

    def __init__(self, task: Task) -> None:
        self.task, self._request = task, request(task)
        self._numbers = itertools.count(secrets.randbelow(10**7))
        self.over = asyncio.Event()
        self.figures = Figures(0, 0, 0, task.seconds, [], [], [], [], [])
        self.begin = self.end = 0.0
        self._joining: set[asyncio.Task[None]] = set()

    def next(self) -> bytes:
        """The next request."""
        before, after = self._request
        return b"%s%08d%s" % (before, next(self._numbers) % 10**8, after)

    def connect(self) -> None:
        """Open one more connection."""
        joining = asyncio.create_task(self._connect())
        self._joining.add(joining)
        joining.add_done_callback(self._joining.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if "/" in self.task.target:
                await loop.create_unix_connection(lambda: Caller(self), self.task.target)
            else:
                host, port = self.task.target.rsplit(":", 1)
                await loop.create_connection(lambda: Caller(self), host, int(port))
        except OSError as error:
            self.fail(str(error))

    def fail(self, what: str) -> None:
        """Note a request that got no whole answer."""
        self.figures.failed += 1
        if len(self.figures.errors) < 3:
            self.figures.errors.append(what[:200])

    def gap(self, now: float, milliseconds: float) -> None:
        """Note the time between two arrivals, once every caller is in."""
        if self.begin <= now <= self.end:
            self.figures.gaps.append(milliseconds)

    def ended(self, caller: Caller, now: float) -> None:
        """Note an answer and, while the window is open, ask again."""
        good = caller.good()
        if good:
            self.figures.answered += 1
        else:
            self.fail(caller.answer[-200:].decode(errors="replace"))
        if good and self.begin <= now <= self.end:
            self.figures.completed += 1
            self.figures.first.append(((caller.first or now) - caller.sent) * 1000)
            self.figures.token.append(((caller.token or now) - caller.sent) * 1000)
            self.figures.total.append((now - caller.sent) * 1000)
        if now < self.end:
            caller.send()

    async def measure(self) -> Figures:
        """Begin all callers, wait, and give the figures."""
        start = time.perf_counter()
        self.begin, self.end = (
            start + self.task.ramp,
            start + self.task.ramp + self.task.seconds,
        )
        for number in range(self.task.callers):
            self.connect()
            if self.task.ramp:
                await asyncio.sleep(self.task.ramp / self.task.callers * 0.9)
            elif number % 16 == 15:
                await asyncio.sleep(0)
        await asyncio.sleep(max(0.0, self.end - time.perf_counter()))
        self.over.set()
        figures = self.figures
        for values in (figures.first, figures.token, figures.total, figures.gaps):
            values.sort()
        return figures


async def _main(task: Task) -> Figures:
    return await Run(task).measure()


async def measure(task: Task) -> Figures:
    """The figures of `task`, from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.callers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(asdict(task)).encode())
    found: dict[str, Any] = json.loads(output)
    return Figures(**found)


def main() -> None:
    """One task from standard input."""
    figures = uvloop.run(_main(Task(**json.load(sys.stdin))))
    json.dump(asdict(figures), sys.stdout)


if __name__ == "__main__":
    main()

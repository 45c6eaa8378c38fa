"""The log, to be read by anyone: checkpoint, tiles and entries below `/log/` (C2SP tlog-tiles).

`/log/…` is the current generation, `/log/<n>/…` a certain one. Files are named by their paths
in the log's folder, which are checked letter by letter; each part of a path is opened without
following a link. Entries hold no directly identifying data (docs/audit-format.md).

It cannot starve requests: a few answers at a time, a thread pool of its own, a bounded time for
each answer; whoever comes on top gets 503.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from appliance.exchange import Header, Scope, Send, respond
from appliance.metrics import LOG_PAGES
from compliance.audit import copies
from compliance.audit.files import CHECKPOINT, COSIGNED, folder_of

PREFIX = "/log/"
TOGETHER = 16  # answers at a time, in one web process
THREADS = 2
PATIENCE = 60.0  # seconds that a reader has to take an answer
BLOCK = 64 * 1024  # bytes read at a time
NOTE_MAX = 64 * 1024  # bytes of a checkpoint that are compared
LOOK = 1.0  # seconds for which the number of the current generation is believed
ADDRESS = re.compile(
    r"/log/(?:(?P<generation>[1-9][0-9]{0,8})/)?(?P<path>checkpoint|cosigned|verifier-key"
    r"|mldsa-key|rotations|bridge-[1-9][0-9]{0,5}"
    r"|timestamps/[1-9][0-9]{0,18}\.(?:checkpoint|tsr)"
    r"|tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,5}[0-9]{3}"
    r"(?:\.p/(?P<width>[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?)",
    re.ASCII,
)
TEXT, BYTES = b"text/plain; charset=utf-8", b"application/octet-stream"
NOW, SOON, EVER = b"no-store", b"public, max-age=300", b"public, max-age=31536000, immutable"


class LogPages:
    """An ASGI application for GET and HEAD below `/log/`. Belongs to one event loop."""

    def __init__(self, log: Path, *, open_to_all: bool) -> None:
        """`log` is the log's folder; with `open_to_all` false every answer is 404."""
        self._log = log
        self._open = open_to_all
        self._running = 0
        self._threads = ThreadPoolExecutor(THREADS, "log-pages")
        self._current = (1, -LOOK)  # generation, monotonic time of the look

    async def __call__(self, scope: Scope, _receive: object, send: Send) -> None:
        """Answer one request."""
        found = ADDRESS.fullmatch(scope["path"]) if self._open else None
        if found is None or scope.get("raw_path", b"").find(b"%") >= 0:
            await _refuse(send, 404)
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, (b"allow", b"GET, HEAD"))
        elif self._running >= TOGETHER:
            await _refuse(send, 503, (b"retry-after", b"1"))
        else:
            self._running += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._answer(found, scope["method"] == "GET", send)
            except TimeoutError:  # headers are out: closing short of content-length tells it
                LOG_PAGES.labels(outcome="slow").inc()
            finally:
                self._running -= 1

    async def _answer(self, found: re.Match[str], body: bool, send: Send) -> None:
        loop = asyncio.get_running_loop()
        generation = int(found["generation"] or 0)
        path = found["path"]
        descriptor = await loop.run_in_executor(self._threads, self._file, generation, path)
        if descriptor is None:
            await _refuse(send, 404)
            return
        try:
            size = os.fstat(descriptor).st_size
            text = not path.startswith(("tile/", "timestamps/"))
            caching = NOW if text else SOON if found["width"] else EVER
            await _start(send, 200, TEXT if text else BYTES, size, caching)
            LOG_PAGES.labels(outcome="served").inc()
            position = 0
            while body and position < size:
                block = await loop.run_in_executor(
                    self._threads, os.pread, descriptor, min(BLOCK, size - position), position
                )
                if not block:
                    return
                position += len(block)
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            os.close(descriptor)

    def _file(self, generation: int, path: str) -> int | None:
        """A descriptor of the file, for the caller to close; None where there is none."""
        folder = folder_of(self._log, generation or self._newest())
        if path == CHECKPOINT and (more := self._opened(folder, COSIGNED)) is not None:
            if _begins(more, self._opened(folder, CHECKPOINT)):
                return more
            os.close(more)
        return self._opened(folder, path)

    def _opened(self, folder: Path, path: str) -> int | None:
        parts = [*folder.relative_to(self._log).parts, *path.split("/")]
        with suppress(OSError):
            descriptor = os.open(self._log, os.O_RDONLY | os.O_DIRECTORY)
            try:
                for part in parts[:-1]:
                    below = os.open(
                        part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor
                    )
                    os.close(descriptor)
                    descriptor = below
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                file = os.open(parts[-1], flags, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            if stat.S_ISREG(os.fstat(file).st_mode):
                return file
            os.close(file)
        return None

    def _newest(self) -> int:
        """The current generation: the last one in which a checkpoint was signed."""
        number, looked = self._current
        now = time.monotonic()
        if now - looked >= LOOK:
            signed = (
                one
                for one in reversed(copies.generations(self._log))
                if (folder_of(self._log, one) / CHECKPOINT).is_file()
            )
            number = next(signed, 1)
            self._current = (number, now)
        return number


def _begins(whole: int, part: int | None) -> bool:
    """Whether a file begins with another, which is closed: a note before it was cosigned."""
    if part is None:
        return False
    try:
        begin = os.pread(part, NOTE_MAX, 0)
    finally:
        os.close(part)
    return bool(begin) and os.pread(whole, len(begin), 0) == begin


async def _start(send: Send, status: int, kind: bytes, size: int, caching: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(size).encode()),
        (b"cache-control", caching),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _refuse(send: Send, status: int, *more: Header) -> None:
    LOG_PAGES.labels(outcome="refused" if status == 503 else "absent").inc()  # noqa: PLR2004 - HTTP
    await respond(send, status, TEXT, b"", *more)

"""The gateway's side: one reading loop per web process, one inbox per expected attempt."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.relay.frames import (
    FIELD,
    Failed,
    Frame,
    FrameOpener,
    Receipted,
    Refused,
    Sealed,
)

INBOX_LIMIT = 1024 * 1024  # bytes a slow reader may leave unread
_TRIM_EVERY = 0.25  # s; so long the broker keeps what was read
_TRIM_BYTES = 16 * 1024 * 1024  # or so much of it: writers wait for the room
_BLOCK = 1000  # ms

_decode = msgspec.msgpack.Decoder(list[Sealed]).decode


class FrameGap(Exception):
    """A frame of this request was lost on its way; the answer would have a hole."""


class SlowReader(Exception):
    """The client did not take its answer fast enough, and the buffer for it is full."""


class InboxClosed(Exception):
    """The inbox was closed, or its receiver stopped."""


class Inbox:
    """The frames of one expected attempt, in order. Read by one task."""

    def __init__(
        self, receiver: Receiver, handle: int, attempt: int, down_key: bytes, limit: int
    ) -> None:
        self._receiver = receiver
        self._limit = limit
        self._name = (handle, attempt)
        self._opener = FrameOpener(handle, attempt, down_key)
        self._expected = 0
        self._frames: deque[tuple[Frame, int]] = deque()
        self._bytes = 0
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def get(self, timeout: float) -> Frame:  # noqa: ASYNC109 - one timer, no task
        """The next frame, waited for at most `timeout` seconds.

        Raises TimeoutError, `FrameGap`, `SlowReader`, `InboxClosed`.
        """
        if not self._frames and self._failure is None:
            await self._wait(timeout)
        if self._frames:
            frame, size = self._frames.popleft()
            self._bytes -= size
            return frame
        raise self._failure or TimeoutError(f"No frame came within {timeout:g} s.")

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def push(self, counter: int, ciphertext: bytes) -> None:
        """Take what the stream carried; only the `Receiver` calls this."""
        if self._failure is not None or counter < self._expected:
            return  # the worker wrote again what it was not sure had arrived
        frame = self._opener.open(counter, ciphertext)
        if frame is None:
            return  # forged: it must not even fail the request
        if counter > self._expected:
            self.fail(FrameGap(f"Frame {self._expected} is missing; frame {counter} came."))
            return
        self._expected += 1
        self._frames.append((frame, len(ciphertext)))
        self._bytes += len(ciphertext)
        if self._bytes > self._limit and not isinstance(frame, Receipted | Failed | Refused):
            self._frames.clear()
            self.fail(SlowReader(f"More than {self._limit} bytes of the answer wait unread."))
        self._wake()

    def fail(self, failure: Exception) -> None:
        """Raise `failure` once the frames before it have been read."""
        self._failure = self._failure or failure
        self._wake()

    def close(self) -> None:
        """Expect no more; what still comes is ignored."""
        self._receiver.forget(self._name)
        self.fail(InboxClosed("This inbox was closed."))


class Receiver:
    """Reads one stream for a whole web process. Belongs to one event loop.

    `stream` must be new for each start of the process, and the workers must be told it.
    """

    def __init__(self, redis: Redis, stream: str) -> None:
        self._redis = redis
        self.stream = stream
        self._inboxes: dict[tuple[int, int], Inbox] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.connected = False

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run(), name=f"receiver {self.stream}")

    async def stop(self) -> None:
        """Stop reading; open inboxes raise `InboxClosed`, and so do those asked for later."""
        self._stopping = True  # the client may swallow the cancellation when a reply comes
        for inbox in list(self._inboxes.values()):
            inbox.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(RedisError, OSError):
            await self._redis.delete(self.stream)

    def expect(
        self, handle: int, attempt: int, down_key: bytes, limit: int = INBOX_LIMIT
    ) -> Inbox:
        """An inbox for an attempt about to be published. Close it when done.

        At most `limit` bytes wait in it unread. Of a receiver that was stopped it is closed
        already: nobody would read for it.
        """
        inbox = Inbox(self, handle, attempt, down_key, limit)
        if self._stopping:
            inbox.close()
        else:
            self._inboxes[handle, attempt] = inbox
        return inbox

    def forget(self, name: tuple[int, int]) -> None:
        """Ignore what comes for (handle, attempt) from now on."""
        self._inboxes.pop(name, None)

    async def _run(self) -> None:
        pause = 0.05
        while not self._stopping:
            try:
                await self._read()
            except (RedisError, OSError):
                self.connected = False
                await asyncio.sleep(pause)
                pause = min(2 * pause, 1.0)
            else:
                pause = 0.05

    async def _read(self) -> None:
        """Read until the broker fails.

        From the stream's beginning: after a broken connection what was read before comes
        again and is known by its counter, and a broker that restarted counts anew.
        """
        loop = asyncio.get_running_loop()
        last: Any = "0-0"
        trimmed, read = loop.time(), 0
        while not self._stopping:
            reply: Any = await self._redis.xread({self.stream: last}, count=256, block=_BLOCK)
            self.connected = True
            for identity, fields in reply[0][1] if reply else ():
                last = identity
                read += len(fields.get(FIELD, b""))
                self._deliver(fields)
            late = loop.time() - trimmed >= _TRIM_EVERY
            if last != "0-0" and (late or read >= _TRIM_BYTES):
                trimmed, read = loop.time(), 0
                await self._redis.xtrim(self.stream, minid=last, approximate=False)

    def _deliver(self, fields: dict[bytes, bytes]) -> None:
        try:
            sealed = _decode(fields.get(FIELD, b""))
        except msgspec.DecodeError:
            return
        for handle, attempt, counter, ciphertext in sealed:
            inbox = self._inboxes.get((handle, attempt))
            if inbox is not None:
                inbox.push(counter, ciphertext)

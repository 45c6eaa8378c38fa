"""One exchange over ASGI: its headers, its response, and whether the caller is still there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Self

from inference.api import body
from inference.api.body import CallerGone
from inference.api.errors import APIError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

SEND_TIMEOUT = 10.0  # seconds that a caller may take to accept what its buffers cannot hold
LOOK = 1.0  # seconds between looks whether it does
PIECE = 64 * 1024  # bytes that are handed over at once; what the caller did not take waits here
DISCARD_MAX = (
    16 * 1024 * 1024
)  # bytes of a refused body that are read so that the answer arrives
DISCARD_TIMEOUT = 5.0  # seconds


class Exchange:
    """A request and its response. Owned by the one task that answers it.

    The response may begin once; `headers` are those of the request, names in lower case.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, request: str) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.scope = scope
        self.request = request
        self.begun = False
        self._watch: CallerWatch | None = None
        self._receive = receive
        self._send = send
        self._read = False
        self._extra: list[tuple[bytes, bytes]] = [
            (b"x-request-id", request.encode()),
            (b"domicile-request", request.encode()),
        ]

    def add_headers(self, headers: Headers) -> None:
        """Headers for the response, whatever it will be; in place of earlier ones so named."""
        given = list(headers)
        names = {name for name, _ in given}
        self._extra = [pair for pair in self._extra if pair[0] not in names] + given

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a request header that may come more than once."""
        return [value for header, value in self.scope["headers"] if header == name]

    async def body(self) -> bytes:
        """The request's body; raises `APIError` (400, 408, 413) and `CallerGone`."""
        content = await body.read(self._receive, self.headers)
        self._read = True
        return content

    async def json(self, status: int, content: bytes, headers: Headers = ()) -> None:
        """The whole response."""
        length = (b"content-length", str(len(content)).encode())
        await self._begin(status, b"application/json", [length, *headers])
        if not self._read:
            await self.write(content)
            await self._discard()
            content = b""
        given = 0
        while len(content) - given > PIECE:
            await self.write(content[given : given + PIECE])
            given += PIECE
        await self.end(content[given:])

    async def json_in_parts(self, parts: Iterable[bytes]) -> None:
        """The whole response (200), each part made when the caller has taken those before."""
        await self._begin(200, b"application/json", ())
        piece = bytearray()
        for part in parts:
            piece += part
            if len(piece) >= PIECE:
                await self.write(bytes(piece))
                piece.clear()
                await asyncio.sleep(0)  # a caller that takes all at once holds nobody up
        await self.end(bytes(piece))

    async def error(self, error: APIError) -> None:
        """The whole response, an error in OpenAI's shape."""
        headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
        await self.json(error.status, error.body(), headers)

    async def begin_stream(self) -> None:
        """The head of a response of server-sent events; nothing between may keep them back."""
        await self._begin(
            200,
            b"text/event-stream; charset=utf-8",
            [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")],
        )

    async def write(self, content: bytes) -> None:
        """Part of the response; raises `CallerGone` when the caller takes none for long."""
        message = {"type": "http.response.body", "body": content, "more_body": True}
        await self._handed(message)

    async def end(self, content: bytes = b"") -> None:
        """The rest of the response; afterwards it is with the caller's socket."""
        await self._handed({"type": "http.response.body", "body": content, "more_body": False})

    async def _begin(self, status: int, kind: bytes, headers: Headers) -> None:
        self.begun = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", kind), *headers, *self._extra],
            }
        )

    async def _handed(self, message: Message) -> None:
        if self._watch is not None:
            self._watch.handing_since = time.monotonic()
            await self._send(message)
            self._watch.handing_since = None
            return
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._send(message)
        except TimeoutError:
            raise CallerGone("The caller reads too slowly.") from None

    async def _discard(self) -> None:
        """Read what is left of a refused request's body.

        Closing with unread data makes the kernel reset the connection, and the caller would
        lose the answer that tells why.
        """
        read = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_TIMEOUT):
                while read < DISCARD_MAX:
                    message = await self._receive()
                    read += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return

    @contextlib.asynccontextmanager
    async def while_caller_waits(self) -> AsyncIterator[None]:
        """A block that ends with `CallerGone` when the caller leaves or takes nothing more."""
        async with CallerWatch(self._receive) as watch:
            self._watch = watch
            try:
                yield
            finally:
                self._watch = None


class CallerWatch:
    """Cancels the block it surrounds when the caller goes, as `asyncio.timeout` does in time.

    Only after the request's body was read: then all that can still arrive is its end. Whether
    what is handed over is taken is seen by a look at the clock now and then: a timer for each
    chunk is a tenth of what a stream costs.
    """

    def __init__(self, receive: Receive) -> None:
        self.handing_since: float | None = None  # monotonic
        self._receive = receive
        self._why = ""

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        self._task = task
        self._watch = asyncio.create_task(self._wait(), name="caller watch")
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.cancel()
        self._timer.cancel()
        # Cancelled at the very moment in which the block ended by itself: it did not happen.
        if self._why and self._task.uncancel() <= 0 and kind is asyncio.CancelledError:
            raise CallerGone(self._why) from error

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone("The caller closed the connection.")

    def _look(self) -> None:
        since = self.handing_since
        if since is not None and time.monotonic() - since > SEND_TIMEOUT:
            self._gone("The caller reads too slowly.")
            return
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _gone(self, why: str) -> None:
        if not self._why:
            self._why = why
            self._task.cancel()

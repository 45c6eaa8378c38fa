"""A small request and its whole answer, over ASGI, for the pages that are not the console's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"


async def body_of(receive: Receive, most: int) -> bytes | None:
    """The request's body; None where it is longer than `most` bytes.

    Empty where the caller has gone: there is nothing to do, and nobody to tell.
    """
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def respond(
    send: Send, status: int, kind: bytes, content: bytes, *more: Header, body: bool = True
) -> None:
    """The whole answer, for no cache to keep; without `body` only its head, as HEAD asks."""
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content if body else b""})

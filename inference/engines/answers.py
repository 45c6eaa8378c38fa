"""What a server on a socket answers to a request: events up to their end, or one whole."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import msgspec

from inference.engines import wire
from inference.engines.base import EngineFailed

WHOLE_MAX = 8 * 1024 * 1024  # bytes of an answer that is no stream; a broker holds dozens
_ERROR = b'{"error"'
_OK, _BROKEN = 200, 500
# Within a JSON string the quotes would be escaped, so this is found in no text.
_REASON = re.compile(rb'"finish_reason"\s*:\s*"([^"]*)"')
_WHOLE = frozenset({b"stop", b"length", b"tool_calls", b"content_filter"})


class TooLong(Exception):
    """The server's answer is longer than is read."""


class Answered(Exception):
    """The server answered with an error; `body` is its answer.

    `status` is that of HTTP, also where the error is an event of a stream: it came too late
    for the answer's own status, and tells it as `code`.
    """

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"The engine answered with status {status}.")
        self.status = status
        self.body = body


class _Error(msgspec.Struct):
    code: int = _BROKEN


class _Event(msgspec.Struct):
    error: _Error


_decode = msgspec.json.Decoder(_Event).decode


async def events(response: wire.Response) -> AsyncGenerator[bytes, None]:
    """Each up to `[DONE]`; raises `Answered` at one that is an error, whatever follows.

    So is one whose answer ends for a reason of the server's own: vLLM that is told to end
    closes its streams with the reason `abort`, and as if they were complete.
    """
    await _raise_if_refused(response)
    async for event in response.events():
        if event == b"[DONE]":
            return
        if event.startswith(_ERROR):
            raise Answered(_code(event), event)
        if not _WHOLE.issuperset(_REASON.findall(event)):
            raise Answered(_BROKEN, event)
        yield event
    raise EngineFailed("The engine's answer has no end.")


async def whole(response: wire.Response) -> AsyncGenerator[bytes, None]:
    """The body, as one part; longer than `WHOLE_MAX` where it was cut."""
    await _raise_if_refused(response)
    yield await response.body(WHOLE_MAX)


async def _raise_if_refused(response: wire.Response) -> None:
    if response.status != _OK:
        raise Answered(response.status, await response.body())


def _code(event: bytes) -> int:
    try:
        return _decode(event).error.code
    except msgspec.DecodeError:
        return _BROKEN

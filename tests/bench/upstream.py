"""An OpenAI-compatible server on a Unix socket that emits tokens at a fixed pace.

It stands where an engine stands, and costs next to nothing: chunks are made once, and one
timer wakes it for all the streams that are due. The request says what it wants through
parameters that every engine honours: `max_tokens` is the number of tokens, `seed` their rate
per second (0: all at once).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import uvloop

SLOTS = 8  # phases within one interval, so that not every stream speaks at the same instant
MODEL = "paced"
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _part(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    body = {
        "id": "chatcmpl-paced",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": choices,
        **more,
    }
    return b"data: %s\n\n" % json.dumps(body, separators=(",", ":")).encode()


def _choice(delta: Mapping[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": dict(delta), "finish_reason": finish}


FIRST = _part(_event([_choice({"role": "assistant", "content": ""})]))
TOKEN = _part(_event([_choice({"content": " word"})]))
END = b"0\r\n\r\n"


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}


def last(tokens: int, *, usage: bool) -> bytes:
    """What ends a stream of `tokens`: finish reason, usage if asked for, and the end."""
    finish = _event([_choice({}, "length")])
    counts = _event([], usage=_usage(tokens)) if usage else b""
    return _part(finish + counts + b"data: [DONE]\n\n") + END


def whole(tokens: int) -> bytes:
    """The answer to a request that does not stream."""
    message = {"role": "assistant", "content": " word" * tokens}
    body = {
        "id": "chatcmpl-paced",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "length"}],
        "usage": _usage(tokens),
    }
    return _plain(json.dumps(body).encode())


def _plain(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


ABOUT = _plain(b'{"status":"ok","chat_template_caps":{"supports_tools":true}}')


class Pace:
    """The timer of one rate: each turn of a slot writes one token to each of its streams."""

    def __init__(self, rate: int) -> None:
        self.interval = 1.0 / rate
        self.slots: list[set[Stream]] = [set() for _ in range(SLOTS)]
        self._next = 0
        self._running = False

    def join(self, stream: Stream) -> None:
        """Add a stream to the emptiest slot."""
        min(self.slots, key=len).add(stream)
        if not self._running:
            self._running = True
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time(), self._turn, loop.time())

    def leave(self, stream: Stream) -> None:
        """Forget a stream that ended or whose caller is gone."""
        for slot in self.slots:
            slot.discard(stream)

    def _turn(self, due: float) -> None:
        slot = self.slots[self._next]
        self._next = (self._next + 1) % SLOTS
        for stream in [stream for stream in slot if stream.token()]:
            slot.discard(stream)
        if not any(self.slots):
            self._running = False
            return
        due += self.interval / SLOTS
        asyncio.get_running_loop().call_at(due, self._turn, due)


class Stream:
    """One answer being written."""

    def __init__(self, transport: asyncio.Transport, tokens: int, usage: bool) -> None:
        self.transport, self.left = transport, tokens
        self.end = last(tokens, usage=usage)

    def token(self) -> bool:
        """Write the next token; whether it was the last."""
        if self.transport.is_closing():
            return True
        self.left -= 1
        self.transport.write(TOKEN if self.left else TOKEN + self.end)
        return self.left <= 0


PACES: dict[int, Pace] = {}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as our own clients speak it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is its own class

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer one request; anything but a completion asks how it is and what it can."""
        if not head.startswith(b"post"):
            self.transport.write(ABOUT)
            return
        asked = json.loads(body)
        tokens = int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 16)
        if not asked.get("stream"):
            self.transport.write(whole(tokens))
            return
        rate = int(asked.get("seed") or 0)
        usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        if rate == 0:
            self.transport.write(HEAD + FIRST + TOKEN * tokens + last(tokens, usage=usage))
            return
        self.transport.write(HEAD + FIRST)
        PACES.setdefault(rate, Pace(rate)).join(Stream(self.transport, tokens, usage))


async def serve(socket: Path) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(Connection, str(socket), backlog=1024)
    await server.serve_forever()


def main() -> None:
    """`python -m tests.bench.upstream --socket PATH`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    socket = parser.parse_args().socket
    socket.unlink(missing_ok=True)
    uvloop.run(serve(socket))


if __name__ == "__main__":
    main()

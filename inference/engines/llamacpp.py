"""llama.cpp: what it is asked for, and how its answers are put right.

It speaks OpenAI's wire format save in some places, which are mended here: `n` counts the
tokens of one choice only, `top_logprobs: 0` turns logprobs off, a named `tool_choice` and an
unknown parameter are passed over in silence, penalties look at the last 64 tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from compliance.vocabulary import Endpoint
from inference.engines import wire
from inference.engines.base import EngineFailed, EngineRefused, Load
from inference.engines.llamacpp_body import request
from inference.engines.server import Answered, SupervisedServer

_RESTART_PATIENCE = 20.0  # s that a request waits for an engine that is being restarted
_BAD_REQUEST = range(400, 500)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class LlamaCpp:
    """A GGUF model served by a supervised llama.cpp; an `Engine`."""

    def __init__(
        self,
        model: str,
        weights: Path,
        socket: Path,
        *,
        context: int,
        slots: int = 4,
        threads: int = 2,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`context` is in tokens, for each of `slots` requests that run at the same time.

        `check` looks at the weights before each start but the first, and raises where they must
        not be read.
        """
        self.name = f"llamacpp xllamacpp-{importlib.metadata.version('xllamacpp')}"
        self.capacity = slots
        self._model = model
        self._context = context
        self._tools: bool | None = None
        self._choices = 0  # that it was asked for and that have not ended
        options = {
            "model": weights, "uds": socket, "alias": model, "slots": slots,
            "context": context, "threads": threads,
        }  # fmt: skip
        self.server = SupervisedServer(
            [
                *(sys.executable, "-m", "inference.engines.llamacpp_server"),
                *(
                    part
                    for option, value in options.items()
                    for part in (f"--{option}", str(value))
                ),
            ],
            socket,
            check=check,
        )

    @property
    def healthy(self) -> bool:
        """Whether the server answers."""
        return self.server.healthy

    @property
    def started(self) -> int:
        """When the server last began to answer, in microseconds since 1970."""
        return self.server.started

    async def start(self) -> None:
        """Start the server and learn what the model's chat template can."""
        await self.server.start()
        try:
            async with wire.request(self.server.socket, "GET", "/props") as response:
                properties = _decode(await response.body())
        except wire.Broken as error:
            raise EngineFailed("The engine does not say what it can.") from error
        self._tools = bool(properties["chat_template_caps"]["supports_tools"])

    async def stop(self) -> None:
        """End the server."""
        await self.server.stop()

    async def load(self) -> Load:
        """Counted here. Each slot has the whole context for itself, so no cache is short."""
        running = min(self._choices, self.capacity)
        return Load(running, self._choices - running, None)

    async def stream(
        self, endpoint: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        """See `Engine.stream`."""
        if endpoint != Endpoint.CHAT:
            raise EngineRefused("model", f"The engine llamacpp does not answer {endpoint}.")
        asked = request(body, tools=bool(self._tools))
        choices = [
            self._choice(asked | ({"seed": asked["seed"] + index} if "seed" in asked else {}))
            for index in range(body.get("n") or 1)
        ]
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        last: dict[str, Any] = {}
        async with contextlib.aclosing(_merged(choices)) as chunks:
            async for index, chunk in chunks:
                last = chunk
                if chunk.get("usage") and not chunk["choices"]:
                    usage["prompt_tokens"] = chunk["usage"]["prompt_tokens"]
                    usage["completion_tokens"] += chunk["usage"]["completion_tokens"]
                else:
                    yield _encode(_put_right(chunk, index, body.get("top_logprobs") or 0))
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        yield _encode({**_frame(last), "choices": [], "usage": usage})

    async def _choice(self, asked: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's chunks for one choice."""
        events = self.server.events("/v1/chat/completions", _encode(asked), _RESTART_PATIENCE)
        self._choices += 1
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    chunk = _decode(event)
                    if "choices" not in chunk:
                        raise self._refusal(0, event, asked)
                    if "prompt_progress" not in chunk:
                        yield chunk
        except Answered as answer:
            raise self._refusal(answer.status, answer.body, asked) from None
        finally:
            self._choices -= 1

    def _refusal(self, status: int, body: bytes, asked: Mapping[str, Any]) -> Exception:
        """What an error means, in words that quote nothing of the request."""
        try:
            error = _decode(body)["error"]
            kind, tokens = error["type"], error.get("n_prompt_tokens")
            status = status or error["code"]
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            kind, tokens = "", None
        if status not in _BAD_REQUEST:
            return EngineFailed(f"The engine gave up on this request, with status {status}.")
        if kind == "exceed_context_size_error":
            return EngineRefused(
                "messages",
                f"The messages are {tokens} tokens long; {self._model} takes at most "
                f"{self._context}, prompt and answer together.",
            )
        for param in ("response_format", "tools"):
            if param in asked:
                return EngineRefused(
                    param, f"The engine cannot use the schema in `{param}`; simplify it."
                )
        return EngineRefused("messages", f"{self._model} cannot be given these messages.")


def _frame(chunk: Mapping[str, Any]) -> dict[str, Any]:
    """What every chunk of an answer repeats."""
    return {
        "id": chunk.get("id", ""),
        "object": "chat.completion.chunk",
        "created": chunk.get("created", 0),
        "model": chunk.get("model", ""),
    }


def _put_right(chunk: dict[str, Any], index: int, top: int) -> dict[str, Any]:
    """A chunk as OpenAI writes it, of choice `index`, with at most `top` alternatives."""
    for choice in chunk["choices"]:
        choice["index"] = index
        delta = choice["delta"]
        if delta.get("role") and delta.get("content", "") is None:
            delta["content"] = ""
        for token in (choice.get("logprobs") or {}).get("content") or ():
            token.pop("id", None)
            token["top_logprobs"] = token.get("top_logprobs", [])[:top]
            for alternative in token["top_logprobs"]:
                alternative.pop("id", None)
    return {**_frame(chunk), "choices": chunk["choices"]}


_Queue = asyncio.Queue[tuple[int, dict[str, Any] | Exception | None]]


async def _read(
    index: int, chunks: AsyncGenerator[dict[str, Any], None], queue: _Queue
) -> None:
    """Put the chunks of one choice on the queue, and how it ended: None, or the error."""
    end: Exception | None = None
    try:
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                await queue.put((index, chunk))
    except Exception as error:  # noqa: BLE001 - raised by the reader of the queue
        end = error
    await queue.put((index, end))


async def _merged(
    choices: list[AsyncGenerator[dict[str, Any], None]],
) -> AsyncGenerator[tuple[int, dict[str, Any]], None]:
    """(choice, chunk) as they come. The first error ends all; closing this closes all."""
    if len(choices) == 1:
        async with contextlib.aclosing(choices[0]) as only:
            async for chunk in only:
                yield 0, chunk
        return
    queue: _Queue = asyncio.Queue(64)
    tasks = [asyncio.create_task(_read(*item, queue)) for item in enumerate(choices)]
    try:
        left = len(tasks)
        while left:
            index, item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                left -= 1
            else:
                yield index, item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

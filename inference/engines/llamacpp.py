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
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from compliance.vocabulary import Endpoint
from inference.engines import wire
from inference.engines.answers import WHOLE_MAX, Answered, TooLong
from inference.engines.base import EngineFailed, EngineRefused, Load
from inference.engines.llamacpp_body import completion, embedding, request
from inference.engines.llamacpp_chunks import Mend, Messages, Texts
from inference.engines.server import SupervisedServer

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
        embeds: bool = False,
        pooling: str = "",
        start_within: float = 120.0,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`context` is in tokens, for each of `slots` requests that run at the same time.

        A server that `embeds` gives vectors of texts and writes nothing; `pooling` (`mean`,
        `cls`, `last`) is how it makes one of a text's tokens, where its file does not say.
        `check` looks at the weights before each start but the first, and raises where they must
        not be read.
        """
        self.name = f"llamacpp xllamacpp-{importlib.metadata.version('xllamacpp')}"
        self.capacity = slots
        self._model = model
        self._context = context
        self._embeds = embeds
        self._tools: bool | None = None
        self._choices = 0  # that it was asked for and that have not ended
        options = {
            "model": weights, "uds": socket, "alias": model, "slots": slots,
            "context": context, "threads": threads,
            **({"pooling": pooling or "file"} if embeds else {}),
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
            start_within=start_within,
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
        if self._embeds:
            return
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
        if body.get("model", self._model) != self._model:
            raise EngineRefused("model", "The engine llamacpp serves models without adapters.")
        if (endpoint == Endpoint.EMBEDDINGS) != self._embeds:
            raise EngineRefused("model", f"{self._model} is not for {endpoint}.")
        if endpoint == Endpoint.EMBEDDINGS:
            yield await self._embedded(body)
            return
        if endpoint == Endpoint.CHAT:
            mend: Mend = Messages(body.get("top_logprobs") or 0)
            asked, path = self._chat(body), "/v1/chat/completions"
        else:
            mend = Texts(body.get("logprobs") or 0)
            asked, path = _continuations(body), "/v1/completions"
        choices = [
            self._choice(path, one | ({"seed": one["seed"] + index} if "seed" in one else {}))
            for index, one in enumerate(asked)
        ]
        async with (
            contextlib.aclosing(_merged(choices)) as merged,
            contextlib.aclosing(_counted(merged, mend, body.get("n") or 1)) as chunks,
        ):
            async for chunk in chunks:
                yield _encode(chunk)

    def _chat(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A request for each choice."""
        return [request(body, tools=bool(self._tools))] * (body.get("n") or 1)

    async def _embedded(self, body: Mapping[str, Any]) -> bytes:
        """The vectors of the texts, each in base64, in the texts' order."""
        asked = _encode(embedding(body))
        self._choices += 1
        try:
            answer = await self.server.whole("/v1/embeddings", asked, _RESTART_PATIENCE)
        except TooLong:
            raise EngineRefused(
                "input",
                f"The vectors of these texts are more than {WHOLE_MAX // 2**20} MiB; send "
                "fewer texts at once.",
            ) from None
        except Answered as error:
            raise self._unembedded(error) from None
        finally:
            self._choices -= 1
        said = _decode(answer)
        data = [
            {"index": one["index"], "embedding": one["embedding"]}
            for one in sorted(said["data"], key=itemgetter("index"))
        ]
        tokens = said["usage"]["prompt_tokens"]
        return _encode(
            {"data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
        )

    def _unembedded(self, answer: Answered) -> Exception:
        if b"too large to process" in answer.body or b"context size" in answer.body:
            return EngineRefused(
                "input",
                f"A text is longer than the {self._context} tokens that {self._model} takes.",
            )
        if answer.status not in _BAD_REQUEST:
            return EngineFailed(
                f"The engine gave up on this request, with status {answer.status}."
            )
        return EngineRefused("input", f"{self._model} cannot be given these texts.")

    async def _choice(
        self, path: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's chunks for one choice."""
        events = self.server.events(path, _encode(asked), _RESTART_PATIENCE)
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
        where = "prompt" if "prompt" in asked else "messages"
        if kind == "exceed_context_size_error":
            return EngineRefused(
                where,
                f"The {where} {'is' if where == 'prompt' else 'are'} {tokens} tokens long; "
                f"{self._model} takes at most {self._context}, prompt and answer together.",
            )
        for param in ("response_format", "tools"):
            if param in asked:
                return EngineRefused(
                    param, f"The engine cannot use the schema in `{param}`; simplify it."
                )
        return EngineRefused(where, f"{self._model} cannot be given what is in `{where}`.")


def _continuations(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A request for each choice: those of the first prompt, then those of the next."""
    prompts = [body["prompt"]] if isinstance(body["prompt"], str) else body["prompt"]
    return [completion(body, prompt) for prompt in prompts for _ in range(body.get("n") or 1)]


async def _counted(
    chunks: AsyncGenerator[tuple[int, dict[str, Any]], None], mend: Mend, n: int
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks put right, and one at the end that counts the tokens of all choices.

    Neighbouring choices have the same prompt, `n` of them each: its tokens count once.
    """
    prompts: dict[int, int] = {}
    answers: dict[int, int] = {}
    last: dict[str, Any] = {}
    async for index, chunk in chunks:
        last = chunk
        if usage := chunk.get("usage"):
            prompts[index // n] = usage["prompt_tokens"]
            answers[index] = usage["completion_tokens"]
        if chunk["choices"]:
            yield mend(chunk, index)
    read, written = sum(prompts.values()), sum(answers.values())
    usage = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    yield {**mend.frame(last), "choices": [], "usage": usage}


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

"""vLLM: a supervised server of its own for each model, and how it is started and asked.

A server that has lost its engine says so in a stream's last event and then ends the stream as
if all were well; here that is a failure. Prompts are not kept for reuse between requests: how
fast an answer begins would tell one application what another has asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from compliance.vocabulary import Endpoint
from inference.engines import vllm_load, vllm_progress
from inference.engines.answers import WHOLE_MAX, Answered, TooLong
from inference.engines.base import EngineRefused, Load
from inference.engines.server import STUCK_AFTER, SupervisedServer
from inference.engines.vllm_body import (
    chat,
    chat_chunk,
    completion,
    completion_chunk,
    embedding,
    repeated,
    repeats,
    vectors,
)
from inference.engines.vllm_command import arguments, environment, installed
from inference.engines.vllm_marks import unmarked
from inference.engines.vllm_refusal import refusal
from inference.registry import Entry

_RESTART_PATIENCE = 20.0  # s that a request waits for an engine that is being restarted
_SAYS = 80  # lines of what a server said that did not come up; the cause stands far above
_SERVER = Path(__file__).with_name("vllm_server.py")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class VLLM:
    """A model of safetensors, and its adapters, served by a supervised vLLM; an `Engine`."""

    def __init__(
        self,
        entry: Entry,
        socket: Path,
        *,
        python: Path,
        cache: Path,
        slots: int = 0,
        threads: int = 2,
        start_within: float = 1800.0,
        check: Callable[[], None] = lambda: None,
        stuck_after: float = STUCK_AFTER,
    ) -> None:
        """`python` is that of vLLM's environment; `cache` a folder for what vLLM compiles.

        `slots` requests run at the same time; 0: as many as the model's options say.
        `threads` count on a CPU only. `check` looks at the files before each start but the
        first, and raises where they must not be read. One that has requests and makes no step
        for `stuck_after` seconds is replaced. Raises `EngineFailed` where there is no vLLM,
        and `WeightsMissing`.
        """
        found = installed(python)
        self.name = f"vllm {found.distribution}-{found.version}"
        self.capacity = slots or found.slots(entry)
        self._entry = entry
        self._names = {entry.name, *(adapter.name for adapter in entry.adapters)}
        self._tools = "tool_call_parser" in entry.options
        self._thinks = "reasoning_parser" in entry.options
        self.server = SupervisedServer(
            [
                *(str(python), "-I", str(_SERVER)),
                *arguments(entry, socket, self.capacity, found),
            ],
            socket,
            start_within=start_within,
            check=check,
            environment=environment(found, cache, threads),
            keeps=_SAYS,
            mark=lambda: vllm_progress.mark(socket),
            stuck_after=stuck_after,
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
        """Start the server, which takes a minute or more."""
        await self.server.start()

    async def stop(self) -> None:
        """End the server, and every process that it has started."""
        await self.server.stop()

    async def load(self) -> Load:
        """See `Engine.load`; the server's own words."""
        return await vllm_load.load(self.server.socket)

    async def stream(
        self, endpoint: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        """See `Engine.stream`."""
        model = {"model": self._served(str(body.get("model") or self._entry.name))}
        times = repeats(body)
        if endpoint == Endpoint.EMBEDDINGS:
            yield await self._vectors(model | embedding(body))
        elif endpoint == Endpoint.COMPLETIONS:
            asked = model | completion(body)
            async with contextlib.aclosing(self._chunks("/v1/completions", asked)) as chunks:
                async for chunk in chunks:
                    for one in repeated(completion_chunk(chunk), times):
                        yield _encode(one)
        else:
            asked, top = model | chat(body, tools=self._tools), body.get("top_logprobs") or 0
            asked, path = unmarked(asked) if self._thinks else asked, "/v1/chat/completions"
            async with contextlib.aclosing(self._chunks(path, asked)) as chunks:
                async for chunk in chunks:
                    for one in repeated(chat_chunk(chunk, top), times):
                        yield _encode(one)

    def _served(self, name: str) -> str:
        if name not in self._names:
            raise EngineRefused("model", f"{name} is not served here; {self._entry.name} is.")
        return name

    async def _vectors(self, asked: Mapping[str, Any]) -> bytes:
        try:
            answer = await self.server.whole(
                "/v1/embeddings", _encode(asked), _RESTART_PATIENCE
            )
        except Answered as answered:
            raise refusal(answered, asked, self._entry.context_length) from None
        except TooLong as error:
            raise EngineRefused(
                "input", f"The vectors are more than {WHOLE_MAX} bytes; send fewer texts."
            ) from error
        return _encode(vectors(_decode(answer)))

    async def _chunks(
        self, path: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The server's chunks."""
        events = self.server.events(path, _encode(asked), _RESTART_PATIENCE)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    yield _decode(event)
        except Answered as answered:
            raise refusal(answered, asked, self._entry.context_length) from None

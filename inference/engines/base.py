"""The contract of an engine: a body in OpenAI's schema in, its chunks out.

chat.completions   chat.completion.chunk items; reasoning apart, as `reasoning_content`
completions        text_completion items
embeddings         one item: `data`, each with `index` and `embedding` (base64 of little-endian
                   32-bit floats), in the order of the texts, and `usage`
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_START = {"llamacpp": 120.0, "vllm": 1800.0}  # s, however small the weights
_SLOWEST = 50e6  # bytes of weights that are read in a second where the disk is slow


def start_within(engine: str, size: int) -> float:
    """Seconds that the start of `engine` may take, which reads `size` bytes of weights."""
    return _START[engine] + size / _SLOWEST


class EngineError(Exception):
    """An engine did not answer. The message is safe to show: it never quotes a prompt."""


class EngineFailed(EngineError):
    """The engine crashed, is not up, or broke off; the same request may succeed later."""


class EngineRefused(EngineError):
    """The engine cannot do what the parameter `param` asks; no retry will help."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine has to do now.

    `running` and `waiting` count requests in it: those it works on, and those it has no room
    for yet. `cache` is the share of its KV cache that these take, from 0 to 1; None where it
    does not say, or its slots cannot get in each other's way. `preempted` counts, since it
    began, how often it threw away the cache of an answer that ran, to compute it anew later.
    `tokens` is what that cache holds, `context` what one answer and its prompt may have; both
    None where it does not say.
    """

    running: int
    waiting: int
    cache: float | None
    preempted: int = 0
    tokens: int | None = None
    context: int | None = None


class Engine(Protocol):
    """One model, served. Belongs to one event loop."""

    name: str
    """What it is and its version, as receipts tell it."""

    capacity: int
    """Requests that it answers at the same time."""

    @property
    def healthy(self) -> bool:
        """Whether it would take a request now."""
        ...

    @property
    def started(self) -> int:
        """When it last began to answer, in microseconds since 1970; 0 before it does."""
        ...

    async def start(self) -> None:
        """Return once it answers; raises `EngineFailed`."""
        ...

    async def stop(self) -> None:
        """End it, and return when nothing of it is left."""
        ...

    async def load(self) -> Load:
        """What it has to do now; raises `EngineFailed` where it does not say."""
        ...

    def stream(self, endpoint: str, body: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """The answer to `body`, a request to that endpoint (`vocabulary.Endpoint`).

        Each item is JSON; the last has no choices and carries the exact `usage`. The `model`
        of a body may be the name of an adapter, `<base>:<adapter>`. Closing the generator
        aborts generation within a second. Raises `EngineFailed`, `EngineRefused`.
        """
        ...

"""What llama.cpp answers, as OpenAI writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

CHAT, TEXT = "chat.completion.chunk", "text_completion"


class Mend(Protocol):
    """Puts one chunk right; `frame` is what every chunk of the answer repeats."""

    def frame(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """A chunk without choices."""
        ...

    def __call__(self, chunk: dict[str, Any], index: int) -> dict[str, Any]:
        """The chunk, of choice `index`."""
        ...


class Messages:
    """Chunks of a chat completion, with at most `top` alternatives to each token."""

    def __init__(self, top: int) -> None:
        self._top = top

    def frame(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """See `Mend`."""
        return _frame(CHAT, chunk)

    def __call__(self, chunk: dict[str, Any], index: int) -> dict[str, Any]:
        """See `Mend`."""
        for choice in chunk["choices"]:
            choice["index"] = index
            delta = choice["delta"]
            if delta.get("role") and delta.get("content", "") is None:
                delta["content"] = ""
            for token in _tokens(choice):
                token.pop("id", None)
                token["top_logprobs"] = token.get("top_logprobs", [])[: self._top]
                for alternative in token["top_logprobs"]:
                    alternative.pop("id", None)
        return {**self.frame(chunk), "choices": chunk["choices"]}


class Texts:
    """Chunks of a completion, whose log probabilities have their older form there."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._written: Counter[int] = Counter()  # characters of each choice so far

    def frame(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """See `Mend`."""
        return _frame(TEXT, chunk)

    def __call__(self, chunk: dict[str, Any], index: int) -> dict[str, Any]:
        """See `Mend`."""
        choices = [
            {
                "index": index,
                "text": choice["text"],
                "logprobs": self._logprobs(_tokens(choice), index),
                "finish_reason": choice.get("finish_reason"),
            }
            for choice in chunk["choices"]
        ]
        return {**self.frame(chunk), "choices": choices}

    def _logprobs(
        self, tokens: Sequence[Mapping[str, Any]], index: int
    ) -> dict[str, list[Any]] | None:
        """A member for each property, a place for each token; offsets are in characters."""
        if not tokens:
            return None
        told: dict[str, list[Any]] = {
            "tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": [],
        }  # fmt: skip
        for token in tokens:
            told["tokens"].append(token["token"])
            told["token_logprobs"].append(token["logprob"])
            others = token.get("top_logprobs", [])[: self._top]
            told["top_logprobs"].append({one["token"]: one["logprob"] for one in others})
            told["text_offset"].append(self._written[index])
            self._written[index] += len(token["token"])
        return told


def _frame(kind: str, chunk: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": chunk.get("id", ""),
        "object": kind,
        "created": chunk.get("created", 0),
        "model": chunk.get("model", ""),
    }


def _tokens(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (choice.get("logprobs") or {}).get("content") or []

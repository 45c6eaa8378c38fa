"""From a request in OpenAI's schema to one that llama.cpp understands the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.engines.base import EngineRefused

_AS_IT_IS = ("temperature", "top_p", "response_format", "presence_penalty", "frequency_penalty")
_NOT_FOR_THE_ENGINE = frozenset(
    {
        "model",  # it serves one
        "n",  # a stream for each choice
        "stream", "stream_options",  # always streamed, always with usage
        "user", "safety_identifier", "metadata", "store", "service_tier",  # about the caller
    }
)  # fmt: skip
_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_STREAMED: Mapping[str, Any] = {
    "stream": True,
    "stream_options": {"include_usage": True},
    "return_progress": True,  # or a closed connection shows only once the prompt is read
}
_WHOLE_TEXT = 65536  # tokens; OpenAI's penalties look at all of it
_SEEDS = 2**32 - 1  # llama.cpp takes the greatest for "choose one"


def request(body: Mapping[str, Any], *, tools: bool) -> dict[str, Any]:
    """The request for one choice; `tools` says whether the model's chat template has them.

    A parameter that is null is as if absent. Raises `EngineRefused` for one that is not known
    here: llama.cpp would pass over it in silence, or take it as one of its own.
    """
    given = {name: value for name, value in body.items() if value is not None}
    messages = _messages(given.pop("messages", []), tools)
    top = given.pop("top_logprobs", 0)
    asked = {**_STREAMED, "messages": messages} | _sampling(given)
    if given.pop("logprobs", False):
        asked |= {"logprobs": True, "top_logprobs": max(top, 1)}
    asked |= _tools({name: given.pop(name) for name in _TOOLS if name in given}, tools)
    _nothing_left(given)
    return asked


def completion(body: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """The request for one continuation of one of the prompts; raises as `request` does."""
    given = {name: value for name, value in body.items() if value is not None}
    del given["prompt"]
    top = given.pop("logprobs", None)
    asked = {**_STREAMED, "prompt": prompt} | _sampling(given)
    if top is not None:
        asked["logprobs"] = max(top, 1)
    _nothing_left(given)
    return asked


def embedding(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for the vectors of its texts; raises as `request` does."""
    given = {name: value for name, value in body.items() if value is not None}
    asked = {"input": given.pop("input"), "encoding_format": "base64"}
    given.pop("encoding_format", None)  # vectors always travel in base64
    _nothing_left(given)
    return asked


def _nothing_left(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in _NOT_FOR_THE_ENGINE:
            raise EngineRefused(name, f"The engine llamacpp does not know `{name}`.")


def _sampling(given: dict[str, Any]) -> dict[str, Any]:
    """What both kinds of text requests have, in the engine's words; taken out of `given`."""
    asked: dict[str, Any] = {name: given.pop(name) for name in _AS_IT_IS if name in given}
    if "presence_penalty" in asked or "frequency_penalty" in asked:
        asked["repeat_last_n"] = _WHOLE_TEXT
    limits = [given.pop(name, None) for name in ("max_completion_tokens", "max_tokens")]
    for limit in limits:
        if limit is not None:
            asked.setdefault("max_tokens", limit)
    if "stop" in given:
        stop = given.pop("stop")
        asked["stop"] = [stop] if isinstance(stop, str) else list(stop)
    if "seed" in given:
        asked["seed"] = given.pop("seed") % _SEEDS
    return asked


def _messages(messages: Sequence[Mapping[str, Any]], tools: bool) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []
    for message in messages:
        if not tools and (message["role"] == "tool" or message.get("tool_calls")):
            raise EngineRefused(
                "messages", "This model's chat template has no place for tool messages."
            )
        role = "system" if message["role"] == "developer" else message["role"]
        content = message.get("content")
        if isinstance(content, Sequence) and not isinstance(content, str):
            content = "\n".join(part["text"] for part in content)
        asked.append({**message, "role": role, "content": content or ""})
    return asked


def _tools(given: Mapping[str, Any], tools: bool) -> dict[str, Any]:
    """The tool parameters. A tool chosen by name becomes the only one there is."""
    if not given.get("tools"):
        return {}
    if not tools:
        raise EngineRefused("tools", "This model's chat template has no place for tools.")
    choice = given.get("tool_choice")
    if not isinstance(choice, Mapping):
        return dict(given)
    name = choice.get("function", {}).get("name")
    named = [tool for tool in given["tools"] if tool.get("function", {}).get("name") == name]
    if not named:
        raise EngineRefused("tool_choice", "`tool_choice` names a tool that is not in `tools`.")
    return {**given, "tools": named, "tool_choice": "required"}

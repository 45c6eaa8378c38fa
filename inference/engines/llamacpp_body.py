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
_WHOLE_TEXT = 65536  # tokens; OpenAI's penalties look at all of it
_SEEDS = 2**32 - 1  # llama.cpp takes the greatest for "choose one"


def request(body: Mapping[str, Any], *, tools: bool) -> dict[str, Any]:
    """The request for one choice; `tools` says whether the model's chat template has them.

    A parameter that is null is as if absent. Raises `EngineRefused` for one that is not known
    here: llama.cpp would pass over it in silence, or take it as one of its own.
    """
    given = {name: value for name, value in body.items() if value is not None}
    asked: dict[str, Any] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # or a closed connection shows only once the prompt is read
    }
    asked["messages"] = _messages(given.pop("messages", []), tools)
    asked |= {name: given.pop(name) for name in _AS_IT_IS if name in given}
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
    top = given.pop("top_logprobs", 0)
    if given.pop("logprobs", False):
        asked |= {"logprobs": True, "top_logprobs": max(top, 1)}
    asked |= _tools({name: given.pop(name) for name in _TOOLS if name in given}, tools)
    for name in given:
        if name not in _NOT_FOR_THE_ENGINE:
            raise EngineRefused(name, f"The engine llamacpp does not know `{name}`.")
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

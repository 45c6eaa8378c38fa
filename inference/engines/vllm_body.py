"""Between OpenAI's schema and vLLM's: what it is asked for, and its chunks put right.

vLLM knows many parameters beyond OpenAI's, among them some that show what others asked or that
run a template of the caller's. So what is not named here is refused, not passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference.engines.base import EngineRefused

_SAMPLING = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "n",
)  # fmt: skip
_CHAT = (*_SAMPLING, "response_format", "parallel_tool_calls")
_NOT_FOR_THE_ENGINE = frozenset(
    {
        "model",  # said by the engine, which knows its names
        "stream", "stream_options",  # always streamed, always with usage
        "encoding_format",  # vectors always travel in base64
        "user", "safety_identifier", "metadata", "store", "service_tier",  # about the caller
    }
)  # fmt: skip
_GREEDY = 1e-5  # the temperature below which vLLM takes the most likely token
_STREAMED: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def chat(body: Mapping[str, Any], *, tools: bool) -> dict[str, Any]:
    """The request for a chat completion; `tools` says whether calls of tools are understood.

    A parameter that is null is as if absent. Raises `EngineRefused` for one that is not known.
    """
    given = {name: value for name, value in body.items() if value is not None}
    if repeats(body) > 1:
        del given["n"]
    asked = {
        **_STREAMED,
        "messages": [_message(message) for message in given.pop("messages")],
        **{name: given.pop(name) for name in _CHAT if name in given},
        **_limit(given),
        **_tools(given, tools),
    }
    top = given.pop("top_logprobs", 0)
    if given.pop("logprobs", False):
        # The token that was taken counts among them, whatever its place: one more is asked.
        asked |= {"logprobs": True, "top_logprobs": top + 1 if top else 0}
    _nothing_left(given)
    return asked


def completion(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request to go on with each of the prompts; raises as `chat` does."""
    given = {name: value for name, value in body.items() if value is not None}
    if repeats(body) > 1:
        del given["n"]
    asked = {
        **_STREAMED,
        "prompt": given.pop("prompt"),
        **{name: given.pop(name) for name in (*_SAMPLING, "logprobs") if name in given},
        **_limit(given),
    }
    _nothing_left(given)
    return asked


def repeats(body: Mapping[str, Any]) -> int:
    """How many answers to a prompt are one: vLLM refuses to make several without chance."""
    temperature = body.get("temperature")
    return (body.get("n") or 1) if temperature is not None and temperature < _GREEDY else 1


def repeated(chunk: Mapping[str, Any], times: int) -> Iterator[Mapping[str, Any]]:
    """The chunk as one of each of these answers; they count as if each had been made."""
    if times == 1:
        yield chunk
        return
    if usage := chunk.get("usage"):
        read, written = usage["prompt_tokens"], usage["completion_tokens"] * times
        usage = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }
        chunk = {**chunk, "usage": usage}
    if not chunk["choices"]:
        yield chunk
    for choice in chunk["choices"]:
        for place in range(times):
            yield {**chunk, "choices": [{**choice, "index": choice["index"] * times + place}]}


def embedding(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for the vectors of its texts; raises as `chat` does."""
    given = {name: value for name, value in body.items() if value is not None}
    asked = {"input": given.pop("input"), "encoding_format": "base64", "endianness": "little"}
    if "dimensions" in given:
        asked["dimensions"] = given.pop("dimensions")
    _nothing_left(given)
    return asked


def chat_chunk(chunk: Mapping[str, Any], top: int) -> dict[str, Any]:
    """A chunk as OpenAI writes it, with at most `top` alternatives for each token.

    What a model thinks before it answers is in `reasoning_content`.
    """
    choices = [
        {
            "index": choice["index"],
            "delta": _delta(choice["delta"]),
            "logprobs": _logprobs(choice.get("logprobs"), top),
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in chunk["choices"]
    ]
    return _framed(chunk, choices)


def completion_chunk(chunk: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a completion."""
    choices = [
        {name: choice.get(name) for name in ("index", "text", "logprobs", "finish_reason")}
        for choice in chunk["choices"]
    ]
    return _framed(chunk, choices)


def vectors(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Vectors, each in base64: little-endian floats of 32 bits."""
    read = answer["usage"]["prompt_tokens"]
    return {
        "data": [
            {"index": one["index"], "embedding": one["embedding"]} for one in answer["data"]
        ],
        "usage": {"prompt_tokens": read, "completion_tokens": 0, "total_tokens": read},
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Text as one string: templates of models differ in what else they take."""
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = "\n".join(part["text"] for part in content)
    role = "system" if message["role"] == "developer" else message["role"]
    return {**message, "role": role, "content": content or ""}


def _limit(given: dict[str, Any]) -> dict[str, int]:
    limits = [given.pop(name, None) for name in ("max_completion_tokens", "max_tokens")]
    return next(({"max_tokens": limit} for limit in limits if limit is not None), {})


def _tools(given: dict[str, Any], understood: bool) -> dict[str, Any]:
    tools, choice = given.pop("tools", None), given.pop("tool_choice", None)
    if not tools or (choice == "none" and not understood):
        return {}
    if not understood:
        raise EngineRefused("tools", "This model was imported without a parser for tools.")
    return {"tools": tools} | ({"tool_choice": choice} if choice is not None else {})


def _nothing_left(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in _NOT_FOR_THE_ENGINE:
            raise EngineRefused(name, f"The engine vLLM is not asked for `{name}`.")


def _framed(chunk: Mapping[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    """What every chunk of an answer repeats; vLLM tells more than is asked."""
    framed = {name: chunk[name] for name in ("id", "object", "created", "model")}
    framed["choices"] = choices
    usage = chunk.get("usage")
    if usage:
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        framed["usage"] = {name: usage.get(name) or 0 for name in names}
    return framed


def _delta(delta: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in delta.items() if value is not None}
    if "reasoning" in said:
        said["reasoning_content"] = said.pop("reasoning")
    if "tool_calls" in said:
        said["tool_calls"] = [_without_none(call) for call in said["tool_calls"]]
    return said


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(one) for name, one in value.items() if one is not None}
    return value


def _logprobs(given: Mapping[str, Any] | None, top: int) -> dict[str, Any] | None:
    """The most likely first, as OpenAI has them."""
    if not given or given.get("content") is None:
        return None
    tokens = [
        {
            **token,
            "top_logprobs": sorted(
                token.get("top_logprobs") or (), key=lambda one: -float(one["logprob"])
            )[:top],
        }
        for token in given["content"]
    ]
    return {"content": tokens}

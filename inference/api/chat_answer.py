"""The answer of a chat completion: messages, their reasoning, and calls of tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.api.answer import Answer, Choice

_REASONING = "reasoning_content"
_TEXTS = ("content", _REASONING, "refusal")


class ChatAnswer(Answer):
    """See `Answer`."""

    PREFIX = "chatcmpl-"
    PART, WHOLE = "chat.completion.chunk", "chat.completion"

    def gathered(self) -> GatheredMessages:
        """See `Answer`."""
        return GatheredMessages()

    def choices(self, raw: bytes) -> list[Choice]:
        """See `Answer`; without those that say nothing once their reasoning is left out."""
        given = super().choices(raw)
        if not self._withheld:
            return given
        return [one for one in given if any(one["delta"].values()) or one["finish_reason"]]

    def _choice(self, choice: Mapping[str, Any]) -> Choice:
        """Log probabilities repeat the reasoning, and not apart from the rest."""
        index, given = choice["index"], choice["delta"]
        ends = choice.get("finish_reason") is not None
        delta: dict[str, Any] = {"role": given["role"]} if "role" in given else {}
        for member in _TEXTS:
            text = given.get(member)
            if member == _REASONING and self._withheld:
                continue
            if member in given or ends:
                restored = self._restored(index, member, text or "", ends=ends)
                if restored or member in given:
                    delta[member] = text if text is None and not restored else restored
        calls = [self._call(index, call) for call in given.get("tool_calls") or ()]
        if ends:
            calls += self._held_arguments(index)
        if calls:
            delta["tool_calls"] = calls
        return {
            "index": index,
            "delta": delta,
            "logprobs": None if self._withheld else choice.get("logprobs"),
            "finish_reason": choice.get("finish_reason"),
        }

    def _call(self, choice: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Part of a tool call. Its arguments are pieces of JSON text."""
        call = {name: given[name] for name in ("index", "id", "type") if name in given}
        function = given.get("function") or {}
        call["function"] = dict(function)
        if function.get("arguments"):
            call["function"]["arguments"] = self._restored(
                choice, given["index"], function["arguments"], ends=False
            )
        return call

    def _held_arguments(self, choice: int) -> list[dict[str, Any]]:
        held = (
            (member, restorer.finish())
            for (index, member), restorer in self._restorers.items()
            if index == choice and isinstance(member, int)
        )
        return [{"index": n, "function": {"arguments": text}} for n, text in held if text]


class GatheredMessages:
    """See `Gathered`."""

    def __init__(self) -> None:
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, choices: list[dict[str, Any]]) -> None:
        """The choices of one more chunk."""
        for choice in choices:
            whole = self._choices.setdefault(choice["index"], _empty(choice["index"]))
            delta, message = choice["delta"], whole["message"]
            for member in _TEXTS:
                if delta.get(member):
                    message[member] = (message.get(member) or "") + delta[member]
            for call in delta.get("tool_calls", ()):
                _add_call(message.setdefault("tool_calls", []), call)
            _add_logprobs(whole, choice["logprobs"])
            whole["finish_reason"] = choice["finish_reason"] or whole["finish_reason"]

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._choices

    def choices(self) -> list[dict[str, Any]]:
        """Whole choices, by index."""
        whole = [self._choices[index] for index in sorted(self._choices)]
        for choice in whole:
            message = choice["message"]
            if message["content"] is None and "tool_calls" not in message:
                message["content"] = ""
        return whole


def _empty(index: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": None}


def _add_call(calls: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    while len(calls) <= part["index"]:
        calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[part["index"]]
    call["id"] = part.get("id") or call["id"]
    for member in ("name", "arguments"):
        call["function"][member] += part["function"].get(member) or ""


def _add_logprobs(whole: dict[str, Any], part: Mapping[str, Any] | None) -> None:
    if part is None:
        return
    if whole["logprobs"] is None:
        whole["logprobs"] = {"content": [], "refusal": None}
    whole["logprobs"]["content"].extend(part.get("content") or ())

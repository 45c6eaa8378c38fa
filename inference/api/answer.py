"""The engine's chunks as the caller's: renamed, and with pseudonyms put back.

Chunk for chunk: each chunk with text gives exactly one chunk. What a restorer holds back at a
chunk's end leaves with the next one, at the latest with the chunk that bears the finish reason.
Log probabilities describe what the model wrote, so their tokens keep the pseudonyms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from compliance.detection.restore import Restorer

_TEXTS = ("content", "reasoning_content", "refusal")


class Malformed(Exception):
    """An engine sent what is no chat.completion.chunk."""


class Answer:
    """One request's answer, as it arrives. Owned by the task that answers."""

    def __init__(
        self,
        *,
        request: str,
        model: str,
        created: int,
        pseudonyms: Mapping[str, str],
    ) -> None:
        self._head = {
            "id": f"chatcmpl-{request}",
            "created": created,
            "model": model,
        }
        self._pseudonyms = pseudonyms
        self._restorers: dict[tuple[int, str | int], Restorer] = {}
        self._mark = False

    def restores(self, pseudonyms: Mapping[str, str]) -> None:
        """Put these values back from here on: a request decided anew has other pseudonyms."""
        self._pseudonyms = pseudonyms

    def marks(self) -> None:
        """Say once, in the first chunk or in the completion, that a machine wrote this.

        AI Act Art. 50(2) asks that output is marked in a machine-readable way.
        """
        self._mark = True

    def comes_from(self, digest: str) -> None:
        """Name the weights that answer: known only when they do."""
        self._head["system_fingerprint"] = f"fp_{digest[:16]}"

    def choices(self, raw: bytes) -> list[dict[str, Any]]:
        """The choices of one engine chunk, restored; empty for one that only counts tokens."""
        try:
            choices = orjson.loads(raw)["choices"]
            return [self._choice(choice) for choice in choices]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Malformed("The engine sent something that is not a chunk.") from error

    def chunk(self, choices: list[dict[str, Any]], usage: Mapping[str, int] | None) -> bytes:
        """A chunk for the caller."""
        return self._written("chat.completion.chunk", choices, usage)

    def completion(self, choices: list[dict[str, Any]], usage: Mapping[str, int]) -> bytes:
        """The whole answer for a caller that did not ask for a stream."""
        return self._written("chat.completion", choices, usage)

    def _written(
        self, kind: str, choices: list[dict[str, Any]], usage: Mapping[str, int] | None
    ) -> bytes:
        written = {**self._head, "object": kind, "choices": choices}
        if usage is not None:
            written["usage"] = usage or None
        if self._mark:
            written["domicile"] = {"ai_generated": True}
            self._mark = False
        return orjson.dumps(written)

    def _choice(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        index, given = choice["index"], choice["delta"]
        ends = choice.get("finish_reason") is not None
        delta: dict[str, Any] = {"role": given["role"]} if "role" in given else {}
        for member in _TEXTS:
            text = given.get(member)
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
            "logprobs": choice.get("logprobs"),
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

    def _restored(self, choice: int, member: str | int, text: str, *, ends: bool) -> str:
        if not self._pseudonyms:
            return text
        restorer = self._restorers.get((choice, member))
        if restorer is None:
            restorer = Restorer(self._pseudonyms, json_escaped=isinstance(member, int))
            self._restorers[choice, member] = restorer
        restored = restorer.feed(text)
        return restored + restorer.finish() if ends else restored

    def _held_arguments(self, choice: int) -> list[dict[str, Any]]:
        held = (
            (member, restorer.finish())
            for (index, member), restorer in self._restorers.items()
            if index == choice and isinstance(member, int)
        )
        return [{"index": n, "function": {"arguments": text}} for n, text in held if text]


class Gathered:
    """Choices gathered from chunks into whole ones."""

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

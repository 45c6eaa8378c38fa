"""The answer of a completion: texts that go on where prompts end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.api.answer import Answer, Choice

_LOGPROBS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


class CompletionAnswer(Answer):
    """See `Answer`."""

    PREFIX = "cmpl-"
    PART = WHOLE = "text_completion"

    def gathered(self) -> GatheredTexts:
        """See `Answer`."""
        return GatheredTexts()

    def _choice(self, choice: Mapping[str, Any]) -> Choice:
        index, finish = choice["index"], choice.get("finish_reason")
        text = self._restored(index, "text", choice["text"], ends=finish is not None)
        return {
            "index": index,
            "text": text,
            "logprobs": choice.get("logprobs"),
            "finish_reason": finish,
        }


class GatheredTexts:
    """See `Gathered`."""

    def __init__(self) -> None:
        self._choices: dict[int, Choice] = {}

    def add(self, choices: list[Choice]) -> None:
        """See `Gathered`."""
        for choice in choices:
            index = choice["index"]
            empty = {"index": index, "text": "", "logprobs": None, "finish_reason": None}
            whole = self._choices.setdefault(index, empty)
            whole["text"] += choice["text"]
            whole["finish_reason"] = choice["finish_reason"] or whole["finish_reason"]
            if choice["logprobs"] is not None:
                told = whole["logprobs"] = whole["logprobs"] or {name: [] for name in _LOGPROBS}
                for name in _LOGPROBS:
                    told[name] += choice["logprobs"].get(name) or ()

    @property
    def empty(self) -> bool:
        """See `Gathered`."""
        return not self._choices

    def choices(self) -> list[Choice]:
        """See `Gathered`."""
        return [self._choices[index] for index in sorted(self._choices)]

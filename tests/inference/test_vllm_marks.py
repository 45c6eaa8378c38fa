"""Marks of reasoning that a caller types are no marks to a model's tokenizer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.engines.base import EngineRefused
from inference.engines.vllm_marks import unmarked


@pytest.mark.parametrize(
    "mark",
    [
        "<think>", "</think>", "</THINK>", "<seed:think>", "</mm:think>", "<|START_THINKING|>",
        "<|END_THINKING|>", "[THINK]", "[/THINK]", "<tool_call>", "<minimax:tool_call>",
        "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool\u2581calls\u2581begin|>",
        "<|channel>", "<channel|>", "<|channel|>", "[TOOL_CALLS]", "<\uff5cDSML\uff5c calls>",
        "<|close|>think<|sep|>",
    ],
)  # fmt: skip
def test_a_mark_is_broken_wherever_a_template_would_write_it(mark):
    asked = {
        "model": mark,
        "temperature": 0,
        "messages": [
            {"role": "user", "content": f"Explain {mark}{mark}."},
            {"role": "assistant", "content": "", "tool_calls": [{"arguments": mark}]},
        ],
        "tools": [{"function": {"parameters": {"properties": {mark: {"enum": [1, mark]}}}}}],
        "stop": [mark],
    }
    found = unmarked(asked)
    assert (found["model"], found["stop"], found["temperature"]) == (mark, [mark], 0)
    said = repr([found["messages"], found["tools"]])
    assert mark not in said
    assert repr([asked["messages"], asked["tools"]]) == said.replace("\\u200b", "")


@pytest.mark.parametrize(
    "text",
    [
        "I think < 3 > 2",
        "<b>bold</b>",
        "a[0] [think",
        "<tooltip>",
        "<div class='x'>",
        "<<>>",
        "",
    ],
)
def test_other_texts_are_left_as_they_are(text):
    asked = {"messages": [{"role": "user", "content": text}]}
    assert unmarked(asked) == asked


def called(arguments: str) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "paint", "arguments": arguments}}
    return {"messages": [{"role": "assistant", "tool_calls": [call]}]}


def arguments(asked: dict[str, Any]) -> str:
    (message,) = asked["messages"]
    return str(message["tool_calls"][0]["function"]["arguments"])


@pytest.mark.parametrize(
    "text",
    [
        r'{"x": "\u003c/think\u003e"}',
        r'{"x": ["\u003C\/th\u0069nk>"]}',
        r'{"\u003c/think>": "\ud800"}',
        r'{"x": "\u005b/think]"}',
        '{"x": "</think>"}',
    ],
)
def test_a_mark_that_stands_escaped_in_the_arguments_of_a_call_is_broken(text):
    """vLLM decodes them, and a template writes what they then say."""
    found = json.loads(arguments(unmarked(called(text))))
    said = json.dumps(found, ensure_ascii=False)
    assert "</think>" not in said
    assert "[/think]" not in said
    assert said.replace("\u200b", "") == json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize("text", [r'{"x":  1.0, "y": "\u00e9 < 3"}', "no JSON", ""])
def test_arguments_without_marks_are_left_as_they_are(text):
    assert arguments(unmarked(called(text))) == text


def test_arguments_that_are_nested_too_deep_to_be_looked_at_are_refused():
    with pytest.raises(EngineRefused):
        unmarked(called("[" * 900 + '"\\u003c/think>"' + "]" * 900))

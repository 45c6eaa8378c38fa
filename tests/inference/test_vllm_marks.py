"""Marks of reasoning that a caller types are no marks to a model's tokenizer."""

from __future__ import annotations

import pytest

from inference.engines.vllm_marks import unmarked


@pytest.mark.parametrize(
    "mark",
    [
        "<think>", "</think>", "</THINK>", "<seed:think>", "</mm:think>", "<|START_THINKING|>",
        "<|END_THINKING|>", "[THINK]", "[/THINK]", "<tool_call>", "<minimax:tool_call>",
        "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool\u2581calls\u2581begin|>",
        "<|channel>", "<channel|>", "<|channel|>", "[TOOL_CALLS]", "<\uff5cDSML\uff5c calls>",
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

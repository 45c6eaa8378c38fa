"""People read the texts of every endpoint's requests and answers, findings marked in place."""

from __future__ import annotations

import json

import pytest

from compliance.admin.contents import part
from compliance.admin.spoken import answered, asked
from compliance.detection.segments import segments

BODIES = [
    {"messages": [{"role": "user", "content": "Hello Anna"}]},
    {"prompt": "Hello Anna"},
    {"prompt": ["Good day", "Hello Anna"]},
    {"input": "Hello Anna"},
    {"input": ["Good day", "Hello Anna"]},
]


@pytest.mark.parametrize("body", BODIES, ids=["chat", "prompt", "prompts", "input", "inputs"])
def test_every_text_of_a_request_is_shown_where_it_was_looked_at(body):
    shown = [(one.pointer, one.text) for one in asked(body)]
    assert shown == [(segment.pointer, segment.text) for segment in segments(body)]
    assert all(one.role for one in asked(body))
    pointer = shown[-1][0]
    finding = {"pointer": pointer, "start": 6, "end": 10, "entity": "PERSON"}
    kept = {"part": "prompt", "body": json.dumps(body), "findings": [finding]}
    *_, last = part(json.dumps(kept).encode()).texts
    assert last.pieces == [("Hello ", ""), ("Anna", "PERSON"), ("", "")]


def test_what_was_answered_is_shown_of_each_endpoint_that_writes():
    chat = {"role": "assistant", "reasoning_content": "Hm.", "content": "Yes."}
    assert [(one.role, one.text) for one in answered([{"index": 0, "message": chat}])] == [
        ("assistant, reasoning", "Hm."),
        ("assistant", "Yes."),
    ]
    texts = [{"index": 0, "text": "and so on"}, {"index": 1, "text": "and on"}]
    assert [(one.role, one.text) for one in answered(texts)] == [
        ("text 1", "and so on"),
        ("text 2", "and on"),
    ]
    kept = {"part": "output", "choices": json.dumps(texts)}
    assert [text.role for text in part(json.dumps(kept).encode()).texts] == ["text 1", "text 2"]

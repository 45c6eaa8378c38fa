"""What vLLM refuses is blamed on no parameter of which it has not spoken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.engines.answers import Answered
from inference.engines.base import EngineFailed, EngineRefused
from inference.engines.vllm_refusal import refusal

CHAT: dict[str, Any] = {"model": "small", "messages": []}
FORM: dict[str, Any] = {"response_format": {}}
TOOLS: dict[str, Any] = {"tools": []}
ROLES = "Conversation roles must alternate: canary-3381"


def refused(
    asked: dict[str, Any], message: str = "", param: str | None = None
) -> EngineRefused:
    error = {"message": message, "type": "BadRequestError", "param": param, "code": 400}
    found = refusal(Answered(400, json.dumps({"error": error}).encode()), asked, 2048)
    assert isinstance(found, EngineRefused)
    assert "canary" not in str(found)
    return found


@pytest.mark.parametrize("more", [FORM, TOOLS, FORM | TOOLS, {"temperature": 0.5}])
def test_what_a_template_cannot_write_is_not_blamed_on_a_schema(more):
    found = refused(CHAT | more, ROLES)
    assert found.param == "messages"
    assert "schema" not in str(found)


@pytest.mark.parametrize(
    ("more", "param"),
    [(FORM, "response_format"), (TOOLS, "tools"), (FORM | TOOLS, "response_format")],
)
def test_what_no_grammar_can_be_made_of_is_the_schemas_that_were_sent(more, param):
    found = refused(CHAT | more, "Grammar error: canary-3381")
    assert found.param == param
    assert [name in str(found) for name in (*FORM, *TOOLS)] == [name in more for name in
                                                               (*FORM, *TOOLS)]  # fmt: skip


def test_a_prompt_that_speaks_like_an_error_blames_nothing():
    assert refused(CHAT, "Grammar error: canary-3381").param == "messages"
    assert refused(CHAT | FORM, 'Unknown "Grammar error"').param == "messages"


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ("tools", "tools"),
        ("temperature", "temperature"),
        ("tool_choice.function.name", "tool_choice"),
        ("prompt_is_token_ids", "messages"),  # nobody asked for that
        ("input_tokens", "messages"),
    ],
)
def test_a_parameter_that_is_named_and_was_sent_is_the_one(said, param):
    sent = {"temperature": 9, "tool_choice": {}}
    assert refused(CHAT | TOOLS | sent, "canary", said).param == param


def test_a_text_that_is_too_long_is_told_with_how_much_fits():
    found = refused({"model": "small", "prompt": ""}, "canary", "max_tokens")
    assert found.param == "prompt"
    assert "2048 tokens" in str(found)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"error": "canary"}', b"\xff", b"{}", b'{"error": {"message": "\xff"}}'],
)
def test_an_error_that_cannot_be_read_is_told_by_its_status(body):
    assert isinstance(refusal(Answered(400, body), CHAT, 1), EngineRefused)
    assert isinstance(refusal(Answered(500, body), CHAT, 1), EngineFailed)

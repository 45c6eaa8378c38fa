"""What is wrong with a request is told by its parameter, and costs no inference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.inference.api.laboratory import Laboratory, ask

TEXT = "Good day."


def message(**more: Any) -> dict[str, Any]:
    return {"role": "user", "content": TEXT, **more}


def tool(name: str = "look_up", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    # the wrong type
    ({"messages": "hello"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [3]}, "messages[0]"),
    ({"messages": [{"content": TEXT}]}, "messages[0].role"),
    ({"messages": [message(role="oracle")]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [message(content=5)]}, "messages[0].content"),
    ({"messages": [message(content=None)]}, "messages[0].content"),
    ({"messages": [message(content=[])]}, "messages[0].content"),
    ({"messages": [message(mood="good")]}, "messages[0].mood"),
    ({"model": 3}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"temperature": "hot"}, "temperature"),
    ({"n": True}, "n"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"seed": "x"}, "seed"),
    ({"metadata": {"a": 1}}, "metadata[...]"),
    ({"metadata": 7}, "metadata"),
    ({"user": 7}, "user"),
    ({"tools": "all"}, "tools"),
    ({"response_format": 5}, "response_format"),
    ({"logit_bias": []}, "logit_bias"),
    ({"stream_options": True, "stream": True}, "stream_options"),
    # outside its range
    ({"temperature": -0.1}, "temperature"),
    ({"temperature": 2.1}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"top_p": 1.01}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 9}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 2049}, "max_tokens"),
    ({"max_completion_tokens": 2049}, "max_completion_tokens"),
    ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": ""}, "stop"),
    ({"stop": ["a", ""]}, "stop[1]"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"presence_penalty": 2.5}, "presence_penalty"),
    ({"frequency_penalty": -2.5}, "frequency_penalty"),
    ({"seed": 2**63}, "seed"),
    ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
    ({"user": "x" * 257}, "user"),
    ({"tools": [tool()] * 129}, "tools"),
    # right by itself, wrong together
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [tool(), tool()]}, "tools[1].function.name"),
    (
        {
            "tools": [tool()],
            "tool_choice": {"type": "function", "function": {"name": "other"}},
        },
        "tool_choice.function.name",
    ),
    ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
    (
        {"messages": [{"role": "tool", "content": "4", "tool_call_id": "call_1"}]},
        "messages[0].tool_call_id",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
        "response_format.json_schema.schema",
    ),
    # what no engine here can honour
    (
        {"messages": [message(content=[{"type": "image_url", "image_url": {"url": "x"}}])]},
        "messages[0].content[0].type",
    ),
    (
        {"messages": [message(content=[{"type": "input_audio", "input_audio": {}}])]},
        "messages[0].content[0].type",
    ),
    ({"store": True}, "store"),
    ({"service_tier": "priority"}, "service_tier"),
    ({"logit_bias": {"50256": -100}}, "logit_bias"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"modalities": ["audio"]}, "modalities[0]"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"verbosity": "low"}, "verbosity"),
    ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
    ({"audio": {"voice": "alloy", "format": "mp3"}}, "audio"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"function_call": "auto"}, "function_call"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    (
        {"stream": True, "stream_options": {"include_obfuscation": True}},
        "stream_options.include_obfuscation",
    ),
    ({"top_k": 4}, "top_k"),
    ({"grammar": "root ::= x"}, "grammar"),
]


@pytest.mark.parametrize(
    ("wrong", "param"), REFUSED, ids=[f"{i}-{case[1]}" for i, case in enumerate(REFUSED)]
)
def test_a_wrong_parameter_is_refused_by_its_name(lab: Laboratory, wrong, param):
    response = lab.post(ask(TEXT) | wrong)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(param)
    assert TEXT not in error["message"]


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_must_be_there_is_named(lab: Laboratory, missing):
    body = ask(TEXT)
    del body[missing]
    response = lab.post(body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == missing


def nested(depth: int) -> bytes:
    schema = b'{"a":' * depth + b"1" + b"}" * depth
    return b'{"model":"scripted","messages":[],"metadata":' + schema + b"}"


MALFORMED: list[tuple[str, bytes, str, str | None]] = [
    ("nothing", b"", "not valid JSON", None),
    ("half", b'{"model": "scr', "not valid JSON", None),
    ("two", b"{}{}", "not valid JSON", None),
    ("a list", b"[]", "JSON object", None),
    ("a number", b"7", "JSON object", None),
    ("NaN", b'{"temperature": NaN}', "not valid JSON", None),
    ("infinity", b'{"temperature": 1e999}', "not valid JSON", None),
    ("a byte order mark", b"\xef\xbb\xbf{}", "not valid JSON", None),
    ("not UTF-8", b'{"model": "\xff"}', "not UTF-8 at byte 11", None),
    ("an encoded surrogate", b'{"model": "\xed\xa0\x80"}', "not UTF-8 at byte 11", None),
    ("65 levels", nested(64), "deeper than 64", None),
    ("deep", nested(5_000), "deeper than 64", None),
    ("deep lists", b"[" * 500_000, "deeper than 64", None),
    (
        "NUL",
        b'{"model":"scripted","messages":[{"role":"user","content":"a\\u0000b"}]}',
        "NUL",
        "messages[0].content",
    ),
    ("NUL in a name", b'{"metadata":{"a\\u0000":"b"}}', "NUL", "metadata"),
    ("a raw NUL", b'{"model":"a\x00b"}', "not valid JSON", None),
    (
        "half a pair",
        b'{"model":"scripted","messages":[{"role":"user","content":"\\ud83d"}]}',
        "surrogate",
        "messages[0].content",
    ),
    ("half a pair in a name", b'{"metadata":{"\\udc00":"b"}}', "surrogate", "metadata"),
]


@pytest.mark.parametrize(
    ("content", "words", "param"),
    [case[1:] for case in MALFORMED],
    ids=[case[0] for case in MALFORMED],
)
def test_a_body_that_cannot_be_read_is_refused(lab: Laboratory, content, words, param):
    response = lab.post(content=content)
    error = response.json()["error"]
    assert response.status_code == 400
    assert words in error["message"]
    assert error["param"] == param


def test_sixty_four_levels_are_not_too_deep(lab: Laboratory):
    error = lab.post(content=nested(63)).json()["error"]
    assert error["param"] == "messages"  # refused for another reason: it was read


def test_a_large_body_is_refused_with_an_answer_that_arrives(lab: Laboratory):
    response = lab.post(ask("x" * 2_000_000))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert response.headers["connection"] == "close"


def test_a_large_body_that_does_not_tell_its_size_is_refused(lab: Laboratory):
    def pieces():
        yield b'{"model":"'
        for _ in range(40):
            yield b"x" * 65_536

    assert lab.post(content=pieces()).status_code == 413


def test_the_largest_body_is_read(lab: Laboratory):
    content = json.dumps(ask("") | {"model": "nobody"}).encode()
    content = content.replace(b'""', b'"' + b"x" * (1024 * 1024 - len(content)) + b'"')
    assert len(content) == 1024 * 1024
    assert lab.post(content=content).status_code == 404


def test_a_compressed_body_is_refused(lab: Laboratory):
    response = lab.post(content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 400
    assert "compressed" in response.json()["error"]["message"]


def test_the_last_of_a_member_given_twice_counts(lab: Laboratory):
    response = lab.post(content=b'{"model":"scripted","model":"nobody","messages":[]}')
    assert response.json()["error"]["param"] == "messages"


def test_an_unknown_model_is_not_found(lab: Laboratory):
    response = lab.post(ask(TEXT) | {"model": "gpt-9"})
    error = response.json()["error"]
    assert response.status_code == 404
    assert (error["code"], error["param"]) == ("model_not_found", "model")


@pytest.mark.parametrize("value", [b"", b"x" * 257, b"\xff\xfe"])
def test_a_subject_header_that_cannot_be_indexed_is_refused(lab: Laboratory, value):
    response = lab.post(ask(TEXT), headers=[("Domicile-Subject", value)])
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "Domicile-Subject"


def test_what_is_no_endpoint_says_so_in_the_shape_clients_know(lab: Laboratory):
    headers = {"Authorization": f"Bearer {lab.key}"}
    missing = lab.http.post(f"{lab.url}/v1/images/generations", json={}, headers=headers)
    wrong = lab.http.get(f"{lab.url}/v1/chat/completions", headers=headers)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["error"]["code"] == "method_not_allowed"


def test_refusals_are_counted_and_none_of_them_was_admitted(lab: Laboratory):
    before = len(lab.events(type="request.admitted"))
    for _ in range(3):
        lab.post(ask(TEXT) | {"top_k": 1})
    assert len(lab.events(type="request.admitted")) == before

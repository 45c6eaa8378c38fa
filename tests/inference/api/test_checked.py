"""Nothing of a caller's text reaches an engine past the detector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.segments import MIN_NUMBER, segments
from inference.api.completions import completion_call
from inference.api.embeddings import embedding_call
from inference.api.errors import APIError
from inference.api.protocol import chat_call
from inference.api.texts import texts
from inference.routing import ServedModel

MODELS = {
    "small": ServedModel("small", 4096, 0, "Domicile"),
    "near": ServedModel("near", 512, 0, "Domicile", task="embeddings"),
}
WORDS = frozenset(
    {
        *("system", "user", "assistant", "tool", "text", "function", "json_schema", "object"),
        *("array", "string", "number", "integer", "boolean", "null", "date", "date-time"),
        *("email", "uuid", "uri", "https://json-schema.org/draft/2020-12/schema"),
    }
)
"""What the protocol and JSON Schema say themselves, as far as the requests below hold it."""
SAMPLING = frozenset({"model", "stream", "stream_options", "max_tokens", "tool_choice"})
"""Members of a body that tell the engine what to do, and are read by no model."""


def engine_body(**request: Any) -> Any:
    return chat_call({"model": "small", **request}, MODELS).body


def leaves(value: object) -> Iterator[str]:
    """Strings and long numbers, without the names of members."""
    if isinstance(value, dict):
        for below in value.values():
            yield from leaves(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from leaves(below)
    elif isinstance(value, str):
        yield value
    elif not isinstance(value, bool) and sum(map(str.isdigit, repr(value))) >= MIN_NUMBER:
        yield repr(value)


strings = st.text("ab1 \u00fc{", max_size=12) | st.sampled_from(sorted(WORDS))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
schema_names = st.sampled_from(
    [
        *("type", "format", "$schema", "const", "enum", "default", "examples", "description"),
        *("properties", "pattern", "minimum", "title", "id", "role", "x"),
    ]
)
schemas = st.dictionaries(
    schema_names,
    st.recursive(
        strings | numbers | st.booleans() | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(schema_names, inner, max_size=3)
        ),
    ),
    max_size=4,
)
ids = st.text(min_size=1, max_size=20)


@given(
    st.tuples(strings, strings),
    ids,
    schemas,
    schemas,
    st.lists(strings.filter(bool), max_size=3),
)
def test_every_text_and_long_number_that_an_engine_gets_is_checked(
    said_and_arguments: tuple[str, str],
    call: str,
    parameters: Any,
    answer: Any,
    stop: list[str],
) -> None:
    said, arguments = said_and_arguments
    function = {"name": "look_up", "arguments": arguments}
    body = engine_body(
        messages=[
            {"role": "system", "content": said, "name": "n" + said},
            {"role": "user", "content": [{"type": "text", "text": said}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": call, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call, "content": said},
        ],
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "look_up",
                    "description": said,
                    "parameters": parameters,
                },
            }
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "a", "description": said, "schema": answer},
        },
        stop=stop,
    )
    checked = {segment.text for segment in segments(body)}
    given_to_engine = {
        leaf
        for name, value in body.items()
        if name not in SAMPLING
        for leaf in leaves(value)
        if leaf
    }
    assert given_to_engine - checked - WORDS - {"call00001"} == set()


@given(
    st.lists(strings.filter(bool), min_size=1, max_size=4),
    st.lists(strings.filter(bool), max_size=3),
)
def test_every_text_that_is_gone_on_with_or_made_a_vector_of_is_checked(
    given_texts: list[str], stop: list[str]
) -> None:
    for value in (given_texts, given_texts[0]):
        asked: dict[str, Any] = {"model": "small", "prompt": value, "stop": stop}
        body = completion_call(asked, MODELS).body
        texts_given = {value} if isinstance(value, str) else {*value}
        assert {segment.text for segment in segments(body)} == texts_given | {*stop}
        body = embedding_call({"model": "near", "input": value}, MODELS).body
        assert {segment.text for segment in segments(body)} == texts_given
        assert all(segment.replaceable for segment in segments(body))


@pytest.mark.parametrize("place", ["type", "format", "$schema"])
def test_what_a_schema_says_under_its_own_words_is_checked(place: str) -> None:
    function = {"name": "f", "parameters": {place: "anna@example.org"}}
    body = engine_body(
        messages=[{"role": "user", "content": "x"}],
        tools=[{"type": "function", "function": function}],
    )
    (found,) = [part for part in segments(body) if part.text == "anna@example.org"]
    assert not found.replaceable


@pytest.mark.parametrize("place", ["const", "enum", "default", "examples", "minimum"])
def test_long_numbers_in_schemas_are_checked(place: str) -> None:
    value: Any = [4111111111111111] if place in ("enum", "examples") else 4111111111111111
    form = {"name": "f", "schema": {"properties": {"card": {place: value}}}}
    body = engine_body(
        messages=[{"role": "user", "content": "x"}],
        response_format={"type": "json_schema", "json_schema": form},
    )
    (found,) = [part for part in segments(body) if part.text == "4111111111111111"]
    assert not found.replaceable


def test_ids_of_tool_calls_are_numbered_so_that_nothing_of_them_is_sent() -> None:
    function = {"name": "f", "arguments": "{}"}
    calls = [
        {"id": name, "type": "function", "function": function}
        for name in ("0151-23456789", "anna@example.org", "0151-23456789")
    ]
    body = engine_body(
        messages=[
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "anna@example.org", "content": "ok"},
        ]
    )
    sent = json.dumps(body)
    assert "0151" not in sent
    assert "anna" not in sent
    first, last = body["messages"]
    assert [c["id"] for c in first["tool_calls"]] == ["call00001", "call00002", "call00001"]
    assert last["tool_call_id"] == "call00002"


def test_an_id_of_another_shape_is_checked_wherever_the_body_came_from() -> None:
    call = {"id": "0151-23456789", "type": "function", "function": {"name": "f"}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    found = {segment.text: segment.replaceable for segment in segments(body)}
    assert found["0151-23456789"] is False


def history(arguments: str) -> Any:
    function = {"name": "f", "arguments": arguments}
    call = {"id": "a", "type": "function", "function": function}
    return engine_body(messages=[{"role": "assistant", "tool_calls": [call]}])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('{"a": ["x\\u0000"]}', "NUL"),
        ('{"a":' * 65 + "1" + "}" * 65, "64 levels"),
        ("[" * 600 + "]" * 600, "64 levels"),
    ],
)
def test_what_could_not_be_written_again_is_refused_by_its_place(
    arguments: str, what: str
) -> None:
    with pytest.raises(APIError, match=what) as refused:
        texts(history(arguments))
    assert refused.value.status == 400
    assert refused.value.param == "messages[0].tool_calls[0].function.arguments"


def test_sixty_four_levels_of_json_text_are_not_too_deep() -> None:
    assert texts(history('{"a":' * 64 + "1" + "}" * 64))


def test_collecting_stops_at_the_most_texts_that_are_looked_at() -> None:
    parts = [{"type": "text", "text": "x"}] * 5_000
    function = {"name": "f", "parameters": {"enum": ["x"] * 130_000}}
    body = engine_body(
        messages=[{"role": "user", "content": parts}],
        tools=[{"type": "function", "function": function}],
    )
    with pytest.raises(APIError, match="4096 texts") as refused:
        texts(body)
    assert refused.value.status == 400
    assert str(refused.value.param).startswith("tools[0].function.parameters.enum[409")

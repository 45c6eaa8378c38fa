import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.segments import NAME, UnknownPlace, pointer, replaced, segments

BODY: Any = {
    "model": "small",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "name": "anna", "content": [{"type": "text", "text": "Part one"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {
                        "name": "send",
                        "arguments": '{"to": "M\\u00fcller", "card": 4111111111111111, "n": 2}',
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"a/b": ["Z\\u00fcrich"]}'},
        {"role": "tool", "tool_call_id": "call_1", "name": "send", "content": "plain words"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "send",
                "description": "Sends a letter.",
                "parameters": {
                    "type": "object",
                    "properties": {"to": {"type": "string", "enum": ["Bob"]}},
                    "required": ["to"],
                },
            },
        }
    ],
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "Answer",
            "schema": {"properties": {"mood": {"title": "Mood"}}},
        },
    },
    "stop": ["END", "FIN"],
    "temperature": 0.5,
}

ARGUMENTS = "/messages/2/tool_calls/0/function/arguments/~json"


def texts(body):
    return {segment.pointer: (segment.text, segment.replaceable) for segment in segments(body)}


def test_every_string_that_a_model_reads_is_collected():
    found = texts(BODY)
    assert found["/messages/0/content"] == ("Be kind.", True)
    assert found["/messages/1/name"] == ("anna", True)
    assert found["/messages/1/content/0/text"] == ("Part one", True)
    assert found["/messages/2/tool_calls/0/function/name"] == ("send", False)
    assert found["/messages/4/content"] == ("plain words", True)
    assert found["/tools/0/function/name"] == ("send", False)
    assert found["/tools/0/function/description"] == ("Sends a letter.", True)
    to = "/tools/0/function/parameters/properties/to"
    assert found[to + NAME] == ("to", False)
    assert found[to + "/enum/0"] == ("Bob", False)
    assert found["/response_format/json_schema/name"] == ("Answer", False)
    schema = "/response_format/json_schema/schema/properties/mood"
    assert found[schema + NAME] == ("mood", False)
    assert found[schema + "/title"] == ("Mood", True)
    assert found["/stop/1"] == ("FIN", False)


def test_json_text_is_read_with_its_escapes_undone():
    found = texts(BODY)
    assert found[ARGUMENTS + "/to"] == ("Müller", True)
    assert found[ARGUMENTS + "/card"] == ("4111111111111111", True)
    assert ARGUMENTS + "/n" not in found
    assert found["/messages/3/content/~json/a~1b/0"] == ("Zürich", True)
    assert found["/messages/3/content/~json/a~1b" + NAME] == ("a/b", False)


@pytest.mark.parametrize(
    "arguments",
    ["{broken", '{"a": "first", "a": "second"}', "[" * 100_000, '"a string"', "17", "{} {}"],
)
def test_what_is_not_one_json_object_or_list_is_read_as_it_stands(arguments):
    body = deepcopy(BODY)
    body["messages"][2]["tool_calls"][0]["function"]["arguments"] = arguments
    assert texts(body)[ARGUMENTS.removesuffix("/~json")] == (arguments, True)


def test_messages_come_first_and_in_order():
    places = [segment.pointer for segment in segments(BODY)]
    messages = [place for place in places if place.startswith("/messages/")]
    assert places[: len(messages)] == messages
    assert messages == sorted(messages, key=lambda place: int(place.split("/")[2]))


def test_replacing_leaves_the_body_as_it_was_and_json_text_json():
    before = json.dumps(BODY)
    new = replaced(
        BODY,
        {
            "/messages/0/content": "Be brief.",
            "/messages/1/content/0/text": "Part [X]",
            ARGUMENTS + "/to": 'a "quoted"\nline',
            ARGUMENTS + "/card": "[CREDIT_CARD_1]",
            "/messages/3/content/~json/a~1b/0": "[LOCATION_1]",
        },
    )
    assert json.dumps(BODY) == before
    assert new["messages"][0]["content"] == "Be brief."
    assert new["messages"][1]["content"][0]["text"] == "Part [X]"
    arguments = json.loads(new["messages"][2]["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"to": 'a "quoted"\nline', "card": "[CREDIT_CARD_1]", "n": 2}
    assert json.loads(new["messages"][3]["content"]) == {"a/b": ["[LOCATION_1]"]}
    assert new["tools"] is BODY["tools"]


@pytest.mark.parametrize(
    "place",
    ["/messages/9/content", "/messages/x", "/nothing", "", "/messages/0", "/temperature/a"],
)
def test_a_place_that_is_not_there_is_named(place):
    with pytest.raises(UnknownPlace):
        replaced(BODY, {place: "x"})


names = st.text("ab/~ü\x00", min_size=1, max_size=4)
leaves = st.text('xyz "\\\n\x00ü😀[]1', max_size=8) | st.integers() | st.none() | st.booleans()
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@given(st.lists(st.dictionaries(names, trees, max_size=3), max_size=3), trees)
def test_every_place_can_be_replaced_by_its_own_text(messages, arguments):
    call = {"function": {"name": "f", "arguments": json.dumps(arguments)}}
    body = {"messages": [*messages, {"role": "assistant", "tool_calls": [call]}]}
    found = [segment for segment in segments(body) if segment.replaceable]
    again = replaced(body, {segment.pointer: f"<{segment.text}>" for segment in found})
    assert [s.text for s in segments(again) if s.replaceable] == [f"<{s.text}>" for s in found]


@given(st.lists(names, min_size=1))
def test_pointers_escape_as_rfc_6901_says(path):
    assert [
        t.replace("~1", "/").replace("~0", "~") for t in pointer(*path).split("/")[1:]
    ] == path


@pytest.mark.parametrize(
    "body",
    [{}, {"messages": None}, {"messages": "x"}, {"messages": [1, None, "x", []]}, {"stop": 3}],
)
def test_a_body_of_another_shape_has_no_segments_but_does_no_harm(body):
    assert segments(body) == ()

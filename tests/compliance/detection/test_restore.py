import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.restore import Restorer, restore

PSEUDONYMS = {
    "[PERSON_1]": "Anna Müller",
    "[PERSON_12]": "Bob",
    "[EMAIL_ADDRESS_1]": 'a"b\\c@example.com',
    "[LOCATION_2]": "[PERSON_1]",
}
PIECES = [
    *PSEUDONYMS,
    "[PERSON_",
    "[PERSON_9]",
    "[",
    "]",
    "1",
    "PERSON",
    "_",
    "[[",
    " ",
    "é😀",
    '"',
]

streams = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


def cut(text, places):
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def streamed(chunks, *, json_escaped=False):
    restorer = Restorer(PSEUDONYMS, json_escaped=json_escaped)
    out = []
    for chunk in chunks:
        out.append(restorer.feed(chunk))
        assert restorer.held < max(map(len, PSEUDONYMS))
    return [*out, restorer.finish()]


@given(streams, st.lists(st.integers(0, 200)), st.booleans())
def test_any_split_restores_as_the_whole_does(text, places, json_escaped):
    chunks = cut(text, places)
    out = streamed(chunks, json_escaped=json_escaped)
    assert len(out) == len(chunks) + 1
    assert "".join(out) == restore(text, PSEUDONYMS, json_escaped=json_escaped)


@given(streams)
def test_one_character_at_a_time_restores_as_the_whole_does(text):
    assert "".join(streamed(list(text))) == restore(text, PSEUDONYMS)


@given(st.lists(st.sampled_from([*PSEUDONYMS, " and ", "nobody", "[x]"])), st.integers(1, 9))
def test_every_known_token_comes_back_and_nothing_else_changes(parts, size):
    text = "".join(parts)
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(streamed(chunks)) == "".join(PSEUDONYMS.get(part, part) for part in parts)


@given(st.lists(st.sampled_from([*PSEUDONYMS, " ", "x"])), st.lists(st.integers(0, 200)))
def test_restored_arguments_are_still_json(parts, places):
    text = json.dumps({"text": "".join(parts)})
    out = "".join(streamed(cut(text, places), json_escaped=True))
    assert json.loads(out) == {"text": "".join(PSEUDONYMS.get(part, part) for part in parts)}


def test_what_only_looks_like_a_token_stays_as_it_is():
    text = "[PERSON_2] [person_1] [PERSON_1 ] [PERSON_123] PERSON_1"
    assert restore(text, PSEUDONYMS) == text


def test_a_value_that_looks_like_a_token_is_not_restored_again():
    assert restore("[LOCATION_2]", PSEUDONYMS) == "[PERSON_1]"


def test_text_without_brackets_leaves_with_its_own_chunk():
    restorer = Restorer(PSEUDONYMS)
    assert [restorer.feed(c) for c in ("Hello ", "there [PER", "haps] ", "so")] == [
        "Hello ",
        "there ",
        "[PERhaps] ",
        "so",
    ]


def test_without_pseudonyms_nothing_is_held_back():
    restorer = Restorer({})
    assert restorer.feed("[PERSON_1") == "[PERSON_1"
    assert restorer.finish() == ""

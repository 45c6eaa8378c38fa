import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit.entry import (
    INTEGER_MAX,
    EntryInvalid,
    canonical,
    commitment,
    encode,
    label,
)
from tests.compliance.audit.events import LABEL_KEY, admitted, event

ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ascii_keys, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(ascii_keys, values, max_size=8))
def test_canonical_json_is_that_of_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": 0.5}, "at /a is a float"),
        ({"a": [1, {"b": float("nan")}]}, "at /a/1/b is a float"),
        ({"a": INTEGER_MAX + 1}, "at /a is beyond 2"),
        ({"a": -INTEGER_MAX - 1}, "at /a is beyond 2"),
        ({"ä": 1}, "not ASCII"),
        ({"a": {1: 2}}, "not ASCII"),
        ({"a": {1, 2}}, "a set, not JSON"),
        ({"a": b"bytes"}, "a bytes, not JSON"),
        ({"a": "\ud800"}, "cannot be written"),
        ([1], None),
    ],
)
def test_what_is_not_canonical_in_every_language_is_refused_by_place(value, told):
    if told is None:
        assert canonical({"list": value})
        return
    with pytest.raises(EntryInvalid, match=told) as caught:
        canonical(value)
    assert "bytes'" not in str(caught.value)


def test_nesting_has_a_bound():
    value: dict[str, object] = {}
    for _ in range(100):
        value = {"a": value}
    with pytest.raises(EntryInvalid, match="deep"):
        canonical(value)


def test_an_entry_holds_no_detail_and_commits_to_it():
    one = admitted("0" * 32, secret="Ms Muster")
    encoded = encode(one, source="web-1", epoch=2, seq=3, key=b"x" * 32)
    entry = json.loads(encoded.entry)
    assert b"Muster" not in encoded.entry
    assert b"Muster" in encoded.detail
    assert entry == {
        "application": label(LABEL_KEY, "0" * 32),
        "detail": commitment(b"x" * 32, encoded.detail),
        "epoch": 2,
        "request": "0" * 32,
        "seq": 3,
        "source": "web-1",
        "time": entry["time"],
        "type": "request.admitted",
        "v": 1,
    }
    assert entry["time"].endswith("Z")
    assert len(entry["time"]) == 20
    assert json.loads(encoded.detail)["time"] == one.time


def test_absent_fields_are_omitted():
    encoded = encode(event("policy.proposed"), source="console", epoch=1, seq=0, key=bytes(32))
    assert set(json.loads(encoded.entry)) == {
        "detail", "epoch", "seq", "source", "time", "type", "v",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"source": "Web 1"}, "not a source"),
        ({"key": b"short"}, "32 bytes"),
    ],
)
def test_a_wrong_place_is_refused(changes, told):
    place = {"source": "web-1", "epoch": 1, "seq": 0, "key": bytes(32)} | changes
    with pytest.raises(EntryInvalid, match=told):
        encode(admitted(), **place)


def test_a_detail_must_not_hide_the_events_time():
    with pytest.raises(EntryInvalid, match="'time'"):
        encode(admitted(time=7), source="web-1", epoch=1, seq=0, key=bytes(32))


def test_the_detail_has_a_bound():
    with pytest.raises(EntryInvalid, match="bytes"):
        encode(admitted(text="x" * 2**20), source="web-1", epoch=1, seq=0, key=bytes(32))

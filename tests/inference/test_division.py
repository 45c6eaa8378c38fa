"""The GPUs of a node are divided: each belongs to one model at a time."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.division import need, share, visible
from inference.registry import CATALOGUE

NODE = tuple(f"GPU-{letter * 8}" for letter in "abcdefgh")
SOME = st.lists(st.sampled_from(NODE), unique=True)
SHIPPED = next(iter(CATALOGUE.values()))


@pytest.mark.parametrize(
    ("engine", "options", "gpus"),
    [
        ("llamacpp", {"tensor_parallel": 4}, 0),
        ("vllm", {}, 1),
        ("vllm", {"tensor_parallel": 4}, 4),
        ("vllm", {"tensor_parallel": 4, "pipeline_parallel": 2}, 8),
    ],
)
def test_a_model_needs_a_gpu_for_each_part_of_each_stage(engine, options, gpus):
    assert need(dataclasses.replace(SHIPPED, engine=engine, options=options)) == gpus


@given(count=st.integers(1, 9), there=SOME, held=SOME, had=SOME, others=SOME)
def test_a_model_gets_as_many_as_it_needs_of_those_that_nobody_holds_or_none(
    count, there, held, had, others
):
    found = share(count, there, held=held, had=had, others=others)
    free = {*there} - {*held}
    if found is None:
        assert count > len(free)
    else:
        assert len(found) == len({*found}) == count
        assert {*found} <= free


@given(count=st.integers(1, 8), there=SOME, held=SOME, had=SOME, others=SOME)
def test_what_a_model_was_given_it_is_given_again_while_that_is_free(
    count, there, held, had, others
):
    found = share(count, there, held=held, had=had, others=others)
    if found is not None:
        more = [gpu for gpu in NODE if gpu not in there]
        assert share(count, [*more, *there], held=held, had=found, others=others) == found


@given(
    st.lists(st.tuples(st.sampled_from("mnopq"), st.integers(0, 4)), min_size=1, max_size=30)
)
def test_whatever_starts_and_ends_no_two_models_have_a_gpu_in_common(events):
    """Zero ends a model; one that ended gets its own again where nobody needed them."""
    running: dict[str, tuple[str, ...]] = {}
    for model, count in events:
        running.pop(model, None)
        held = {gpu for gpus in running.values() for gpu in gpus}
        found = share(count, NODE, held=held) if count else None
        if found is not None:
            running[model] = found
        owned = [gpu for gpus in running.values() for gpu in gpus]
        assert len(owned) == len({*owned})


def test_who_comes_back_finds_its_own_though_another_came_meanwhile():
    first, second = NODE[:2], NODE[2:4]
    came = share(2, NODE[:6], held=second, others=first)
    assert came == NODE[4:6]
    assert share(2, NODE[:6], held=(*second, *NODE[4:6]), had=first) == first


def test_without_another_choice_those_of_one_that_does_not_run_are_given():
    assert share(2, NODE[:3], held=NODE[2:3], others=NODE[:2]) == NODE[:2]


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (None, NODE),
        ("", ()),
        ("-1", ()),
        ("2,0", (NODE[2], NODE[0])),
        (f"{NODE[1]}, GPU-dd", (NODE[1], NODE[3])),
        ("0,9,1", (NODE[0],)),
        ("0,0,1", (NODE[0],)),
        ("GPU-", ()),
        ("MIG-1", ()),
    ],
)
def test_only_what_the_operator_shows_the_node_is_divided(told, seen):
    assert visible(NODE, told) == seen

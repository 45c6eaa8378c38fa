"""The GPUs of a node are divided: each belongs to one model at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.division import able, share, visible
from inference.inventory import GPU
from inference.room import Need, needed, room

NAMES = tuple(f"GPU-{letter * 8}" for letter in "abcdefgh")
SOME = st.lists(st.sampled_from(NAMES), unique=True)


def gpu(name: str, memory: int = 80, *problems: str) -> GPU:
    return GPU(name="H100", uuid=name, memory=memory, used=0, problems=list(problems))


NODE = tuple(map(gpu, NAMES))
ODD = st.lists(
    st.builds(gpu, st.sampled_from(NAMES), st.integers(1, 4)), unique_by=lambda one: one.uuid
)  # of several sizes
needs = st.builds(Need, gpus=st.integers(1, 4), each=st.integers(0, 5))


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
    assert needed(engine, 1, options).gpus == gpus


@given(need=needs, there=ODD, held=SOME, had=SOME, others=SOME)
def test_a_model_gets_as_many_as_it_needs_of_those_that_nobody_holds_or_none(
    need, there, held, had, others
):
    found = share(need, there, held=held, had=had, others=others)
    free = {one.uuid for one in able(need, there)} - {*held}
    if found is None:
        assert need.gpus > len(free)
    else:
        assert len(found) == len({*found}) == need.gpus
        assert {*found} <= free


@given(need=needs, there=ODD, held=SOME, had=SOME, others=SOME)
def test_what_a_model_was_given_it_is_given_again_while_that_is_free(
    need, there, held, had, others
):
    found = share(need, there, held=held, had=had, others=others)
    if found is not None:
        least = min(one.memory for one in there)
        names = {one.uuid for one in there}
        more = [gpu(name, least) for name in NAMES if name not in names]
        assert share(need, [*more, *there], held=held, had=found, others=others) == found


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("mnop")), min_size=2, max_size=8))
def test_all_that_placing_finds_room_for_can_start_in_whatever_order_it_does(divided):
    """A way to divide the GPUs, from which the models' needs follow: so there is room."""
    there = [gpu(name, memory) for name, (memory, _) in zip(NAMES, divided, strict=False)]
    models = {model for _, model in divided}
    groups = [[memory for memory, model in divided if model == one] for one in sorted(models)]
    first, *rest = (Need(gpus=len(group), each=min(group)) for group in groups)
    assert room(first, rest, [memory for memory, _ in divided], 0)
    held: set[str] = set()
    for need in (first, *rest):
        found = share(need, there, held=held)
        assert found is not None
        held |= {*found}


def test_a_small_model_leaves_the_large_gpu_to_one_that_needs_it():
    there = [gpu("GPU-h100", 80), gpu("GPU-t400", 4)]
    assert share(Need(gpus=1, each=3), there, held=()) == ("GPU-t400",)
    assert share(Need(gpus=1, each=60), [*reversed(there)], held=()) == ("GPU-h100",)
    assert share(Need(gpus=1, each=60), there, held={"GPU-h100"}) is None
    assert share(Need(gpus=1, each=90), there, held=()) == ("GPU-h100",), "nothing is larger"


def test_of_a_gpu_whose_memory_got_sick_a_model_is_rid_where_another_is_free():
    sick = gpu("GPU-a", 80, "its memory")
    one = Need(gpus=1)
    assert share(one, [sick, gpu("GPU-b")], held=(), had=["GPU-a"]) == ("GPU-b",)
    assert share(one, [sick, gpu("GPU-b")], held={"GPU-b"}, had=["GPU-a"]) == ("GPU-a",)


@given(
    st.lists(st.tuples(st.sampled_from("mnopq"), st.integers(0, 4)), min_size=1, max_size=30)
)
def test_whatever_starts_and_ends_no_two_models_have_a_gpu_in_common(events):
    """Zero ends a model; one that ended gets its own again where nobody needed them."""
    running: dict[str, tuple[str, ...]] = {}
    for model, count in events:
        running.pop(model, None)
        held = {gpu for gpus in running.values() for gpu in gpus}
        found = share(Need(gpus=count), NODE, held=held) if count else None
        if found is not None:
            running[model] = found
        owned = [gpu for gpus in running.values() for gpu in gpus]
        assert len(owned) == len({*owned})


def test_who_comes_back_finds_its_own_though_another_came_meanwhile():
    two = Need(gpus=2)
    first, second = NAMES[:2], NAMES[2:4]
    came = share(two, NODE[:6], held=second, others=first)
    assert came == NAMES[4:6]
    assert share(two, NODE[:6], held=(*second, *NAMES[4:6]), had=first) == first


def test_without_another_choice_those_of_one_that_does_not_run_are_given():
    assert share(Need(gpus=2), NODE[:3], held=NAMES[2:3], others=NAMES[:2]) == NAMES[:2]


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (None, NAMES),
        ("", ()),
        ("-1", ()),
        ("2,0", (NAMES[2], NAMES[0])),
        (f"{NAMES[1]}, GPU-dd", (NAMES[1], NAMES[3])),
        ("0,9,1", (NAMES[0],)),
        ("0,0,1", (NAMES[0],)),
        ("GPU-", ()),
        ("MIG-1", ()),
    ],
)
def test_only_what_the_operator_shows_the_node_is_divided(told, seen):
    assert visible(NAMES, told) == seen

"""Which nodes serve a model: the laws of `placing.plan`, and what each rule of it says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.fit import GIB
from inference.placing import Machine, Placed, Plan, Said, Wanted, lacking, plan
from inference.room import Need, needed, room

HERE, OTHER = "a" * 64, "b" * 64
SMALL = needed("llamacpp", GIB, {})
LARGE = needed("vllm", 140 * GIB, {"tensor_parallel": 4})
H100 = 80 * GIB
WANTED = Wanted(digest=HERE, engine="vllm", replicas=1, need=LARGE)
RICH = Said(files=frozenset({HERE}), gpus=(H100,) * 4, memory=512 * GIB)

needs = st.sampled_from((Need(), SMALL, LARGE, needed("vllm", 8 * GIB, {})))
said = st.builds(
    Said,
    files=st.frozensets(st.sampled_from((HERE, OTHER))),
    whole=st.booleans(),
    engines=st.frozensets(st.sampled_from(("vllm", "llamacpp"))),
    gpus=st.lists(st.sampled_from((H100, 24 * GIB)), max_size=8).map(tuple),
    memory=st.sampled_from((8 * GIB, 512 * GIB)),
)
names = st.sampled_from([f"node-{number}" for number in range(6)])
machines = st.lists(
    st.builds(
        Machine,
        name=names,
        open=st.booleans(),
        said=st.none() | said,
        serves=st.dictionaries(st.sampled_from(("x", "y")), needs),
    ),
    unique_by=lambda one: one.name,
)
placements = st.lists(
    st.builds(
        Placed, node=names, pinned=st.booleans(), active=st.booleans(), named=st.booleans()
    ),
    unique_by=lambda one: one.node,
)
wishes = st.builds(
    Wanted,
    digest=st.just(HERE),
    engine=st.sampled_from(("vllm", "llamacpp")),
    replicas=st.integers(1, 4),
    need=needs,
    among=st.none() | st.frozensets(names),
)


def after(placed: list[Placed], made: Plan) -> list[Placed]:
    """What is placed once the plan is carried out."""
    kept = [one for one in placed if not one.active or one.node in made.stay]
    return [*kept, *(Placed(node=name) for name in made.add)]


@given(wishes, placements, machines)
def test_there_are_never_more_than_wanted_and_what_lacks_is_told(wanted, placed, known):
    made = plan(wanted, placed, known)
    serving = {*made.stay, *made.add}
    assert len(serving) == len(made.stay) + len(made.add) == wanted.replicas - made.missing
    assert made.missing >= 0
    assert bool(lacking(wanted, after(placed, made), known, "home")) == bool(made.missing)
    active = {one.node for one in placed if one.active}
    assert active == {*made.stay, *made.drop}
    assert not {*made.stay} & {*made.drop}


@given(wishes, placements, machines)
def test_nothing_is_put_where_it_cannot_be_nor_where_a_person_took_it_away(
    wanted, placed, known
):
    made = plan(wanted, placed, known)
    by_name = {one.name: one for one in known}
    pinned = {one.node for one in placed if one.pinned}
    assert not {one.node for one in placed} & {*made.add}
    for name in {*made.stay, *made.add} - pinned:
        machine = by_name[name]
        assert machine.open
        assert wanted.among is None or name in wanted.among
        assert machine.said is None or not machine.said.whole or HERE in machine.said.files
    for name in made.add:
        machine = by_name[name]
        if machine.said is not None:
            beside = machine.serves.values()
            there = machine.said
            assert room(wanted.need, beside, there.gpus, there.memory) is not False
            assert not there.engines or wanted.engine in there.engines


@given(wishes, placements, machines)
def test_a_plan_that_was_carried_out_changes_nothing_any_more(wanted, placed, known):
    first = plan(wanted, placed, known)
    again = plan(wanted, after(placed, first), known)
    assert (again.add, again.drop) == ((), ())
    assert again.missing == first.missing


@given(wishes, placements, machines, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(wanted, placed, known, chance):
    expected = plan(wanted, placed, known)
    chance.shuffle(placed)
    chance.shuffle(known)
    assert plan(wanted, placed, known) == expected


@given(wishes, placements, machines, said)
def test_a_node_more_moves_nothing_that_is_placed(wanted, placed, known, told):
    settled = after(placed, plan(wanted, placed, known))
    more = Machine(name="node-9", said=told)
    made = plan(wanted, settled, [*known, more])
    assert made.drop == ()
    assert {*made.add} <= {"node-9"}


def test_it_goes_where_the_files_are_then_where_least_is_then_by_name():
    known = [
        Machine(name="a"),  # silent
        Machine(name="b", said=RICH, serves={"x": Need()}),
        Machine(name="d", said=RICH),
        Machine(name="c", said=RICH),
        Machine(name="e", said=replace(RICH, files=frozenset({OTHER}))),
    ]
    order = [plan(replace(WANTED, replicas=count), [], known).add for count in range(1, 6)]
    assert order == [
        ("c",),
        ("c", "d"),
        ("b", "c", "d"),
        ("a", "b", "c", "d"),
        ("a", "b", "c", "d"),
    ]


def test_of_too_many_those_stay_that_a_person_chose_and_the_silent_go_first():
    known = [Machine(name="a"), Machine(name="b", said=RICH), Machine(name="c", said=RICH)]
    placed = [Placed(node=name, pinned=name == "c") for name in "abc"]
    assert plan(replace(WANTED, replicas=2), placed, known).drop == ("a",)
    assert plan(WANTED, placed, known).stay == ("c",)
    assert plan(WANTED, [replace(placed[0], named=True), *placed[1:]], known).stay == ("a",)


def test_what_was_placed_leaves_a_closed_node_for_another_unless_a_person_chose_it():
    known = [Machine(name="a", open=False, said=RICH), Machine(name="b", said=RICH)]
    made = plan(WANTED, [Placed(node="a")], known)
    assert (made.drop, made.add) == (("a",), ("b",))
    assert plan(WANTED, [Placed(node="a", pinned=True)], known).stay == ("a",)


def test_an_adapter_goes_only_where_its_base_is():
    known = [Machine(name="a", said=RICH), Machine(name="b", said=RICH)]
    claims = replace(WANTED, need=Need(), replicas=2, among=frozenset({"b"}))
    assert plan(claims, [Placed(node="a")], known) == Plan(
        stay=(), add=("b",), drop=("a",), missing=1
    )
    assert "adapter" in lacking(claims, [Placed(node="b")], known, "home")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ([], "home has no node; enrol one"),
        ([Machine(name="a", open=False)], "no node of home is open for requests"),
        (
            [Machine(name="a", said=Said(files=frozenset()))],
            "no node of home has the files; bring them with `models place`",
        ),
        (
            [Machine(name="a", said=replace(RICH, gpus=(H100,) * 3))],
            "no node of home that has the files has room for it and its engine",
        ),
        ([Machine(name="a", said=RICH)], ""),
    ],
)
def test_why_a_replica_is_missing_is_told_with_what_helps(known, told):
    assert lacking(WANTED, [], known, "home") == told


GPUS = (H100,) * 4


@pytest.mark.parametrize(
    ("need", "beside", "gpus", "memory", "fits"),
    [
        (LARGE, [], GPUS, 0, True),
        (LARGE, [], (24 * GIB,) * 8, 0, False),  # too small each
        (LARGE, [LARGE], GPUS, 0, False),  # they are taken
        (LARGE, [LARGE], GPUS * 2, 0, True),
        (needed("vllm", 8 * GIB, {}), [LARGE], (*GPUS, 24 * GIB), 0, True),
        (LARGE, [needed("vllm", 8 * GIB, {})], (*GPUS, 24 * GIB), 0, True),
        (LARGE, [], (), 512 * GIB, None),  # on the CPU, perhaps
        (LARGE, [], (), 8 * GIB, False),
        (SMALL, [], (), 2 * GIB, True),
        (SMALL, [SMALL], (), 2 * GIB, False),
        (SMALL, [LARGE], GPUS, 2 * GIB, True),  # what is on GPUs takes no main memory
        (Need(), [SMALL], (), 2 * GIB, True),
    ],
)
def test_a_gpu_is_one_models_alone_and_must_hold_its_share(need, beside, gpus, memory, fits):
    assert room(need, beside, gpus, memory) is fits
    shuffled = random.Random(1).sample(gpus, len(gpus))
    assert room(need, beside, shuffled, memory) is fits


def test_pipelines_multiply_the_gpus_that_each_layer_is_shared_by():
    both = needed("vllm", 140 * GIB, {"tensor_parallel": 2, "pipeline_parallel": 2})
    assert both == LARGE

"""Requests go where they may, to who can, and no more of them than may wait."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.vocabulary import NoRoute, Place
from inference import routing
from inference.relay import connect
from inference.routing import Berth, Overloaded, RoutingTable, Sign, Traffic
from inference.waiting import WAITING_ROOM
from tests.services.waiting import PATIENCE


def berth(site: str, *nodes: str, limit: int = 2) -> Berth:
    place = Place(site, "DE", bytes(32), "m", "0" * 64, "MIT", f"inference.{site}.m")
    return Berth(place, frozenset(nodes), limit)


TABLE = RoutingTable(models={}, berths={"m": (berth("east", "e1"), berth("west", "w1", "w2"))})


MODELS = {"m": "0" * 64}
IDLE = Sign(healthy=True, capacity=4, running=0, waiting=0, models=MODELS)


def sign(running: int = 0, waiting: int = 0, capacity: int = 4, **more: Any) -> Sign:
    more = {"models": MODELS} | more
    return Sign(healthy=True, capacity=capacity, running=running, waiting=waiting, **more)


def traffic(*alive: str, **said: Sign) -> Traffic:
    """Nodes that are idle, and nodes that say something."""
    busy = Traffic()
    busy.nodes = dict.fromkeys(alive, IDLE) | said
    return busy


def held(busy: Traffic) -> int:
    return sum(queue.total for queue in busy.queues.values())


def chosen(busy: Traffic, number: int, sites: tuple[str, ...] | None = None) -> list[str]:
    """The sites of so many requests in a row, none of which ends."""
    table = RoutingTable(
        models={},
        berths={"m": (berth("east", "e1", limit=99), berth("west", "w1", "w2", limit=99))},
    )
    return [busy.passage(table, "a")("m", sites).site for _ in range(number)]


def test_the_site_with_fewer_requests_is_chosen():
    busy = traffic("e1", "w1")
    sites = [busy.passage(TABLE, "a")("m", None).site for _ in range(4)]
    assert sorted(sites) == ["east", "east", "west", "west"]


def test_only_permitted_sites_are_chosen():
    busy = traffic("e1", "w1")
    assert [busy.passage(TABLE, "a")("m", ("west",)).site for _ in range(6)] == ["west"] * 6
    with pytest.raises(Overloaded):
        busy.passage(TABLE, "a")("m", ("west",))


@pytest.mark.parametrize(
    ("alive", "sites", "words"),
    [
        ((), None, "east, west"),
        (("e1",), ("west",), "west"),
        (("e1",), ("north",), "permits north"),
        (("e1",), (), "permits no site"),
    ],
)
def test_where_nobody_permitted_lives_there_is_no_route(alive, sites, words):
    with pytest.raises(NoRoute, match=words):
        traffic(*alive).passage(TABLE, "a")("m", sites)


@pytest.mark.parametrize("models", [{}, {"m": "1" * 64}, {"other": "0" * 64}])
def test_a_node_that_answers_with_another_model_than_the_registered_one_is_no_place(models):
    busy = traffic("e1", w1=sign(models=models))
    assert chosen(busy, 3) == ["east"] * 3
    with pytest.raises(NoRoute, match="west"):
        busy.passage(TABLE, "a")("m", ("west",))
    assert chosen(traffic("e1", w1=sign(models=MODELS)), 2) != ["east"] * 2


def test_one_living_node_of_a_site_is_enough():
    assert traffic("w2").passage(TABLE, "a")("m", None).site == "west"


@given(st.lists(st.sampled_from(["route", "again", "close"]), max_size=40))
def test_what_is_left_in_the_queue_is_what_was_not_closed(steps):
    busy = traffic(e1=sign(capacity=1), w1=sign(capacity=1))
    passages = []
    for step in steps:
        try:
            if step == "route":
                passages.append(busy.passage(TABLE, "a"))
                passages[-1]("m", None)
            elif step == "again" and passages:
                passages[-1]("m", None)
            elif passages:
                passages[-1].close()
                passages.pop().close()
        except Overloaded:
            assert held(busy) == 6
            passages.pop()
        assert held(busy) == len(passages) <= 6
    for passage in passages:
        passage.close()
    assert not held(busy)


def test_the_site_whose_nodes_say_they_have_less_to_do_is_preferred():
    assert chosen(traffic(e1=sign(running=4, waiting=2), w1=IDLE), 4) == ["west"] * 4
    assert chosen(traffic(e1=IDLE, w1=sign(running=1)), 1) == ["east"]


def test_what_waits_counts_as_what_runs():
    busy = traffic(e1=sign(running=4, waiting=9), w1=sign(running=4, waiting=1))
    assert chosen(busy, 1) == ["west"]


def test_the_load_is_in_proportion_to_what_the_nodes_can_run_at_once():
    busy = traffic(e1=sign(capacity=1), w1=sign(capacity=3), w2=sign(capacity=1))
    assert sorted(chosen(busy, 10)) == ["east"] * 2 + ["west"] * 8
    assert chosen(traffic(e1=sign(1, capacity=1), w1=sign(3, capacity=8)), 1) == ["west"]


def test_a_burst_is_spread_before_the_nodes_have_said_what_they_got():
    busy = traffic(e1=IDLE, w1=sign(running=1))
    assert sorted(chosen(busy, 8)) == ["east"] * 4 + ["west"] * 4


def test_the_least_loaded_site_is_not_chosen_where_the_policy_does_not_permit_it():
    busy = traffic(e1=sign(running=4, waiting=200), w1=IDLE)
    assert chosen(busy, 3, ("east",)) == ["east"] * 3


def test_a_full_queue_is_left_for_a_site_with_more_to_do():
    busy = traffic(e1=sign(capacity=1), w1=sign(running=4, waiting=80))
    sites = [busy.passage(TABLE, "a")("m", None).site for _ in range(4)]
    assert sites == ["east", "east", "east", "west"]


def test_a_site_whose_engines_have_no_memory_left_counts_as_loaded():
    """Ten of 256 slots are taken, and nine tenths of the cache: one more fits, not 246."""
    tight = sign(running=10, capacity=256, cache=0.9)
    assert 11 <= tight.fits < 12
    assert chosen(traffic(e1=tight, w1=sign(running=3)), 1) == ["west"]
    assert chosen(traffic(e1=sign(running=10, capacity=256, cache=0.1), w1=sign(3)), 1) == [
        "east"
    ]


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (sign(running=2, capacity=8), 8),
        (sign(running=2, capacity=8, cache=0.0), 8),
        (sign(running=2, capacity=8, cache=0.001), 8),
        (sign(running=4, capacity=8, cache=0.5), 8),
        (sign(running=4, capacity=8, cache=1.0), 4),
        (sign(running=9, capacity=64, cache=1.0, waiting_engine=5), 4),
        (sign(running=5, capacity=64, cache=1.0, waiting_engine=5), 1),
        (sign(running=0, capacity=64, cache=1.0), 1),
    ],
)
def test_as_many_fit_an_engine_as_its_slots_and_its_cache_allow(said, fits):
    assert said.fits == fits


def test_the_engines_memory_bounds_who_may_wait_there():
    """What fits is let in beside those that may wait; all of 256 slots would be too many."""
    table = RoutingTable(models={}, berths={"m": (berth("east", "e1", limit=4),)})
    busy = traffic(e1=sign(running=10, capacity=256, cache=1.0))
    for _ in range(10 + 3):
        busy.passage(table, "a")("m", None)
    with pytest.raises(Overloaded):
        busy.passage(table, "a")("m", None)


def test_no_more_wait_than_the_nodes_speak_for_whatever_the_limit_is():
    table = RoutingTable({}, {"m": (berth("east", "e1", "e2", limit=10_000),)}, processes=2)
    busy = traffic(e1=sign(capacity=4))
    for _ in range(2 + WAITING_ROOM // 2 * 3 // 4):
        busy.passage(table, "a")("m", None)
    with pytest.raises(Overloaded):
        busy.passage(table, "a")("m", None)


def test_a_model_and_its_adapters_wait_in_one_queue():
    """One engine answers with all of them."""
    adapter = berth("east", "e1", limit=1)
    adapter = replace(adapter, place=replace(adapter.place, model="m:a", model_digest="a" * 64))
    table = RoutingTable({}, {"m": (berth("east", "e1", limit=1),), "m:a": (adapter,)})
    busy = traffic(e1=sign(capacity=1, models=MODELS | {"m:a": "a" * 64}))
    for name in ("m", "m:a"):
        assert busy.passage(table, "a")(name, None).model == name
    for name in ("m", "m:a"):
        with pytest.raises(Overloaded):
            busy.passage(table, "a")(name, None)


def test_web_processes_share_what_fits_the_engines():
    table = RoutingTable({}, {"m": (berth("east", "e1", limit=1),)}, processes=2)
    busy = traffic(e1=sign(capacity=4))
    for _ in range(2 + 1):
        busy.passage(table, "a")("m", None)
    with pytest.raises(Overloaded):
        busy.passage(table, "a")("m", None)


def test_a_batch_is_turned_away_before_an_interactive_request_is():
    table = RoutingTable({}, {"m": (berth("east", "e1", limit=8),)})
    busy = traffic(e1=sign(capacity=1))
    for _ in range(1 + 4):
        busy.passage(table, "a", batch=True)("m", None)
    with pytest.raises(Overloaded):
        busy.passage(table, "b", batch=True)("m", None)
    assert busy.passage(table, "b")("m", None).site == "east"


def test_whoever_is_turned_away_hears_when_to_come_again():
    busy = traffic(e1=sign(capacity=1))
    table = RoutingTable({}, {"m": (berth("east", "e1", limit=1),)})
    for _ in range(2):
        busy.passage(table, "a")("m", None)
    with pytest.raises(Overloaded, match="try again in 1 s") as raised:
        busy.passage(table, "a")("m", None)
    assert raised.value.again == 1


signs = st.builds(
    sign, st.integers(0, 40), st.integers(0, 400), capacity=st.integers(min_value=1)
)


@given(st.dictionaries(st.sampled_from(["e1", "w1", "w2"]), signs, min_size=1))
def test_an_idle_process_chooses_a_site_with_the_lowest_load(said):
    loads = {
        site: sum(s.running + s.waiting for s in told) / sum(s.capacity for s in told)
        for site, nodes in (("east", ("e1",)), ("west", ("w1", "w2")))
        if (told := [said[name] for name in nodes if name in said])
    }
    (site,) = chosen(traffic(**said), 1)
    assert loads[site] == min(loads.values())


async def test_nodes_are_seen_by_their_keys_and_unseen_without_a_broker(valkey, redis):
    await redis.set("node:e1", SAYS)
    busy = Traffic()
    await busy.start(redis)
    assert busy.alive == {"e1"}
    await busy.stop()
    nobody = connect(valkey.url + ".gone")
    await busy.start(nobody)
    assert busy.alive == frozenset()
    await busy.stop()
    await nobody.aclose()


def test_a_node_that_serves_two_models_is_as_busy_for_each_as_its_worker_says():
    busy = traffic(**{"w1/other": IDLE, "w2/m": sign(running=1), "e1/m": sign(running=3)})
    assert [busy.of("w1", "m"), busy.of("w1", "other")] == [None, IDLE]
    assert busy.of("w2", "m:adapter") is busy.of("w2", "m")
    assert busy.of("w2", "m") is not None
    assert busy.alive == {"w1", "w2", "e1"}
    assert chosen(busy, 1) == ["west"]
    with pytest.raises(NoRoute, match="west"):
        traffic(**{"w1/other": IDLE}).passage(TABLE, "a")("m", ("west",))


async def test_stopping_ends_while_nodes_are_being_looked_at(redis, monkeypatch):
    """The broker's client loses a cancellation that meets a reply; no stop may hang then."""
    monkeypatch.setattr(routing, "WATCH_INTERVAL", 0)
    await redis.set("node:e1", SAYS)
    for number in range(20):
        busy = Traffic()
        await busy.start(redis)
        await asyncio.sleep(0.001 * number)
        async with asyncio.timeout(PATIENCE):
            await busy.stop()


SAYS = json.dumps(
    {"site": "east", "healthy": True, "capacity": 4, "running": 3, "waiting": 1, "since": 7}
    | {"models": MODELS}
)


@pytest.mark.parametrize(
    "said",
    [
        SAYS.replace("true", "false"),
        SAYS.replace('"healthy": true, ', ""),
        SAYS.replace('"capacity": 4', '"capacity": 0'),
        SAYS.replace('"waiting": 1', '"waiting": -1'),
        SAYS.replace('"waiting": 1', '"waiting": 1' + 400 * "0"),
        "1",
        "",
        b"\xff",
    ],
)
async def test_a_node_whose_engine_is_down_or_that_cannot_be_understood_is_no_place(
    redis, said
):
    await redis.set("node:e1", said)
    await redis.set(b"node:\xff", SAYS)
    await redis.set("node:w1", SAYS)
    busy = Traffic()
    await busy.start(redis)
    await busy.stop()
    assert busy.nodes["w1"] == sign(running=3, waiting=1)
    assert "e1" not in busy.alive
    with pytest.raises(NoRoute, match="east"):
        busy.passage(TABLE, "a")("m", ("east",))
    assert busy.passage(TABLE, "a")("m", None).site == "west"

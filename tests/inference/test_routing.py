"""Requests go where they may, to who lives, and no more of them than may wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.vocabulary import NoRoute, Place
from inference.relay import connect
from inference.routing import Berth, Overloaded, RoutingTable, Traffic


def berth(site: str, *nodes: str, limit: int = 2) -> Berth:
    place = Place(site, "DE", bytes(32), "m", "0" * 64, "MIT", f"inference.{site}.m")
    return Berth(place, frozenset(nodes), limit)


TABLE = RoutingTable(models={}, berths={"m": (berth("east", "e1"), berth("west", "w1", "w2"))})


def traffic(*alive: str) -> Traffic:
    busy = Traffic()
    busy.alive = frozenset(alive)
    return busy


def test_the_site_with_fewer_requests_is_chosen():
    busy = traffic("e1", "w1")
    sites = [busy.passage(TABLE)("m", None).site for _ in range(4)]
    assert sorted(sites) == ["east", "east", "west", "west"]


def test_only_permitted_sites_are_chosen():
    busy = traffic("e1", "w1")
    assert [busy.passage(TABLE)("m", ("west",)).site for _ in range(2)] == ["west"] * 2
    with pytest.raises(Overloaded):
        busy.passage(TABLE)("m", ("west",))


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
        traffic(*alive).passage(TABLE)("m", sites)


def test_one_living_node_of_a_site_is_enough():
    assert traffic("w2").passage(TABLE)("m", None).site == "west"


@given(st.lists(st.sampled_from(["route", "again", "close"]), max_size=40))
def test_what_is_left_in_the_queue_is_what_was_not_closed(steps):
    busy = traffic("e1", "w1")
    passages = []
    for step in steps:
        try:
            if step == "route":
                passages.append(busy.passage(TABLE))
                passages[-1]("m", None)
            elif step == "again" and passages:
                passages[-1]("m", None)
            elif passages:
                passages[-1].close()
                passages.pop().close()
        except Overloaded:
            assert busy.waiting.total() == 4
            passages.pop()
        assert busy.waiting.total() == len(passages) <= 4
    for passage in passages:
        passage.close()
    assert not busy.waiting


async def test_nodes_are_seen_by_their_keys_and_unseen_without_a_broker(valkey, redis):
    await redis.set("node:e1", b"{}")
    busy = Traffic()
    await busy.start(redis)
    assert busy.alive == {"e1"}
    await busy.stop()
    nobody = connect(valkey.url + ".gone")
    await busy.start(nobody)
    assert busy.alive == frozenset()
    await busy.stop()
    await nobody.aclose()

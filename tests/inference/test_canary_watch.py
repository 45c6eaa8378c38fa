"""A node whose canary got out closes itself, whatever happens to it, until it was opened."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inference import canary_format, canary_watch
from inference.attempts import Try
from inference.canary import Outcome
from inference.canary_format import FIELD, OPENED, STREAM, Opening
from inference.canary_watch import CanaryWatch, Post
from inference.confinement import Enclosure
from tests.inference.tickets import GATEWAY, NODE
from tests.services.waiting import until

HELD = Enclosure(("devices",), "only a loopback device")
CONFINED = Outcome(
    "confined", HELD, (Try("tcp", "192.0.2.1:443", "unreachable", "ENETUNREACH"),)
)
ESCAPED = Outcome("escaped", HELD, (Try("tcp", "192.0.2.1:443", "reached", "connected"),))
UNCONFINED = Outcome("unconfined", Enclosure((), "a way out: 0.0.0.0/0 on eth0"))


class Around:
    """What is around the node: the canary finds it out by trying."""

    def __init__(self, outcome: Outcome = CONFINED) -> None:
        self.outcome = outcome

    def __call__(self) -> Outcome:
        return self.outcome


@pytest.fixture
def around():
    return Around()


@pytest.fixture
def post(tmp_path):
    keys = tmp_path / "gateway.pub"
    keys.write_text(GATEWAY.public_key().public_bytes_raw().hex() + "\n")
    return Post(
        site="home",
        node="node-1",
        key=NODE,
        state=tmp_path / "state",
        gateway=keys,
        interval=0.05,
    )


@pytest.fixture
def watch(post, redis, around):
    return CanaryWatch(post, redis, around)


async def opened(redis, closed: int, key: Ed25519PrivateKey = GATEWAY, **other: str) -> None:
    place = {"site": "home", "node": "node-1"} | other
    opening = Opening(**place, closed=closed, time=closed + 1)
    await redis.set(OPENED + "node-1", canary_format.open_again(opening, key))


async def test_a_confined_node_says_so_over_its_signature(watch):
    report = await watch.look()
    signed = canary_format.read(canary_format.sign(report, NODE))
    canary_format.verify(signed, NODE.public_key().public_bytes_raw())
    assert (report.verdict, report.layers, report.closed) == ("confined", ("devices",), 0)
    assert len(report.tries) == 1
    assert not watch.closed


async def test_it_is_run_at_the_start_and_never_where_it_is_switched_off(post, redis, around):
    await CanaryWatch(post, redis, around).begin()
    assert canary_watch.newest_file(post.state, "node-1").exists()
    other = dataclasses.replace(post, state=post.state / "other", interval=0.0)
    off = CanaryWatch(other, redis, around)
    await off.begin()
    await off.run()
    assert not canary_watch.newest_file(other.state, "node-1").exists()
    assert await redis.xlen(STREAM) == 0


async def test_one_that_got_out_is_closed_before_anything_is_written(watch, around, post):
    seen = []
    path = canary_watch.closing_file(post.state, "node-1")
    watch.follow(lambda closed: seen.append((closed, path.exists())))
    around.outcome = ESCAPED
    report = await watch.look()
    assert seen == [(False, False), (True, False)]
    assert path.exists()
    assert (report.closed, report.escapes) == (report.time, ("tcp 192.0.2.1:443",))


async def test_it_stays_closed_over_a_restart_and_however_often_it_cannot_get_out_again(
    watch, around, post, redis
):
    around.outcome = ESCAPED
    closed = (await watch.look()).closed
    again = CanaryWatch(post, redis, Around(CONFINED))
    assert again.closed
    for _ in range(3):
        report = await again.look()
        assert (report.verdict, report.closed) == ("confined", closed)
    assert again.closed


async def test_it_opens_when_an_operator_opened_it_and_it_cannot_get_out(watch, around, redis):
    around.outcome = ESCAPED
    closed = (await watch.look()).closed
    await opened(redis, closed)
    assert (await watch.look()).closed == closed, "it can still get out"
    around.outcome = UNCONFINED
    assert (await watch.look()).closed == closed, "nothing was tried"
    seen: list[bool] = []
    watch.follow(seen.append)
    around.outcome = CONFINED
    assert (await watch.look()).closed == 0
    assert seen == [True, False]


async def test_once_open_it_is_open_after_a_restart_too(watch, around, post, redis):
    around.outcome = ESCAPED
    await opened(redis, (await watch.look()).closed)
    around.outcome = CONFINED
    await watch.look()
    assert not CanaryWatch(post, redis, around).closed


async def test_workers_of_one_node_close_and_open_together(watch, around, post, redis):
    seen: list[bool] = []
    beside = CanaryWatch(post, redis, Around(CONFINED))
    beside.follow(seen.append)
    around.outcome = ESCAPED
    closed = (await watch.look()).closed
    assert (await beside.look()).closed == closed
    assert seen == [False, True]
    await opened(redis, closed)
    around.outcome = CONFINED
    assert (await watch.look()).closed == 0
    assert beside.closed, "it opens by a run of its own"
    assert (await beside.look()).closed == 0
    assert seen == [False, True, False]


async def test_one_that_still_gets_out_writes_it_down_again_where_another_opened(
    watch, around, post, redis
):
    beside = CanaryWatch(post, redis, around)
    around.outcome = ESCAPED
    closed = (await watch.look()).closed
    await beside.look()
    canary_watch.closing_file(post.state, "node-1").unlink()
    assert (await beside.look()).closed == closed
    written = canary_watch.closing(post.state, "node-1")
    assert written is not None
    assert written.closed == closed


async def test_no_other_word_opens_it(watch, around, redis):
    around.outcome = ESCAPED
    closed = (await watch.look()).closed
    around.outcome = CONFINED
    await opened(redis, closed - 1)  # of an earlier closing, played back
    assert (await watch.look()).closed
    await opened(redis, closed, key=NODE)
    assert (await watch.look()).closed
    await opened(redis, closed, node="node-2")
    assert (await watch.look()).closed
    await opened(redis, closed, site="elsewhere")
    assert (await watch.look()).closed
    await redis.set(OPENED + "node-1", b"nonsense")
    assert (await watch.look()).closed
    await opened(redis, closed)
    assert not (await watch.look()).closed


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"closed": "yes"}', b"\xff"])
def test_a_damaged_note_of_a_closing_counts_as_one(tmp_path, content):
    canary_watch.closing_file(tmp_path, "node-1").write_bytes(content)
    found = canary_watch.closing(tmp_path, "node-1")
    assert found is not None
    assert found.closed > 0
    assert canary_watch.closing(tmp_path, "node-2") is None


async def test_a_node_that_cannot_write_is_closed_all_the_same(post, redis, around):
    post.state.write_text("a file in the place of the folder")
    watch = CanaryWatch(post, redis, Around(CONFINED))
    assert watch.closed, "nobody can tell that it is open"
    post.state.unlink()
    watch = CanaryWatch(post, redis, around)
    post.state.write_text("a file in the place of the folder")
    around.outcome = ESCAPED
    await watch.look()
    assert watch.closed


async def test_the_newest_report_lies_on_the_nodes_disk(watch, post):
    report = await watch.look()
    kept = json.loads(canary_watch.newest_file(post.state, "node-1").read_bytes())
    assert kept["time"] == report.time
    assert kept["verdict"] == "confined"


async def test_it_looks_again_and_says_each_report_once(watch, around, redis):
    await watch.look()
    running = asyncio.create_task(watch.run())
    await until(lambda: redis.xlen(STREAM), "the first is said")
    around.outcome = ESCAPED

    async def closed():
        said = [fields[FIELD.encode()] for _, fields in await redis.xrange(STREAM)]
        return any(canary_format.read(one).report.closed for one in said)

    await until(closed, "the closing is said")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    said = [fields[FIELD.encode()] for _, fields in await redis.xrange(STREAM)]
    times = [canary_format.read(one).report.time for one in said]
    assert times == sorted(set(times))


async def test_a_report_waits_for_a_broker_that_is_away(post, redis, valkey, monkeypatch):
    monkeypatch.setattr(canary_watch, "AGAIN", 0.01)
    monkeypatch.setattr(canary_watch, "LOOK", 0.01)
    refusing = CanaryWatch(
        Post(**{**{name: getattr(post, name) for name in post.__slots__}, "interval": 3_600.0}),
        redis,
        Around(CONFINED),
    )
    await redis.config_resetstat()
    await redis.set(STREAM, b"not a stream")  # each command on it fails
    await refusing.look()
    running = asyncio.create_task(refusing.run())

    async def refused():
        return "errorstat_WRONGTYPE" in await redis.info("errorstats")

    await until(refused, "it was tried")
    await redis.delete(STREAM)
    await until(lambda: redis.xlen(STREAM), "it is said in the end")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

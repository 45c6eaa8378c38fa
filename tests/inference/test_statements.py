"""A node's word about its engine: believed where it is signed, and on the record once."""

import asyncio
import contextlib
import json
import threading
import time
from typing import Any

import pytest
import redis as sync_redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from compliance.models import Alarm, Event
from inference import listener, statements
from inference.models import EngineStart, Model, Node
from inference.refusals import FIELD as REFUSED
from inference.relay import connect
from inference.starts import REFUSALS, Refusals, Starts, recorded
from inference.statements import FIELD, STREAM, Statement, StatementRefused
from tests.compliance.admin import stories
from tests.compliance.admin.stories import NODE_KEY
from tests.services.waiting import wait_until

pytestmark = pytest.mark.database


@pytest.fixture
def enrolled(database):
    stories.machines()


@pytest.fixture
def broker(valkey):
    with sync_redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as client:
        client.flushall()
        yield client


def statement(**changes):
    fields: dict[str, Any] = {
        "node": "node-1",
        "site": "home",
        "model": "smollm2-135m-instruct",
        "weights": stories.DIGEST,
        "engine": "llamacpp",
        "version": "xllamacpp-1",
        "started": time.time_ns() // 1000,
        "capacity": 4,
    }
    return Statement(**fields | changes)


def said(key=NODE_KEY, **changes):
    return statements.sign(statement(**changes), key)


def started():
    found = Event.objects.filter(type="engine.started").order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in found]


def refused(content):
    with pytest.raises(StatementRefused) as caught:
        recorded(content)
    return caught.value.reason


def test_a_statement_is_recorded_with_what_was_signed(enrolled):
    one = statement()
    recorded(statements.sign(one, NODE_KEY))
    [detail] = started()
    assert detail["weights"] == stories.DIGEST
    assert detail["engine"] == "llamacpp xllamacpp-1"
    signed = statements.read(
        json.dumps(
            {"statement": detail["statement"], "signature": detail["signature"]}
        ).encode()
    )
    statements.verify(signed, bytes(Node.objects.get().public_key))
    assert signed.statement == one


def test_a_statement_that_comes_again_is_recorded_once(enrolled):
    content = said()
    for _ in range(3):
        recorded(content)
    assert len(started()) == 1
    assert EngineStart.objects.count() == 1


def test_an_older_statement_played_back_is_refused(enrolled):
    older, newer = said(started=1_000_000), said()
    recorded(older)
    recorded(newer)
    assert refused(older) == "replayed"
    assert len(started()) == 2


def test_a_forged_statement_is_refused(enrolled):
    assert refused(said(Ed25519PrivateKey.generate())) == "bad_signature"
    changed = json.loads(said())
    changed["statement"]["weights"] = "00" * 32
    assert refused(json.dumps(changed).encode()) == "bad_signature"
    assert not started()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"node": "node-2"}, "unknown_node"),
        ({"engine": "llama\0cpp"}, "malformed"),
        ({"version": "\0"}, "malformed"),
        ({"site": "elsewhere"}, "wrong_site"),
        ({"model": "another"}, "unknown_model"),
        ({"weights": "00" * 32}, "unregistered_weights"),
        ({"started": (int(time.time()) + 3_600) * 1_000_000}, "in_the_future"),
    ],
)
def test_what_an_enrolled_node_must_not_say_is_refused(enrolled, changes, reason):
    assert refused(said(**changes)) == reason
    assert not started()


def test_a_node_that_is_switched_off_is_not_believed(enrolled):
    Node.objects.update(active=False)
    assert refused(said()) == "inactive_node"


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b"[1]", b"x" * 5_000, b'{"statement":{},"signature":"00"}'],
)
def test_what_cannot_be_read_is_refused(enrolled, content):
    assert refused(content) == "malformed"


def test_two_gateways_at_once_record_a_statement_once(enrolled):
    content = said()
    outcomes = []

    def take():
        try:
            outcomes.append(recorded(content))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert len(started()) == 1


def test_refusals_are_recorded_with_their_reason_and_not_without_end(enrolled):
    refusals = Refusals(clock=lambda: 0.0)  # no minute ends meanwhile
    for _ in range(5):
        refusals.record("bad_signature", said())
    for number in range(2 * REFUSALS):
        refusals.record("unknown_node", said(node=f"node-{number}"))
    found = Event.objects.filter(type="statement.refused").order_by("id")
    details = [json.loads(bytes(event.detail or b"")) for event in found]
    assert len(details) == REFUSALS
    assert details[0]["reason"] == "bad_signature"
    assert details[0]["node"] == "node-1"
    assert details[1]["not_recorded"] == 4
    assert Alarm.objects.filter(kind="statement.refused", subject="node-1").count() == 1


def test_a_gateway_records_what_waits_and_tells_the_node(enrolled, broker, valkey):
    one = statement()
    broker.xadd(STREAM, {FIELD: b"nonsense"})
    broker.xadd(STREAM, {FIELD: statements.sign(one, NODE_KEY)})
    gateways = [Starts(valkey.url, f"web-{n}") for n in range(2)]
    for gateway in gateways:
        gateway.start()
    try:
        wait_until(lambda: broker.get(statements.dealt_with(one)), "the node is told")
        wait_until(lambda: not broker.xlen(STREAM), "all is dealt with")
    finally:
        for gateway in gateways:
            gateway.stop()
    assert broker.get(statements.dealt_with(one)).decode() == statements.identity(one)
    assert len(started()) == 1
    assert Event.objects.filter(type="statement.refused").count() == 1


def test_what_nobody_can_read_keeps_nothing_that_lies_behind_it_off_the_record(
    enrolled, broker, valkey
):
    broker.xadd(STREAM, {REFUSED: b"[" * 4_000})
    broker.xadd(STREAM, {FIELD: said()})
    Starts(valkey.url, "web-1").look(broker)
    assert len(started()) == 1
    assert not broker.xlen(STREAM)
    assert Alarm.objects.filter(kind="statement.refused").count() == 1


def test_a_statement_in_the_hand_of_a_dead_gateway_is_taken_over(
    enrolled, broker, valkey, monkeypatch
):
    monkeypatch.setattr(listener, "ABANDONED", 0.1)
    broker.xadd(STREAM, {FIELD: said()})
    assert Starts(valkey.url, "web-dead").waiting(broker)
    other = Starts(valkey.url, "web-2")

    def taken():
        other.look(broker)
        return started()

    wait_until(taken, "the other takes it over")
    assert len(started()) == 1
    assert not broker.xlen(STREAM)


def test_a_statement_outlasts_a_broker_that_lost_everything(
    enrolled, broker, valkey, monkeypatch
):
    monkeypatch.setattr(statements, "AGAIN", 0.1)
    gateway = Starts(valkey.url, "web-1")
    stop = threading.Event()
    node = threading.Thread(target=lambda: asyncio.run(live(valkey.url, stop)))
    node.start()
    try:
        wait_until(lambda: broker.xlen(STREAM) > 1, "it is said, and nobody deals with it")
        valkey.restart()
        gateway.start()
        wait_until(started, "it is recorded")
    finally:
        stop.set()
        node.join()
        gateway.stop()
    assert len(started()) == 1


async def live(url, stop):
    """What a worker does, until `stop`."""
    async with connect(url) as client:
        one = statement()
        saying = asyncio.create_task(statements.say(client, lambda: one, NODE_KEY))
        await asyncio.to_thread(stop.wait)
        saying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saying


def test_a_model_registered_later_lets_the_statement_in(enrolled):
    content = said()
    Model.objects.update(digest="11" * 32)
    assert refused(content) == "unregistered_weights"
    Model.objects.update(digest=stories.DIGEST)
    recorded(content)
    assert len(started()) == 1

"""A node that will not start a model says why, under its signature: recorded, an alarm."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import pytest
import redis as sync_redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.catalogue import unknown
from compliance.models import Alarm, Event
from inference import drift
from inference.drift import Drift, Voice
from inference.drifted import Drifted, subject
from inference.registry import CATALOGUE, ModelUnusable, Shipped
from inference.starts import Starts
from inference.statements import STREAM, StatementRefused
from tests.compliance.admin import stories
from tests.compliance.admin.stories import NODE_KEY
from tests.inference.test_statements import said as stated

MODEL = "smollm2-135m-instruct"


@pytest.fixture
def broker(valkey):
    with sync_redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as client:
        client.flushall()
        yield client


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "node-node-1.ed25519"
    path.write_bytes(NODE_KEY.private_bytes_raw().hex().encode())
    path.chmod(0o600)
    return tmp_path


def said(key=NODE_KEY, **changes):
    fields: dict[str, Any] = {
        "node": "node-1",
        "site": "home",
        "model": MODEL,
        "file": "model.safetensors",
        "reason": "changed",
        "time": time.time_ns() // 1000,
    }
    return drift.sign(Drift(**fields | changes), key)


def recorded():
    found = Event.objects.filter(type="engine.refused").order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in found]


def test_a_check_that_finds_a_changed_file_says_so_under_the_nodes_signature(
    broker, keys, valkey
):
    voice = Voice("home", "node-1", MODEL, keys, valkey.url)
    changed = dataclasses.replace(CATALOGUE[MODEL], digest="0" * 64)
    missing = dataclasses.replace(changed, kept=Shipped("llm_not_there", "w.gguf"))
    for entry in (changed, changed, missing):  # the second is the same within a minute
        with pytest.raises(ModelUnusable):
            voice.over(entry).check()
    voice.over(CATALOGUE[MODEL]).check()
    found = [fields[drift.FIELD.encode()] for _, fields in broker.xrange(STREAM)]
    assert [(drift.read(one).file, drift.read(one).reason) for one in found] == [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "changed"),
        ("w.gguf", "missing"),
    ]
    for one in found:
        drift.verified(one, NODE_KEY.public_key().public_bytes_raw())


def test_a_broker_that_is_away_keeps_no_changed_model_from_being_refused(keys, tmp_path):
    voice = Voice("home", "node-1", MODEL, keys, f"redis+socket://{tmp_path}/none.sock")
    with pytest.raises(ModelUnusable, match="digest"):
        voice.over(dataclasses.replace(CATALOGUE[MODEL], digest="0" * 64)).check()


@pytest.mark.database
def test_it_is_recorded_with_the_files_name_and_alarms_until_the_engine_starts(
    database, broker, valkey
):
    stories.machines()
    starts = Starts(valkey.url, "web-1")
    for again in (0, 1):
        broker.xadd(STREAM, {drift.FIELD: said(time=time.time_ns() // 1000 + again)})
    starts.look(broker)
    [detail] = recorded()
    assert unknown("engine.refused", detail) == []
    assert (detail["model"], detail["file"], detail["reason"]) == (
        *(MODEL, "model.safetensors", "changed"),
    )
    told = json.dumps({"drift": detail["drift"], "signature": detail["signature"]}).encode()
    drift.verified(told, NODE_KEY.public_key().public_bytes_raw())
    alarm = Alarm.objects.get(kind="engine.refused")
    assert "model.safetensors is not as it was registered" in alarm.words
    assert alarm.ended is None
    broker.xadd(STREAM, {"said": stated()})
    starts.look(broker)
    alarm.refresh_from_db()
    assert alarm.ended is not None


@pytest.mark.database
def test_the_same_file_changed_again_after_a_start_is_recorded_and_alarms_again(
    database, broker, valkey
):
    stories.machines()
    starts, now = Starts(valkey.url, "web-1"), time.time_ns() // 1000
    for moment in (now, now + 1):  # the second is the same, while the alarm stands
        broker.xadd(STREAM, {drift.FIELD: said(time=moment)})
    broker.xadd(STREAM, {"said": stated()})
    broker.xadd(STREAM, {drift.FIELD: said(time=now + 2)})
    starts.look(broker)
    assert [detail["not_recorded"] for detail in recorded()] == [0, 1]
    assert Alarm.objects.get(kind="engine.refused").ended is None


@pytest.mark.database
def test_a_node_that_says_much_keeps_nothing_that_another_says_off_the_record(database):
    other = stories.machines().node
    other.pk, other.name = None, "node-2"
    other.save()
    drifted, now = Drifted(clock=lambda: 0.0), time.time_ns() // 1000
    for number in range(15):
        drifted.record(said(time=now + number, file=f"{number}.safetensors"))
    drifted.record(said(node="node-2", time=now))
    assert [detail["node"] for detail in recorded()] == ["node-1"] * 10 + ["node-2"]


def test_two_nodes_with_a_model_of_a_long_name_have_an_alarm_each():
    found = {subject("m" * 64, f"node-{number}") for number in (1, 2)}
    assert len(found) == 2
    assert max(map(len, found)) <= 64
    assert subject(MODEL, "node-1") == f"{MODEL} on node-1"


@pytest.mark.database
def test_each_model_of_a_node_has_its_own_word_and_its_own_alarm(database, broker, valkey):
    stories.machines()
    starts, now = Starts(valkey.url, "web-1"), time.time_ns() // 1000
    broker.xadd(STREAM, {drift.FIELD: said(model="other", time=now + 5)})
    broker.xadd(STREAM, {drift.FIELD: said(time=now)})
    broker.xadd(STREAM, {"said": stated()})
    starts.look(broker)
    assert [detail["model"] for detail in recorded()] == ["other", MODEL]
    standing = Alarm.objects.filter(kind="engine.refused", ended=None)
    assert [alarm.subject for alarm in standing] == ["other on node-1"]
    assert not Alarm.objects.filter(kind="statement.refused").exists()


@pytest.mark.database
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"{}", "malformed"),
        (lambda: said(file="a\0b"), "malformed"),
        (lambda: said(node="node-9"), "unknown_node"),
        (lambda: said(Ed25519PrivateKey.generate()), "bad_signature"),
        (lambda: said(site="elsewhere"), "wrong_site"),
        (lambda: said(time=time.time_ns() // 1000 - 700_000_000), "replayed"),
        (lambda: said(time=time.time_ns() // 1000 + 400_000_000), "replayed"),
    ],
)
def test_what_no_enrolled_node_said_now_is_not_believed(database, content, reason):
    stories.machines()
    with pytest.raises(StatementRefused) as caught:
        Drifted().record(content())
    assert caught.value.reason == reason
    assert recorded() == []


@pytest.mark.database
def test_the_same_word_played_again_is_refused_and_a_flood_is_counted(database):
    stories.machines()
    drifted, now = Drifted(clock=lambda: 0.0), time.time_ns() // 1000
    content = said(time=now)
    drifted.record(content)
    with pytest.raises(StatementRefused, match="played back"):
        drifted.record(content)
    for number in range(1, 15):
        drifted.record(said(time=now + number, file=f"{number}.safetensors"))
    assert len(recorded()) == 10

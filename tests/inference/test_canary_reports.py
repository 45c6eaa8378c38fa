"""What a canary says is believed where its node signed it, and closes the node that got out."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis as sync_redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from compliance.audit.watch import take_changes
from compliance.models import Alarm, Event
from inference import canary_format, canary_reports
from inference.canary_format import FIELD, OPENED, STREAM, Report, ReportRefused, Tried
from inference.canary_reports import CanaryReports, recorded
from inference.models import Canary, Node
from tests.compliance.admin import stories
from tests.compliance.admin.stories import NODE_KEY
from tests.services.waiting import wait_until

pytestmark = pytest.mark.database

GATEWAY = Ed25519PrivateKey.generate()
OUT = Tried("tcp", "192.0.2.1:443", "reached", "connected")
HELD = Tried("udp", "192.0.2.1:53", "unreachable", "ENETUNREACH")


@pytest.fixture
def enrolled(database):
    stories.machines()
    take_changes()  # what a story does is on no record


@pytest.fixture
def broker(valkey):
    with sync_redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as client:
        client.flushall()
        yield client


def now() -> int:
    return time.time_ns() // 1000


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "node": "node-1",
        "site": "home",
        "time": now(),
        "verdict": "confined",
        "layers": ("devices",),
        "words": "only a loopback device",
        "tries": (HELD,),
    }
    return Report(**fields | changes)


def said(key: Ed25519PrivateKey = NODE_KEY, **changes: Any) -> bytes:
    return canary_format.sign(report(**changes), key)


def escaped(**changes: Any) -> bytes:
    at = now()
    fields: dict[str, Any] = {
        "time": at,
        "verdict": "escaped",
        "tries": (OUT, HELD),
        "closed": at,
        "escapes": ("tcp 192.0.2.1:443",),
    }
    return said(**fields | changes)


def events(kind: str) -> list[dict[str, Any]]:
    found = Event.objects.filter(type=kind).order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in found]


def node() -> Node:
    return Node.objects.get(name="node-1")


def later(seconds: float) -> int:
    return now() + round(seconds * 1_000_000)


def refused(content: bytes) -> str:
    with pytest.raises(ReportRefused) as caught:
        recorded(content)
    return caught.value.reason


def quiet(seconds: float) -> None:
    """As if the newest event about the canary were that old."""
    known = Canary.objects.get()
    known.recorded -= round(seconds * 1_000_000)
    known.save()


def test_a_confined_node_is_attested_at_the_time_of_its_report(enrolled):
    one = report(time=now() - 5_000_000)
    recorded(canary_format.sign(one, NODE_KEY))
    attested = node().attested
    assert attested is not None
    assert round(attested.timestamp() * 1_000_000) == one.time
    [detail] = events("canary.confined")
    assert (detail["node"], detail["layers"]) == ("node-1", ["devices"])
    signed = canary_format.read(
        json.dumps({"report": detail["report"], "signature": detail["signature"]}).encode()
    )
    canary_format.verify(signed, bytes(node().public_key))
    assert signed.report == one


def test_a_clock_that_is_ahead_attests_nothing_that_is_to_come(enrolled):
    recorded(said(time=later(200)))
    attested = node().attested
    assert attested is not None
    assert attested <= timezone.now()


def test_a_node_that_stays_confined_makes_one_event_an_hour_and_moves_each_time(enrolled):
    for number in range(4):
        recorded(said(time=now() + number))
    first = node().attested
    assert len(events("canary.confined")) == 1
    quiet(3_601)
    recorded(said(time=now() + 10))
    assert len(events("canary.confined")) == 2
    attested = node().attested
    assert attested is not None
    assert first is not None
    assert attested > first


def test_a_proof_is_no_change_that_goes_unrecorded(enrolled):
    before = len(events("change.unrecorded"))
    for number in range(2):  # of the second there is no event
        recorded(said(time=now() + number))
    recorded(escaped())
    take_changes()
    assert len(events("change.unrecorded")) == before


def test_an_unconfined_node_is_never_attested_and_says_so_once(enrolled):
    for number in range(3):
        recorded(said(verdict="unconfined", layers=(), tries=(), time=now() + number))
        quiet(4_000)
    assert node().attested is None
    [detail] = events("canary.unconfined")
    assert detail["layers"] == []


def test_a_change_is_an_event_and_one_that_comes_at_once_waits(enrolled):
    recorded(said())
    recorded(said(verdict="unconfined", layers=(), tries=()))
    assert not events("canary.unconfined")
    quiet(61)
    recorded(said(verdict="unconfined", layers=(), tries=()))
    assert len(events("canary.unconfined")) == 1
    quiet(61)
    recorded(said(layers=("routes",)))
    quiet(61)
    recorded(said(layers=("filter",)))
    assert [one["layers"] for one in events("canary.confined")] == [
        ["devices"],
        ["routes"],
        ["filter"],
    ]


def test_an_escape_closes_the_node_at_once_with_an_event_and_an_alarm(enrolled):
    recorded(said())
    recorded(escaped())
    found = node()
    assert found.closed is not None
    assert found.attested is None
    assert "tcp 192.0.2.1:443" in found.closed_reason
    [detail] = events("canary.escaped")
    assert detail["reached"] == ["tcp 192.0.2.1:443"]
    [alarm] = Alarm.objects.filter(kind="canary.escaped")
    assert alarm.subject == "node-1"
    assert "192.0.2.1:443" in alarm.words


def test_a_closed_node_proves_itself_anew_and_stays_closed(enrolled):
    at = now()
    recorded(escaped(time=at, closed=at))
    recorded(said(time=at + 1, closed=at))
    found = node()
    assert found.closed is not None
    assert found.attested is not None
    assert len(events("canary.escaped")) == 1


def test_a_closing_whose_report_was_lost_is_recorded_by_the_next(enrolled):
    at = now()
    recorded(said(time=at + 1, closed=at, escapes=("http 10.0.0.9:3128",)))
    assert node().closed is not None
    [detail] = events("canary.escaped")
    assert detail["reached"] == ["http 10.0.0.9:3128"]


def opened_by_an_operator() -> None:
    Node.objects.update(closed=None, closed_reason="")


def test_only_a_node_that_was_opened_gets_the_gateways_word_and_it_names_the_closing(enrolled):
    at = now()
    recorded(escaped(time=at, closed=at))
    still = recorded(said(time=at + 1, closed=at))
    assert canary_reports.opening_for(still) is None
    opened_by_an_operator()
    again = recorded(said(time=at + 2, closed=at))
    opening = canary_reports.opening_for(again)
    assert opening is not None
    assert (opening.node, opening.site, opening.closed) == ("node-1", "home", at)
    content = canary_format.open_again(opening, GATEWAY)
    public = GATEWAY.public_key().public_bytes_raw()
    assert canary_format.opened(content, [b"\0" * 32, public]) == opening
    with pytest.raises(ReportRefused):
        canary_format.opened(content, [NODE_KEY.public_key().public_bytes_raw()])


def test_a_node_that_was_opened_and_gets_out_again_is_closed_again_and_recorded(enrolled):
    at = now()
    recorded(escaped(time=at, closed=at))
    opened_by_an_operator()
    take_changes()
    before = len(events("change.unrecorded"))
    recorded(escaped(time=at + 1, closed=at))
    take_changes()
    assert node().closed is not None
    assert len(events("canary.escaped")) == 2
    assert len(events("change.unrecorded")) == before


def test_a_forged_report_is_refused(enrolled):
    assert refused(said(Ed25519PrivateKey.generate())) == "bad_signature"
    changed = json.loads(escaped())
    changed["report"]["verdict"] = "confined"
    assert refused(json.dumps(changed).encode()) == "bad_signature"
    assert node().attested is None


def test_an_older_report_played_back_moves_nothing(enrolled):
    older = said(time=now() - 1_000_000)
    recorded(older)
    recorded(escaped())
    before = Event.objects.count()
    recorded(older)
    assert node().attested is None
    assert Event.objects.count() == before


def test_a_report_that_comes_again_is_recorded_once(enrolled):
    content = escaped()
    for _ in range(3):
        recorded(content)
    assert len(events("canary.escaped")) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"node": "node-2"}, "unknown_node"),
        ({"words": "only\0"}, "malformed"),
        ({"layers": ("\0",)}, "malformed"),
        ({"site": "elsewhere"}, "wrong_site"),
        ({"time": 2**52}, "in_the_future"),
        ({"closed": 2**52}, "in_the_future"),
    ],
)
def test_what_a_canary_must_not_say_is_refused(enrolled, changes, reason):
    assert refused(said(**changes)) == reason
    assert not Canary.objects.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b"[1]", b"x" * 40_000, b'{"report":{},"signature":"00"}'],
)
def test_what_cannot_be_read_is_refused(enrolled, content):
    assert refused(content) == "malformed"


def test_a_gateway_records_what_waits_and_answers_a_node_that_was_opened(
    enrolled, broker, valkey
):
    at = now()
    broker.xadd(STREAM, {FIELD: b"nonsense"})
    broker.xadd(STREAM, {FIELD: escaped(time=at, closed=at)})
    gateways = [CanaryReports(valkey.url, f"web-{n}", GATEWAY) for n in range(2)]
    for gateway in gateways:
        gateway.start()
    try:
        wait_until(lambda: node().closed, "the node is closed")
        wait_until(lambda: not broker.xlen(STREAM), "all is dealt with")
        assert broker.get(OPENED + "node-1") is None
        opened_by_an_operator()
        broker.xadd(STREAM, {FIELD: said(time=at + 1, closed=at)})
        wait_until(lambda: broker.get(OPENED + "node-1"), "the node is told")
    finally:
        for gateway in gateways:
            gateway.stop()
    public = GATEWAY.public_key().public_bytes_raw()
    assert canary_format.opened(broker.get(OPENED + "node-1"), [public]).closed == at
    assert Event.objects.filter(type="statement.refused").count() == 1

"""A node's word that it did not run a ticket: believed where signed, of a flood a part."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.models import Event
from inference import refusals, unopened
from inference.refusals import A_MINUTE, FIELD, Refusal, Refuser, sign, verify
from inference.statements import STREAM, StatementRefused
from inference.unopened import Unopened
from tests.compliance.admin import stories
from tests.compliance.admin.stories import NODE_KEY

pytestmark = pytest.mark.database


@pytest.fixture
def enrolled(database):
    stories.machines()


def refusal(**changes: Any) -> Refusal:
    fields: dict[str, Any] = {
        "node": "node-1",
        "site": "home",
        "reason": "unreadable",
        "ticket": secrets.token_hex(16),
        "time": time.time_ns() // 1000,
    }
    return Refusal(**fields | changes)


def said(key: Any = NODE_KEY, **changes: Any) -> bytes:
    return msgspec.json.encode(sign(refusal(**changes), key))


def recorded() -> list[dict[str, Any]]:
    found = Event.objects.filter(type="ticket.refused").order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in found]


def why(content: bytes, known: Unopened | None = None) -> str:
    with pytest.raises(StatementRefused) as caught:
        (known or Unopened()).record(content)
    return caught.value.reason


def test_a_refusal_is_recorded_with_what_was_signed(enrolled):
    Unopened().record(said(reason="wrong_site"))
    [detail] = recorded()
    assert (detail["node"], detail["site"], detail["reason"]) == (
        "node-1",
        "home",
        "wrong_site",
    )
    signed = {name: detail[name] for name in ("refusal", "signature")}
    assert verify(signed, NODE_KEY.public_key().public_bytes_raw()).reason == "wrong_site"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"node": "node-2"}, "unknown_node"),
        ({"site": "elsewhere"}, "wrong_site"),
        ({"reason": "because"}, "malformed"),
        ({"time": 1_000_000}, "replayed"),
        ({"time": (int(time.time()) + 3_600) * 1_000_000}, "replayed"),
    ],
)
def test_what_a_node_must_not_say_is_not_recorded(enrolled, changes, reason):
    assert why(said(**changes)) == reason
    assert not recorded()


def test_a_forged_or_changed_or_repeated_refusal_is_not_recorded(enrolled):
    known = Unopened()
    assert why(said(Ed25519PrivateKey.generate()), known) == "bad_signature"
    changed = json.loads(said())
    changed["refusal"]["reason"] = "expired"
    assert why(json.dumps(changed).encode(), known) == "bad_signature"
    content = said()
    known.record(content)
    assert why(content, known) == "replayed"
    for junk in (b"", b"{}", b"[1]", b"\xff", b"x" * 5000, b"[" * 4000):
        assert why(junk, known) == "malformed"
    assert len(recorded()) == 1


def test_a_number_beyond_what_a_record_can_hold_keeps_no_refusal_off_it(enrolled):
    known = Unopened()
    known.record(said())
    known.record(said(not_said=2**53 - 1))  # the same reason: counted, not recorded
    known.record(said(reason="expired"))
    assert [detail["not_recorded"] for detail in recorded()] == [0, 2**53 - 1]


def test_of_a_flood_only_how_many_is_recorded(enrolled):
    clock = [30.0]
    known = Unopened(lambda: clock[0])
    for _ in range(5):
        known.record(said())
    assert [one["not_recorded"] for one in recorded()] == [0]
    clock[0] += unopened.AGAIN
    known.record(said(not_said=2))
    assert [one["not_recorded"] for one in recorded()] == [0, 6]


async def test_a_node_says_only_some_of_many_refusals_in_a_minute(redis):
    clock = [30.0]
    refuser = Refuser(redis, "home", "node-1", NODE_KEY, clock=lambda: clock[0])
    for _ in range(A_MINUTE + 3):
        await refuser.say("unreadable", secrets.token_hex(16))
    assert await redis.xlen(STREAM) == A_MINUTE
    clock[0] += 60
    await refuser.say("unreadable")
    [(_, fields)] = await redis.xrevrange(STREAM, count=1)
    told = verify(
        refusals.decoded(fields[FIELD.encode()]), NODE_KEY.public_key().public_bytes_raw()
    )
    assert (told.not_said, told.ticket) == (3, "")

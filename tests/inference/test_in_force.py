"""The list of versions in force: signed, fresh, never older than one that was seen."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.versions import chain
from compliance.versions.chain import Standing
from inference import bulletin, in_force, posting
from inference.bulletin import Bulletin
from inference.clearance import ClearanceRefused
from inference.in_force import (
    KEY,
    LATE,
    REMEMBERED,
    STALE,
    ListRefused,
    Version,
    check,
    read,
    sign,
)
from inference.posting import Poster
from inference.snapshot import NodeRecord
from tests.inference.nodes import MODEL
from tests.inference.tickets import GATEWAY, REGISTERED, listed, ticket
from tests.services.waiting import until

PUBLIC = [GATEWAY.public_key().public_bytes_raw()]
FORMER, NEXT = "a" * 64, "b" * 64


def micro(seconds: float) -> int:
    return round(seconds * 1e6)


def refused(given: Any, about: Any, now: float | None = None) -> str:
    try:
        check(given, about, "node-1", now or time.time(), REGISTERED)
    except ClearanceRefused as refusal:
        return refusal.reason
    return ""


def test_a_list_is_read_as_it_was_signed():
    given = listed(versions=[Version(FORMER, 1, 2), Version(NEXT, 2)])
    assert read(sign(given, GATEWAY), PUBLIC) == given
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert read(sign(given, GATEWAY), [other, *PUBLIC]) == given, "while keys are changed"


def test_a_list_of_another_key_or_with_a_changed_letter_is_not_believed():
    with pytest.raises(ListRefused, match="signature"):
        read(sign(listed(), Ed25519PrivateKey.generate()), PUBLIC)
    changed = json.loads(sign(listed(), GATEWAY))
    changed["listed"]["nodes"] = {"node-2": REGISTERED}
    with pytest.raises(ListRefused, match="signature"):
        read(json.dumps(changed).encode(), PUBLIC)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"listed":{},"signature":""}',
        b"x" * (in_force.SAID_MAX + 1),
    ],
)
def test_what_is_no_list_is_not_believed(said):
    with pytest.raises(ListRefused):
        read(said, PUBLIC)


@pytest.mark.parametrize("seconds", [STALE + 1, -in_force.AHEAD - 1])
def test_a_list_that_is_stale_or_of_the_future_lets_nothing_begin(seconds):
    now = time.time()
    assert refused(listed(moment=micro(now)), ticket(policy_digest="0" * 64), now) == ""
    assert refused(listed(moment=micro(now - seconds)), ticket(), now) == "list_stale"
    assert refused(None, ticket(), now) == "list_stale"


@pytest.mark.parametrize(
    "nodes", [{"node-2": REGISTERED}, {"node-1": {"another": REGISTERED[MODEL]}}]
)
def test_a_node_that_is_not_on_the_list_for_the_model_may_begin_nothing(nodes):
    assert refused(listed(nodes=nodes), ticket()) == "node_closed"


def test_a_node_with_another_model_of_the_name_than_the_registered_one_may_begin_nothing():
    another = listed(nodes={"node-1": {MODEL: "1" * 64}})
    assert refused(another, ticket()) == "other_weights"
    assert refused(listed(), ticket()) == ""


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (-100, None, ""),
        (-100, -1, ""),  # followed within the time that a gateway may not know it
        (-100, -LATE - 2, "policy_not_in_force"),
        (-100, 10, ""),
        (200, None, "policy_not_in_force"),
    ],
)
def test_a_version_must_have_been_in_force_within_the_tickets_life(since, until, reason):
    now = time.time()
    end = None if until is None else micro(now + until)
    given = listed(versions=[Version(FORMER, micro(now + since), end), Version(NEXT, 0)])
    asked = ticket(policy_digest=FORMER, issued=now, expires=now + 60)
    assert refused(given, asked, now) == reason
    assert refused(given, ticket(policy_digest="c" * 64), now) == "policy_not_in_force"


@pytest.fixture
async def reader(redis, tmp_path: Path):
    keys = tmp_path / "gateway.pub"
    keys.write_text(PUBLIC[0].hex())
    made = Bulletin(redis, "node-1", MODEL, keys, REGISTERED)
    await redis.set(KEY, sign(listed(), GATEWAY))
    await made.start()
    yield made
    await made.stop()


async def reason_of(reader: Bulletin, patience: float = 0, **about: Any) -> str:
    try:
        await reader.permit(ticket(**about), patience)
    except ClearanceRefused as refusal:
        return refusal.reason
    return ""


async def test_a_forged_list_and_an_older_one_are_ignored(redis, reader):
    assert await reason_of(reader) == ""
    recalled = listed(versions=[Version(NEXT, 0)])
    await redis.set(KEY, sign(recalled, GATEWAY))
    assert await reason_of(reader, 30, policy_digest=NEXT) == ""
    assert await reason_of(reader) == "policy_not_in_force"
    older = listed(moment=recalled.moment - 1_000_000)
    forged = listed(moment=recalled.moment + 1_000_000)
    for said in (
        sign(older, GATEWAY),
        sign(forged, Ed25519PrivateKey.generate()),
        b"no list",
        sign(listed(moment=micro(time.time() + 3600)), GATEWAY),
    ):
        await redis.set(KEY, said)
        assert await reason_of(reader, 3 * bulletin.AGAIN) == "policy_not_in_force"


async def test_the_newest_of_lists_is_found_by_a_ticket_that_came_before_it(redis, reader):
    assert await reason_of(reader, policy_digest=NEXT) == "policy_not_in_force"
    await redis.set(KEY, sign(listed(versions=[Version(NEXT, 0)]), GATEWAY))
    assert await reason_of(reader, 30, policy_digest=NEXT) == ""


async def test_a_node_is_closed_while_another_model_of_the_name_is_registered(redis, reader):
    def seen(nodes: Any) -> bool:
        return reader.listed is not None and reader.listed.nodes == nodes

    assert not reader.closed
    for digest, wanted in (("1" * 64, True), (REGISTERED[MODEL], False)):
        nodes = {"node-1": {MODEL: digest}}
        await redis.set(KEY, sign(listed(nodes=nodes), GATEWAY))
        await until(partial(seen, nodes), "the list is seen")
        assert reader.closed is wanted
        assert await reason_of(reader, 30) == ("other_weights" if wanted else "")


async def test_a_gateways_new_key_is_read_from_its_file(redis, reader, tmp_path):
    fresh = Ed25519PrivateKey.generate()
    (tmp_path / "gateway.pub").write_text(
        f"{PUBLIC[0].hex()}\n{fresh.public_key().public_bytes_raw().hex()}\n"
    )
    await redis.set(KEY, sign(listed(versions=[Version(NEXT, 0)]), fresh))
    assert await reason_of(reader, 30, policy_digest=NEXT) == ""


async def test_a_list_that_did_not_change_is_verified_once_and_grows_old_all_the_same(
    redis, tmp_path, monkeypatch
):
    verified: list[bytes] = []

    def counted(said: bytes, keys: Sequence[bytes]) -> in_force.InForce:
        verified.append(said)
        return read(said, keys)

    monkeypatch.setattr(bulletin, "read", counted)
    keys = tmp_path / "gateway.pub"
    keys.write_text(PUBLIC[0].hex())
    reader = Bulletin(redis, "node-1", MODEL, keys, REGISTERED)
    said = [sign(listed(), GATEWAY), sign(listed(versions=[Version(NEXT, 0)]), GATEWAY)]
    for one in said:
        await redis.set(KEY, one)
        for _ in range(3):
            await reader._look()
    assert verified == said
    assert await reason_of(reader, policy_digest=NEXT) == ""
    monkeypatch.setattr(in_force, "STALE", 0)
    assert await reason_of(reader, policy_digest=NEXT) == "list_stale"
    assert verified == said


async def test_what_a_key_signed_is_not_believed_once_the_key_is_known_to_be_gone(
    redis, tmp_path
):
    keys = tmp_path / "gateway.pub"
    keys.write_text(PUBLIC[0].hex())
    reader = Bulletin(redis, "node-1", MODEL, keys, REGISTERED)
    said = sign(listed(), GATEWAY)
    await redis.set(KEY, said)
    await reader._look()
    assert reader.listed is not None
    keys.write_text(Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex())
    await redis.set(KEY, b"no list")
    await reader._look()
    await redis.set(KEY, said)
    await reader._look()
    assert "signature" in reader._problem


async def test_a_gateway_posts_what_changed_at_once_and_else_each_second(redis):
    given = [listed()]
    poster = Poster(redis, GATEWAY, lambda: given[0])
    poster.start()
    try:

        async def posted() -> Any:
            said = await redis.get(KEY)
            return None if said is None else read(said, PUBLIC)

        async def shown(wanted: Any) -> bool:
            return bool(await posted() == wanted)

        await until(lambda: shown(given[0]), "the list is there")
        await redis.delete(KEY)
        await until(lambda: shown(given[0]), "it is posted again, though nothing changed")
        given[0] = listed(versions=[Version(NEXT, 0)])
        await until(lambda: shown(given[0]), "the change is posted")
        assert await redis.ttl(KEY) > 0
    finally:
        await poster.stop()


NODES = {
    "node-1": NodeRecord("home", b"k" * 32, {"n": "1" * 64, "m": "2" * 64}),
    "node-2": NodeRecord("home", b"l" * 32),  # serves nothing
}


def standing(*versions: chain.InForce) -> Any:
    known = {"standing": Standing(in_force=versions), "nodes": NODES}
    return SimpleNamespace(**known)


def test_versions_that_tickets_may_wait_for_are_listed_and_recalled_ones_are_not():
    now = time.time_ns() // 1000
    long_ago, lately = now - micro(REMEMBERED) - 1, now - micro(REMEMBERED) + 1_000_000
    found = posting.listed(
        standing(
            chain.InForce("1" * 64, 0, long_ago, None),
            chain.InForce("2" * 64, long_ago, lately, None),
            chain.InForce("3" * 64, lately, now - 5, now - 5),
            chain.InForce("4" * 64, now - 5, None, None),
        ),
        now,
    )
    assert [one.digest[0] for one in found.versions] == ["2", "4"]
    assert found.versions[1].until is None
    assert (found.nodes, found.moment) == ({"node-1": NODES["node-1"].models}, now)

"""A held request waits for a person, and its text ends with the wait, whatever happens."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from django.db import connection

from compliance import gate
from compliance.audit import erasure, subjects, vault
from compliance.audit.epoch import Epoch
from compliance.audit.keystore import store
from compliance.audit.storage import storage
from compliance.holds import deciding, desk, ending, text
from compliance.holds.deciding import HoldGone
from compliance.holds.desk import NotApproved
from compliance.models import Content, Hold
from compliance.vocabulary import Effect, RecordUnavailable
from compliance.vocabulary import Event as VocabularyEvent
from tests.compliance.holds.conftest import (
    HELD,
    SUBJECT_KEY,
    Counter,
    again,
    aside,
    policy,
    rule,
    shifted,
    told,
)
from tests.compliance.test_gate import EMAIL, KEY, request
from tests.conftest import Database

pytestmark = pytest.mark.database
T = TypeVar("T")
ROLES = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"


def contents(folder: Path) -> list[bytes]:
    """Of every file below it."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_held_request_waits_on_the_record_and_reaches_no_model(
    counter: Counter,
) -> None:
    asked = request(f"Write to {EMAIL}.")
    held = await counter.held(asked)
    assert held.hold == asked.id
    assert held.decision.effect is Effect.HOLD
    assert counter.seal.sealed == []
    (said,) = await aside(lambda: told("request.held"))
    assert (said["decision"], said["held_by"], said["hold"]) == ("hold", [HELD], asked.id)
    assert said["expires"] == held.expires
    row = await aside(Hold.objects.get)
    assert (row.pk, row.state, row.rules) == (asked.id, "waiting", [HELD])
    assert str(row.application) == asked.application.id
    assert row.expires - row.asked <= timedelta(hours=24)


async def test_the_approver_reads_what_the_model_would_get_and_that_is_on_the_record(
    counter: Counter,
) -> None:
    held = await counter.held(request(f"Write to {EMAIL}."))
    read = json.loads(await aside(lambda: deciding.read(held.hold, "dora")))
    assert read["messages"][0]["content"] == "Write to [EMAIL_ADDRESS_1]."
    assert await aside(lambda: [(one["actor"], one["hold"]) for one in told("hold.read")]) == [
        ("dora", held.hold)
    ]


@pytest.mark.parametrize("end", ["denied", "used", "expired", "erased"])
async def test_the_text_dies_with_the_hold(counter: Counter, data: Path, end: str) -> None:
    asked = dataclasses.replace(
        request(f"Write to {EMAIL} about the orchid."), subjects=("cd" * 32,)
    )
    held = await counter.held(asked)
    key = store().held(held.hold)
    planted: tuple[bytes, ...] = (b"orchid", EMAIL.encode())
    assert not any(one in content for content in contents(data.parent) for one in planted)

    def over() -> None:
        match end:
            case "denied":
                deciding.deny(held.hold, "dora", "No.")
            case "expired":
                shifted(held.hold, timedelta(hours=25))
                ending.end()
            case "erased":
                erasure.erase("request", held.hold, actor="dora", reason="Asked for.")
                ending.end()

    if end == "used":
        await aside(lambda: deciding.approve(held.hold, "dora", "Seen."))
        one = again(asked)
        await counter.admit(one, approval=await counter.desk.approval(held.hold, one))
        await counter.desk.standing(held.hold, asked.application.id)  # in turn behind its end
    else:
        await aside(over)
    with pytest.raises(HoldGone):
        await aside(lambda: deciding.read(held.hold, "dora"))
    assert store().all_held() == []
    planted += (key, key.hex().encode())
    assert not any(one in content for content in contents(data.parent) for one in planted)
    standing = await counter.desk.standing(held.hold, asked.application.id)
    assert standing is not None
    assert standing.state == {"erased": "expired"}.get(end, end)


async def test_erasing_a_person_reaches_the_text_that_is_held(counter: Counter) -> None:
    held = await counter.held(request(f"Write to {EMAIL}."))
    person = subjects.blind(SUBJECT_KEY, EMAIL)

    def erased() -> list[str]:
        assert Content.objects.filter(request=held.hold).exists()
        keys = store().folder.parent / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "subject-index").write_text(SUBJECT_KEY.hex() + "\n")
        (keys / "subject-index").chmod(0o600)
        done = erasure.erase("subject", EMAIL, actor="dora", reason="Asked for.")
        assert done.subject == person
        ending.end()
        return [one["reason"] for one in told("hold.expired")]

    assert await aside(erased) == ["text_erased"]
    with pytest.raises(HoldGone, match="erased"):
        await aside(lambda: deciding.approve(held.hold, "dora", "Too late."))


async def test_of_two_who_decide_one_does_and_the_other_is_told(counter: Counter) -> None:
    held = await counter.held(request("Hello."))
    gate_open = threading.Barrier(2)

    def decided(actor: str) -> str:
        gate_open.wait()
        try:
            (deciding.approve if actor == "ada" else deciding.deny)(held.hold, actor, "So.")
        except HoldGone as error:
            return str(error)
        return actor

    outcomes = await asyncio.gather(
        aside(lambda: decided("ada")), aside(lambda: decided("bob"))
    )
    winner = next(one for one in outcomes if one in ("ada", "bob"))
    (loser,) = [one for one in outcomes if one != winner]
    assert loser != winner, "one of them did not decide"
    row = await aside(Hold.objects.get)
    assert row.actor == winner
    kinds = await aside(lambda: [*told("hold.approved"), *told("hold.denied")])
    assert [one["actor"] for one in kinds] == [winner]


async def test_a_hold_that_is_over_can_be_neither_read_nor_approved(counter: Counter) -> None:
    held = await counter.held(request("Hello."))
    await aside(lambda: shifted(held.hold, timedelta(hours=25)))
    for act in (
        lambda: deciding.read(held.hold, "dora"),
        lambda: deciding.approve(held.hold, "dora", "Late."),
    ):
        with pytest.raises(HoldGone, match="too long"):
            await aside(act)
    assert await aside(lambda: told("hold.read")) == []
    assert await aside(ending.end) == 1
    assert await aside(ending.end) == 0
    assert await aside(lambda: [one["reason"] for one in told("hold.expired")]) == ["time_over"]


async def test_what_the_record_does_not_take_is_not_held(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_events: object) -> None:
        raise RecordUnavailable("The disk is full.")

    monkeypatch.setattr(counter.writer, "append", full)
    with pytest.raises(gate.Refused):
        await counter.admit(request("Hello."))
    assert store().all_held() == []
    assert await aside(Hold.objects.count) == 0


async def test_keys_that_a_crash_left_are_destroyed_and_living_ones_stay(
    counter: Counter,
) -> None:
    held = await counter.held(request("Hello."))
    left, young = "00000001" + "a" * 24, f"{gate.now() // 1_000_000:08x}" + "b" * 24
    for orphan in (left, young):
        await aside(partial(text.sealed, orphan, b"{}", gate.now()))
    await aside(ending.end)
    assert store().all_held() == sorted([young, held.hold])
    await aside(lambda: Hold.objects.update(state="denied"))
    await aside(ending.end)
    assert store().all_held() == [young]


async def test_an_application_has_only_so_many_requests_that_wait(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "WAITING_MAX", 2)
    asked = request("Hello.")
    for one in (asked, again(asked)):
        await counter.held(one)
    with pytest.raises(gate.Refused) as raised:
        await counter.admit(again(asked))
    assert raised.value.reason == "too_many_holds"
    await counter.held(request("Hello."))  # another application


async def test_a_held_text_is_no_kept_content_for_anybody_else(counter: Counter) -> None:
    held = await counter.held(request("Hello."))
    assert await aside(lambda: vault.read(held.hold)) == []


async def test_a_block_wins_over_a_hold_and_nothing_is_set_aside(counter: Counter) -> None:
    rules = policy(
        rule(HELD, "hold", models=["m"]), rule("keys", "block", categories=["credential"])
    )
    with pytest.raises(gate.Blocked):
        await counter.admit(request(f"Sign in with {KEY}"), rules)
    assert store().all_held() == []


@pytest.mark.parametrize("step", ["deny", "use", "keep"])
async def test_what_a_killed_process_left_half_done_lets_nothing_pass_and_is_cleared(
    counter: Counter, database: Database, step: str
) -> None:
    asked = request("Hello.")
    held = await counter.held(asked)
    hold = held.hold if step != "keep" else "00000001" + "c" * 24
    if step == "use":
        await aside(lambda: deciding.approve(hold, "dora", "Seen."))
    environment = database.environment() | {"DOMICILE_DATA": str(store().folder.parent)}
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.compliance.holds.dying", step, hold],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert hold in store().all_held(), "it died before the key was destroyed"
    state = {"deny": "denied", "use": "used"}.get(step, "waiting")
    assert await aside(lambda: Hold.objects.get().state) == state
    one = again(asked)
    with pytest.raises(NotApproved, match=state):
        await counter.desk.approval(held.hold, one)
    await aside(ending.end)
    assert store().all_held() == ([held.hold] if step == "keep" else [])


async def test_each_process_has_the_rights_that_its_part_of_a_hold_needs(
    counter: Counter,
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    first, second = request("Hello."), request("Bye.")
    used, late = await counter.held(first), await counter.held(second)

    def as_role(name: str, work: Callable[[], T]) -> T:
        with connection.cursor() as cursor:
            cursor.execute(ROLES.read_text())
            cursor.execute(f"SET ROLE domicile_{name}")
            try:
                return work()
            finally:
                cursor.execute("RESET ROLE")

    epoch = await aside(lambda: Epoch.begin("web-2"))
    event = VocabularyEvent("request.admitted", gate.now(), {}, "f" * 32, uses=used.hold)

    def decided() -> bool:
        deciding.read(used.hold, "dora")
        deciding.approve(used.hold, "dora", "Seen.")
        return storage().insert(epoch.id, [epoch.row(event, 0)], None)

    assert await aside(lambda: as_role("web", decided))
    await aside(lambda: shifted(late.hold, timedelta(hours=25)))
    assert await aside(lambda: as_role("records", ending.end)) == 1
    await aside(lambda: shifted(late.hold, timedelta(days=90)))
    assert await aside(lambda: as_role("records", ending.end)) == 0
    assert await aside(lambda: list(Hold.objects.values_list("pk", flat=True))) == [used.hold]

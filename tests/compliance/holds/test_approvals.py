"""What a person said of a held request serves one repetition of it, once, and no other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from compliance import gate
from compliance.audit import erasure
from compliance.audit.keystore import store
from compliance.holds import deciding, desk, ending
from compliance.holds.binding import binding, derived
from compliance.holds.deciding import HoldGone
from compliance.holds.desk import NotApproved
from compliance.models import Content, Hold
from compliance.vocabulary import Effect, RecordUnavailable, RequestClass
from tests.compliance.audit.giving_up import sending
from tests.compliance.audit.test_writer import TransactionOfAnother
from tests.compliance.holds.conftest import (
    HELD,
    OTHER,
    SUBJECT_KEY,
    Counter,
    again,
    approved,
    aside,
    policy,
    rule,
    told,
)
from tests.compliance.test_gate import EMAIL, request
from tests.services.waiting import until

pytestmark = pytest.mark.database
T = TypeVar("T")
ROLES = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"


async def test_an_approved_request_passes_once_and_only_the_rules_that_held_it(
    counter: Counter,
) -> None:
    asked = request(f"Write to {EMAIL}.")
    hold = await approved(counter, asked)
    one, other = again(asked), again(asked, stream=True)
    approval = await counter.desk.approval(hold, one)
    assert approval is not None
    admitted = await counter.admit(one, approval=approval)
    assert set(admitted.approved) == {HELD}
    assert admitted.decision.effect is Effect.PSEUDONYMISE
    (said,) = await aside(lambda: told("request.admitted"))
    assert said["hold"] == hold
    with pytest.raises(gate.HoldSpent):
        await counter.admit(other, approval=approval)
    with pytest.raises(NotApproved, match="used"):
        await counter.desk.approval(hold, other)
    row = await aside(Hold.objects.get)
    assert (row.state, row.used_by) == ("used", one.id)
    assert len(counter.seal.sealed) == 1


async def test_of_two_repetitions_at_once_one_wins(counter: Counter) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)

    async def repeated() -> str:
        one = again(asked)
        approval = await counter.desk.approval(hold, one)
        try:
            await counter.admit(one, approval=approval)
        except gate.HoldSpent:
            return "spent"
        return "admitted"

    # Both have read that it is approved before either uses it up, or one is told so earlier.
    outcomes = await asyncio.gather(repeated(), repeated(), return_exceptions=True)
    assert sum(outcome == "admitted" for outcome in outcomes) == 1
    assert len(counter.seal.sealed) == 1


async def test_an_approval_satisfies_no_rule_that_did_not_hold_the_request(
    counter: Counter,
) -> None:
    asked = request(f"Write to {EMAIL}.")
    hold = await approved(counter, asked)
    newer = policy(
        rule(HELD, "hold", models=["m"]),
        rule(OTHER, "hold", categories=["personal"]),
        version=2,
    )
    one = again(asked)
    approval = await counter.desk.approval(hold, one)
    with pytest.raises(gate.Held) as raised:
        await counter.admit(one, newer, approval)
    assert raised.value.hold == one.id
    blocking = policy(rule("never", "block", models=["m"]), version=3)
    two = again(asked)
    with pytest.raises(gate.Blocked):
        await counter.admit(two, blocking, await counter.desk.approval(hold, two))
    assert await aside(lambda: Hold.objects.get(pk=hold).state) == "approved", "not used up"


async def test_one_more_approval_is_enough_where_another_rule_holds_a_request_by_now(
    counter: Counter,
) -> None:
    asked = request(f"Write to {EMAIL}.")
    hold = await approved(counter, asked)
    by_now = policy(
        rule(HELD, "hold", models=["m"]), rule(OTHER, "hold", categories=["personal"])
    )
    one, two = again(asked), again(asked)
    with pytest.raises(gate.Held) as raised:
        await counter.admit(one, by_now, await counter.desk.approval(hold, one))
    assert raised.value.decision.held_by == (OTHER, HELD)
    assert f"Rule {HELD}." in str(raised.value)
    await aside(lambda: deciding.approve(one.id, "dora", "Seen."))
    await counter.admit(two, by_now, await counter.desk.approval(one.id, two))
    assert len(counter.seal.sealed) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"messages": [{"role": "user", "content": "Hello!"}]}},
        {"model": "n"},
        {"subjects": ("ab" * 32,)},
        {"request_class": RequestClass.BATCH},
    ],
    ids=["text", "model", "subject", "class"],
)
async def test_another_request_may_not_use_an_approval(
    counter: Counter, change: dict[str, object]
) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    with pytest.raises(NotApproved, match="other_request"):
        await counter.desk.approval(hold, again(asked, **change))


async def test_who_rewrites_the_rows_of_holds_approves_no_other_request_and_no_other_rule(
    counter: Counter,
) -> None:
    harmless = request("Hello.")
    other = again(harmless, body={"messages": [{"role": "user", "content": "Anything."}]})
    hold = await approved(counter, harmless)
    held = await counter.held(other)

    def forged() -> None:
        wanted = Hold.objects.get(pk=held.hold).binding
        much_later = datetime.now(UTC) + timedelta(days=365)
        Hold.objects.filter(pk=hold).update(
            binding=wanted, rules=[HELD, OTHER], expires=much_later
        )

    await aside(forged)
    with pytest.raises(NotApproved, match="other_request"):
        await counter.desk.approval(hold, again(other))
    approval = await counter.desk.approval(hold, again(harmless))
    assert approval is not None
    assert set(approval.rules) == {HELD}


async def test_an_approval_serves_until_the_end_that_is_on_the_record(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LIFETIME", 1)
    asked = request("Hello.")
    held = await counter.held(asked)
    later = datetime.now(UTC) + timedelta(days=365)

    def forged() -> None:
        Hold.objects.update(expires=later)
        Content.objects.update(expires=later)
        deciding.approve(held.hold, "dora", "Seen.")

    await aside(forged)
    with pytest.raises(NotApproved, match="expired"):
        await counter.desk.approval(held.hold, again(asked))


async def test_an_approval_satisfies_no_rule_that_was_rewritten_since(
    counter: Counter,
) -> None:
    asked = request(f"Write to {EMAIL}.")
    hold = await approved(counter, asked)
    rewritten = policy(rule(HELD, "hold", categories=["personal"]), version=2)
    one, two = again(asked), again(asked)
    with pytest.raises(gate.Held) as raised:
        await counter.admit(one, rewritten, await counter.desk.approval(hold, one))
    assert raised.value.decision.held_by == (HELD,)
    untouched = policy(
        rule(HELD, "hold", models=["m"]), rule("x", "allow", models=["n"]), version=3
    )
    await counter.admit(two, untouched, await counter.desk.approval(hold, two))


async def test_another_application_learns_nothing_of_a_hold(counter: Counter) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    stranger = again(asked, application=request("x").application)
    assert await counter.desk.approval(hold, stranger) is None
    assert await counter.desk.standing(hold, stranger.application.id) is None
    standing = await counter.desk.standing(hold, asked.application.id)
    assert standing is not None
    assert standing.state == "approved"


def test_a_binding_is_the_same_for_the_same_request_and_says_nothing_without_its_key() -> None:
    asked = request("Hello.", stop=["b"], seed=1)
    key = derived(SUBJECT_KEY)
    turned = dict(sorted(asked.body.items(), reverse=True))
    assert binding(key, asked) == binding(key, again(asked, body=turned, stream=True))
    assert binding(key, asked) != binding(derived(bytes(32)), asked)


async def test_an_approved_text_that_was_erased_lets_nothing_pass(counter: Counter) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    one = again(asked)
    approval = await counter.desk.approval(hold, one)
    await aside(lambda: erasure.erase("request", hold, actor="dora", reason="Asked for."))
    with pytest.raises(gate.HoldSpent, match="expired"):
        await counter.admit(one, approval=approval)
    assert counter.seal.sealed == []
    standing = await counter.desk.standing(hold, asked.application.id)
    assert standing is not None
    assert standing.state == "expired", "as who uses it is told"
    with pytest.raises(NotApproved, match="expired"):
        await counter.desk.approval(hold, again(asked))


async def test_an_approval_is_used_up_by_what_the_record_takes_and_by_nothing_else(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    one, two = again(asked), again(asked)

    async def full(_events: object) -> None:
        raise RecordUnavailable("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(counter.writer, "append", full)
        with pytest.raises(gate.Refused):
            await counter.admit(one, approval=await counter.desk.approval(hold, one))
    await counter.admit(two, approval=await counter.desk.approval(hold, two))
    assert await aside(lambda: Hold.objects.get().used_by) == two.id
    assert [said["hold"] for said in await aside(lambda: told("request.admitted"))] == [hold]


async def test_a_caller_who_goes_while_an_approval_is_used_leaves_no_open_request(
    counter: Counter,
) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    one = again(asked)
    approval = await counter.desk.approval(hold, one)
    with TransactionOfAnother(), sending(counter.writer) as sent:
        task = asyncio.create_task(counter.admit(one, approval=approval))
        await until(lambda: one.id in sent, "the writer sends it")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def ends() -> list[dict[str, str]]:
        return told("request.cancelled")

    await until(lambda: aside(ends), "its end is written")
    assert await aside(lambda: Hold.objects.get().used_by) == one.id
    await aside(ending.end)
    assert store().all_held() == []


async def test_of_many_that_are_written_together_each_approval_serves_one(
    counter: Counter,
) -> None:
    asked, other = request("Hello."), request("Bye.")
    holds = {one.id: await approved(counter, one) for one in (asked, other)}
    wanted = [(again(one), holds[one.id]) for one in (asked, other) for _ in range(4)]
    given = [await counter.desk.approval(hold, one) for one, hold in wanted]
    outcomes = await asyncio.gather(
        *(
            counter.admit(one, approval=approval)
            for (one, _), approval in zip(wanted, given, strict=True)
        ),
        *(counter.admit(request("Free."), policy()) for _ in range(8)),
        return_exceptions=True,
    )
    spent = [one for one in outcomes if isinstance(one, gate.HoldSpent)]
    assert [str(one) for one in spent] == ["used"] * 6
    assert sum(isinstance(one, gate.Admitted) for one in outcomes) == 2 + 8
    used = [
        said["hold"] for said in await aside(lambda: told("request.admitted")) if "hold" in said
    ]
    assert sorted(used) == sorted(holds.values())


async def test_a_state_that_no_person_gave_lets_nothing_pass(counter: Counter) -> None:
    asked = request("Hello.")
    held = await counter.held(asked)
    await aside(lambda: Hold.objects.update(state="approved"))
    with pytest.raises(NotApproved, match="expired"):
        await counter.desk.approval(held.hold, again(asked))


async def test_a_restored_database_brings_neither_an_approval_nor_a_text_back(
    counter: Counter,
) -> None:
    asked = request("Hello.")
    hold = await approved(counter, asked)
    before = await aside(lambda: Hold.objects.values().get())
    one, two = again(asked), again(asked)
    await counter.admit(one, approval=await counter.desk.approval(hold, one))
    await aside(lambda: Hold.objects.update(**before))
    with pytest.raises(NotApproved, match="expired"):
        await counter.desk.approval(hold, two)
    await aside(lambda: Hold.objects.update(state="waiting"))
    for act in (deciding.read, lambda hold, who: deciding.approve(hold, who, "Again.")):
        with pytest.raises(HoldGone, match="destroyed"):
            await aside(partial(act, hold, "dora"))
    assert len(counter.seal.sealed) == 1

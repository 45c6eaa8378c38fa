"""Times that are wrong: set back by whoever signs, or by a machine's clock."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from compliance.audit.changes import recorded
from compliance.models import PolicyVersion
from compliance.policy.default import DEFAULT
from compliance.versions import keys, load, statements
from compliance.versions.chain import ACTIVE, PROPOSED, SCHEDULED, SKEW
from compliance.versions.tighten import tighten
from compliance.versions.watching import PolicyWatch
from compliance.versions.withdraw import withdraw
from tests.compliance.versions.forging import run, undone
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    details,
    officer,
    proposed,
    rule,
    standing,
)
from tests.compliance.versions.test_forged import (
    BLOCK,
    TABLES,
    key_of,
    said_at,
    says,
    stored,
    tightening,
)

pytestmark = pytest.mark.usefixtures("appliance")
HOUR = 3_600_000_000  # µs


class Clock:
    """This machine's clock, which may be wrong by `ahead` (µs)."""

    def __init__(self) -> None:
        self.ahead = 0

    def time_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_REALTIME) + self.ahead * 1_000


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(time, "time_ns", made.time_ns)
    return made


def forgotten():
    """What the notary wrote of the versions goes, as if it had not looked."""
    run("UPDATE compliance_policyversion SET activated = NULL WHERE number = 2")
    run("UPDATE compliance_policyversion SET retired = NULL")


@pytest.mark.parametrize("noted", [True, False])
def test_nobody_alone_takes_back_the_newest_version_by_a_time_before_its_approval(
    appliance, noted
):
    second = counting(officer(), approver(), rule("strict"))
    PolicyWatch(appliance).look()
    first = PolicyVersion.objects.get(number=1)
    approved = said_at(second, statements.APPROVAL)
    private, mark = key_of("olga")
    with undone(*TABLES):
        says(
            second,
            statements.WITHDRAWAL,
            private,
            person="olga",
            key=mark,
            reason="Forged.",
            time=approved - 1,
        )
        if not noted:
            forgotten()
        found = standing()
        assert found.active is None
        assert "withdrawn before it was approved" in found.faults[0]
    with undone(*TABLES):
        tightening(stored(*DEFAULT.rules, BLOCK), first, "olga", approved - 1)
        if not noted:
            forgotten()
        found = standing()
        assert found.active is None
        assert "before version 2, whose place it would take, was approved" in found.faults[0]
    assert standing().active.number == 2


def test_a_password_set_while_the_clock_is_behind_leaves_what_the_key_signed(appliance, clock):
    one, other = officer(), approver()
    clock.ahead = HOUR
    counting(one, other, rule("strict"))
    late = approver("lena")
    key = late.approval_keys.get()
    keys.endorse(key, statements.fingerprint(key.public_key), other, PASSWORD)
    clock.ahead = 0
    with recorded():
        keys.lose(other, actor="root")
    clock.ahead = 2 * HOUR
    assert standing().faults == ()
    assert standing().active.number == 2
    assert [one["person"] for one in details("approval_key.revoked")] == ["anna"]


def test_after_a_clock_was_ahead_one_person_still_tightens_at_once(appliance, clock):
    one, other = officer(), approver()
    clock.ahead = HOUR
    counting(one, other, rule("strict"))
    PolicyWatch(appliance).look()
    clock.ahead = 0
    third = tighten([BLOCK], one, PASSWORD, reason="A leak.")
    PolicyWatch(appliance).look()
    assert standing(heed=True).active.number == third.number
    fourth = counting(one, other, rule("stricter"))
    assert standing(heed=True).active.number == fourth.number


def test_what_was_approved_while_a_clock_was_ahead_can_be_withdrawn(appliance, clock):
    one, other = officer(), approver()
    clock.ahead = HOUR
    when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=5)
    second = counting(one, other, rule("strict"), active_from=when)
    clock.ahead = 0
    withdraw(second, one, PASSWORD, "Wrong.")
    assert standing(heed=True).faults == ()
    third = proposed(one, rule("other"))
    assert standing(heed=True).states[third.number] == "proposed"


def test_a_machine_whose_clock_is_a_little_behind_the_notarys_finds_nothing_forged(
    appliance, clock
):
    one, other = officer(), approver()
    clock.ahead = SKEW // 2
    second = counting(one, other, rule("strict"))
    PolicyWatch(appliance).look()
    tighten([BLOCK], one, PASSWORD, reason="A leak.")
    PolicyWatch(appliance).look()
    clock.ahead = 0
    found = load.standing()
    assert found.faults == ()
    assert found.states == {1: ACTIVE, second.number: SCHEDULED, 3: PROPOSED}
    assert load.standing(heed=True).states[3] == ACTIVE
    clock.ahead = -SKEW
    assert load.standing().active is None, "further behind than clocks may be"

"""What people do to a policy, a verb after the other, by the doors that the console uses."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from compliance.audit import catalogue
from compliance.models import Change, Event, PolicySignature, PolicyVersion
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Condition, Rule
from compliance.versions import Refused, drafts, keys
from compliance.versions.approve import approve
from compliance.versions.decline import decline
from compliance.versions.propose import propose
from compliance.versions.statements import fingerprint
from compliance.versions.tighten import tighten
from compliance.versions.withdraw import withdraw
from compliance.vocabulary import Effect
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    draft,
    officer,
    proposed,
    rule,
    sound,
    standing,
)

pytestmark = pytest.mark.usefixtures("appliance")

HOUR = dt.timedelta(hours=1)
BLOCK = Rule("stop", "Nothing goes on.", Condition(), Effect.BLOCK)


def later(by=HOUR):
    return dt.datetime.now(dt.UTC) + by


def at(when):
    return standing(now=round(when.timestamp() * 1_000_000))


def states():
    return dict(standing().states)


def test_an_appliance_starts_with_a_version_that_the_installer_signed():
    active = sound().active
    assert (active.digest, active.by) == (DEFAULT.digest, ())


def test_a_version_that_two_people_signed_counts_at_once():
    version = counting(officer(), approver(), rule("extra"))
    found = sound()
    assert found.active.digest == version.digest
    assert found.active.by == ("olga", "anna")
    assert found.states == {1: "superseded", 2: "active"}
    assert [one.until_us for one in found.in_force] == [found.active.since_us, None]


def test_a_version_counts_from_its_time_on_and_not_before():
    when = later()
    version = counting(officer(), approver(), rule("extra"), active_from=when)
    before = sound()
    assert before.active.number == 1
    assert before.scheduled.digest == version.digest
    assert before.next_change_us == before.scheduled.since_us
    assert at(when - HOUR / 60).active.number == 1
    assert at(when).active.number == version.number


def test_a_recall_says_when_older_versions_lost_what_was_not_started():
    one, other = officer(), approver()
    counting(one, other, rule("extra"))
    counting(one, other, rule("more"), recall=True)
    first, second, third = sound().in_force
    assert first.until_us == second.from_us
    assert first.recalled_us == second.recalled_us == third.from_us
    assert third.recalled_us is None


def test_one_person_tightens_at_once():
    who = officer()
    version = tighten([BLOCK], who, PASSWORD, reason="A leak.")
    found = sound()
    assert found.active.digest == version.digest
    assert found.active.recall
    assert found.active.policy.rules == (*DEFAULT.rules, BLOCK)


def test_one_person_cannot_loosen():
    allow = Rule("go", "All goes.", Condition(), Effect.ALLOW)
    who = officer()
    with pytest.raises(Refused, match="does not block"):
        tighten([allow], who, PASSWORD, reason="Haste.")
    assert states() == {1: "active"}


def test_what_was_approved_for_later_does_not_undo_what_was_tightened_meanwhile():
    one, other = officer(), approver()
    when = later()
    planned = counting(one, other, rule("extra"), active_from=when)
    urgent = tighten([BLOCK], other, PASSWORD, reason="A leak.")
    found = at(when + HOUR)
    assert found.faults == ()
    assert found.active.digest == urgent.digest
    assert found.states[planned.number] == "overtaken"


def test_a_withdrawn_version_never_counts():
    one, other = officer(), approver()
    when = later()
    version = counting(one, other, rule("extra"), active_from=when)
    withdraw(version, one, PASSWORD, "Wrong.")
    assert at(when + HOUR).active.number == 1
    assert states()[version.number] == "withdrawn"
    again = counting(one, other, rule("other"), active_from=when)
    assert at(when).active.digest == again.digest


def test_a_version_that_counts_cannot_be_withdrawn():
    one, other = officer(), approver()
    version = counting(one, other, rule("extra"))
    with pytest.raises(Refused, match="active"):
        withdraw(version, other, PASSWORD, "Wrong.")


def test_a_declined_version_cannot_be_approved():
    one, other = officer(), approver()
    version = proposed(one, rule("extra"))
    decline(version, other, "No.")
    with pytest.raises(Refused, match="declined"):
        approve(version, other, PASSWORD, active_from=None, recall=False)


def test_a_version_is_not_approved_twice():
    one, other = officer(), approver()
    version = counting(one, other, rule("extra"))
    with pytest.raises(Refused, match="active already"):
        approve(version, other, PASSWORD, active_from=None, recall=False)


def test_two_versions_are_not_scheduled_at_once():
    one, other = officer(), approver()
    first, second = proposed(one, rule("a")), proposed(one, rule("b"))
    approve(first, other, PASSWORD, active_from=later(), recall=False)
    with pytest.raises(Refused, match="scheduled"):
        approve(second, other, PASSWORD, active_from=later(2 * HOUR), recall=False)


def test_a_proposal_against_a_version_that_counts_no_more_is_proposed_again():
    one, other = officer(), approver()
    first, second = proposed(one, rule("a")), proposed(one, rule("b"))
    approve(first, other, PASSWORD, active_from=None, recall=False)
    with pytest.raises(Refused, match="propose it again"):
        approve(second, other, PASSWORD, active_from=None, recall=False)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (dt.timedelta(seconds=-1), "has passed"),
        (dt.timedelta(days=367), "within a year"),
    ],
)
def test_a_version_begins_neither_in_the_past_nor_beyond_a_year(when, words):
    version, other = proposed(officer(), rule("extra")), approver()
    with pytest.raises(Refused, match=words) as refused:
        approve(version, other, PASSWORD, active_from=later(when), recall=False)
    assert refused.value.field == "active_from"


def test_a_draft_is_not_saved_over_what_somebody_else_saved():
    who, made = officer(), None
    made = draft(who)
    drafts.save(made, made.document, person=who, seen=made.revision)
    with pytest.raises(Refused, match="Somebody else"):
        drafts.save(made, "{}", person=who, seen=made.revision - 1)


def test_a_draft_that_is_no_policy_is_refused_and_nothing_is_stored():
    who = officer()
    made = draft(who)
    made = drafts.save(made, '{"name": "x"}', person=who, seen=made.revision)
    with pytest.raises(Refused) as refused:
        propose(made, who, PASSWORD, note="A test.")
    assert refused.value.field == "document"
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize("words", ["", " \n", "a\0b", "\ud800", "x" * 1_001])
def test_a_reason_is_a_text_that_can_be_stored(words):
    with pytest.raises(Refused) as refused:
        decline(proposed(officer(), rule("extra")), approver(key=False), words)
    assert refused.value.field == "reason"


def test_a_key_made_later_waits_until_an_approver_endorses_it():
    one, other = officer(), approver()
    counting(one, other, rule("extra"))
    late = officer("lena")
    with pytest.raises(Refused, match="waits"):
        proposed(late, rule("late"))
    key = late.approval_keys.get()
    keys.endorse(key, fingerprint(key.public_key), other, PASSWORD)
    version = counting(late, other, rule("late"))
    assert sound().active.digest == version.digest


def test_all_of_it_is_on_the_record_with_its_signatures():
    one, other = officer(), approver()
    version = counting(one, other, rule("extra"))
    withdraw(proposed(one, rule("a")), one, PASSWORD, "Wrong.")
    decline(proposed(one, rule("b")), other, "No.")
    tighten([BLOCK], other, PASSWORD, reason="A leak.")
    keys.revoke(one.approval_keys.get(), one, "Leaving.")
    said: dict[str, list[Any]] = {}
    for event in Event.objects.exclude(detail=None):
        detail = json.loads(bytes(event.detail or b""))
        assert not catalogue.unknown(event.type, detail)
        said.setdefault(event.type, []).append(detail)
    silent = Change.objects.filter(table__startswith="compliance_")
    assert not silent.exists(), "an event speaks of every change"
    approved = said["policy.approved"][0]
    row = PolicySignature.objects.get(version=version, kind="policy-approval")
    assert (approved["statement"], approved["signature"]) == (row.statement, row.signature)
    assert set(said) >= {
        "approval_key.created",
        "approval_key.revoked",
        "policy.proposed",
        "policy.approved",
        "policy.withdrawn",
        "policy.declined",
        "policy.tightened",
    }

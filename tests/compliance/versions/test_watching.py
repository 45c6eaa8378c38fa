"""What the notary writes down about the policy, once, and what it raises an alarm for."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.audit import alarms, catalogue, watch
from compliance.models import Alarm, Change, PolicySignature, PolicyVersion
from compliance.versions import keys
from compliance.versions.watching import PolicyWatch, tell
from tests.compliance.versions import people
from tests.compliance.versions.forging import triggers_away
from tests.compliance.versions.people import approver, counting, officer, rule, standing

pytestmark = pytest.mark.usefixtures("appliance")


def details(kind):
    found = people.details(kind)
    for one in found:
        assert not catalogue.unknown(kind, one)
    return found


def test_a_version_that_counts_is_noted_once_with_what_proves_it(appliance):
    version = counting(officer(), approver(), rule("extra"))
    look = PolicyWatch(appliance).look
    look()
    look()
    _set_up, activated = details("policy.activated")
    assert activated["policy"]["digest"] == version.digest
    signed = PolicySignature.objects.get(version=version, kind="policy-approval")
    assert activated["signature"] == signed.signature
    first, second = PolicyVersion.objects.order_by("number")
    assert first.retired == second.activated
    assert second.retired is None
    assert standing().faults == (), "the columns agree with the signatures"
    assert not Change.objects.filter(table__startswith="compliance_").exists()


def test_two_versions_that_came_between_two_looks_are_both_noted(appliance):
    one, other = officer(), approver()
    counting(one, other, rule("a"))
    counting(one, other, rule("b"))
    PolicyWatch(appliance).look()
    assert len(details("policy.activated")) == 3
    assert standing().faults == ()


def test_a_scheduled_version_is_noted_when_its_time_has_come(appliance):
    when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    counting(officer(), approver(), rule("extra"), active_from=when)
    PolicyWatch(appliance).look()
    assert len(details("policy.activated")) == 1
    tell(standing(now=round(when.timestamp() * 1_000_000)))
    assert details("policy.activated")[-1]["policy"]["version"] == 2


def test_a_forged_version_raises_one_alarm_until_it_is_gone(appliance):
    forged = PolicyVersion.objects.create(number=7, document="{}", digest="0" * 64)
    watching = watch.Watch(also=[PolicyWatch(appliance).look])
    watching.look()
    tell(standing())
    (detail,) = details("policy.forged")
    assert "version 7" in detail["faults"][0]
    assert Alarm.objects.get(kind=alarms.FORGED).ended is None
    triggers_away("compliance_policyversion")
    forged.delete()
    tell(standing())
    assert Alarm.objects.get(kind=alarms.FORGED).ended is not None
    assert details("policy.sound")


def test_a_look_that_fails_keeps_no_other_from_what_it_finds(appliance):
    def fails():
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    forged = PolicyVersion.objects.create(number=7, document="{}", digest="0" * 64)
    assert Change.objects.exists()
    triggers_away("compliance_policyversion")
    looks = [fails, PolicyWatch(appliance).look]
    watch.Watch(disk=lambda: (1, 2), first=fails, also=looks).look()
    raised = set(Alarm.objects.filter(ended=None).values_list("kind", flat=True))
    assert raised == {alarms.FORGED, alarms.CHANGE, alarms.TRIGGERS, alarms.DISK}
    assert forged.pk
    assert not Change.objects.exists()


def test_a_key_that_the_installer_certified_later_raises_an_alarm_whoever_did_it(appliance):
    one, other = officer(), approver()
    counting(one, other, rule("extra"))
    late = approver("lena")
    keys.recover(late.approval_keys.get(), "Anna has left.", actor="command (root)")
    Alarm.objects.filter(kind=alarms.RECOVERED).delete()
    look = PolicyWatch(appliance).look
    look()
    assert Alarm.objects.get(kind=alarms.RECOVERED).words.startswith("lena")
    assert [one["actor"] for one in details("approval_key.recovered")] == [
        "command (root)",
        "notary",
    ]

"""P7: every role, and every step on a version's way, through the verbs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest

from compliance.admin.roles import (
    ADMINISTRATOR,
    APPROVER,
    AUDITOR,
    OFFICER,
    OPERATOR,
)
from compliance.models import ApprovalKey, PolicyDraft, PolicySignature, PolicyVersion
from compliance.policy.rules import Condition, Rule
from compliance.versions import Refused, drafts, keys
from compliance.versions.approve import approve
from compliance.versions.decline import decline
from compliance.versions.propose import propose
from compliance.versions.statements import fingerprint
from compliance.versions.tighten import tighten
from compliance.versions.withdraw import withdraw
from compliance.vocabulary import Effect
from tests.compliance.versions.forging import undone
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    details,
    draft,
    officer,
    person,
    proposed,
    rule,
    standing,
)

pytestmark = pytest.mark.usefixtures("appliance")

BLOCK = Rule("stop", "Stop.", Condition(models=frozenset({"another"})), Effect.BLOCK)
ROLES = {
    "nobody": (),
    "administrator": (ADMINISTRATOR,),
    "officer": (OFFICER,),
    "operator": (OPERATOR,),
    "auditor": (AUDITOR,),
    "approver": (APPROVER,),
    "both": (OFFICER, APPROVER),
    "officer who enters people": (OFFICER, ADMINISTRATOR),
    "approver who enters people": (APPROVER, ADMINISTRATOR),
    "superuser": (),
}
WRITES = {"officer", "both", "officer who enters people", "superuser"}
PROPOSES, APPROVES = {"officer", "both"}, {"approver", "both"}


def verbs(mine, theirs, version, waiting):
    """Each step, and which roles may take it with a key to propose, and to approve.

    `mine` is a draft, `theirs` another's key, `version` proposed by another, `waiting` a key.
    """
    nobody: set[str] = set()
    return {
        "draft": (WRITES, WRITES, draft),
        "save": (
            WRITES,
            WRITES,
            lambda who: drafts.save(mine, "{}", person=who, seen=mine.revision),
        ),
        "discard": (WRITES, WRITES, lambda who: drafts.discard(mine, who)),
        "propose": (
            PROPOSES,
            nobody,
            lambda who: propose(mine, who, PASSWORD, note="A test."),
        ),
        "tighten": (
            PROPOSES,
            APPROVES,
            lambda who: tighten([BLOCK], who, PASSWORD, reason="A test."),
        ),
        "withdraw": (
            PROPOSES,
            APPROVES,
            lambda who: withdraw(version, who, PASSWORD, "A test."),
        ),
        "decline": (APPROVES, APPROVES, lambda who: decline(version, who, "A test.")),
        "approve": (
            nobody,
            APPROVES,
            lambda who: approve(version, who, PASSWORD, active_from=None, recall=False),
        ),
        "endorse": (
            nobody,
            APPROVES,
            lambda who: keys.endorse(waiting, mark(waiting), who, PASSWORD),
        ),
        "revoke": (APPROVES, APPROVES, lambda who: keys.revoke(theirs, who, "A test.")),
    }


def mark(key):
    return fingerprint(key.public_key)


def refused(step, who):
    try:
        step(who)
    except Refused:
        return True
    return False


def counts():
    models = (PolicyVersion, PolicySignature, ApprovalKey, PolicyDraft)
    return [model.objects.count() for model in models], dict(standing().states)


@pytest.mark.database
@pytest.mark.parametrize("held", ["propose", "approve"])
def test_each_step_is_for_its_role_and_key_and_nobody_else(held):
    one, other = officer(), approver()
    counting(one, other, rule("a"))
    who = officer("kim", key=False) if held == "propose" else approver("kim", key=False)
    key = keys.create(who, PASSWORD, held)
    keys.endorse(key, mark(key), other, PASSWORD)
    version, mine = proposed(one, rule("b")), draft(one, rule("c"))
    waiting = approver("lena").approval_keys.get()
    steps = verbs(mine, one.approval_keys.get(), version, waiting)
    for role, groups in ROLES.items():
        who.groups.set(Group.objects.filter(name__in=groups))
        who.is_superuser = role == "superuser"
        who.save()
        for name, (proposing, approving, step) in steps.items():
            allowed = role in (proposing if held == "propose" else approving)
            before = counts()
            with undone():
                if allowed:
                    step(who)
                    assert standing().faults == (), (role, name)
                    continue
                assert refused(step, who), f"{role} with a key to {held} may {name}"
                assert counts() == before, (role, name)


@pytest.mark.parametrize(
    ("role", "may"),
    [(role, role in PROPOSES | APPROVES) for role in ROLES],
)
def test_a_key_is_for_whoever_may_propose_or_approve(role, may):
    who = person("kim", *ROLES[role], is_superuser=role == "superuser")
    purpose = "propose" if role in PROPOSES else "approve"
    if may:
        keys.create(who, PASSWORD, purpose)
        with pytest.raises(Refused, match="already"):
            keys.create(who, PASSWORD, purpose)
        return
    for purpose in ("propose", "approve"):
        with pytest.raises(Refused):
            keys.create(who, PASSWORD, purpose)
    assert not ApprovalKey.objects.exists()


def test_nobody_approves_the_own_proposal_under_either_role():
    who = person("kim", OFFICER, APPROVER)
    keys.create(who, PASSWORD, "propose")
    version = proposed(who, rule("a"))
    with pytest.raises(Refused, match="certified to propose"):
        approve(version, who, PASSWORD, active_from=None, recall=False)
    keys.revoke(who.approval_keys.get(), who, "To have another.")
    keys.create(who, PASSWORD, "approve")
    with pytest.raises(Refused, match="somebody else"):
        approve(version, who, PASSWORD, active_from=None, recall=False)
    assert standing().active.number == 1


def test_a_revoked_key_signs_nothing_and_what_it_signed_stays():
    one, other = officer(), approver()
    version = counting(one, other, rule("a"))
    keys.revoke(one.approval_keys.get(), one, "Leaving.")
    keys.revoke(other.approval_keys.get(), other, "Leaving.")
    with pytest.raises(Refused, match="no approval key"):
        proposed(one, rule("b"))
    found = standing()
    assert (found.faults, found.active.digest) == ((), version.digest)


def test_nobody_endorses_the_own_key():
    one, other = officer(), approver()
    counting(one, other, rule("a"))
    late = approver("lena").approval_keys.get()
    with pytest.raises(Refused, match="waits"):
        keys.endorse(late, mark(late), late.person, PASSWORD)


def test_a_wrong_password_signs_nothing_and_is_a_failed_login():
    one, other = officer(), approver()
    version = proposed(one, rule("a"))
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    with pytest.raises(Refused) as refused:
        approve(version, other, "guessed", active_from=None, recall=False, request=request)
    assert refused.value.field == "password"
    assert [one["actor"] for one in details("login.failed")] == ["anna"]
    assert standing().active.number == 1


def test_too_many_wrong_passwords_lock_the_right_one_out(settings):
    one, other = officer(), approver()
    version = proposed(one, rule("a"))
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    for password in ["guessed"] * settings.AXES_FAILURE_LIMIT + [PASSWORD]:
        with pytest.raises(Refused, match="too many"):
            approve(version, other, password, active_from=None, recall=False, request=request)
    assert standing().active.number == 1

"""P7 through the console: every role and key, and every step, as a browser would send it."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from compliance.versions import keys
from tests.compliance.admin import stories
from tests.compliance.admin.policies import drafted, page
from tests.compliance.versions.conftest import quick  # noqa: F401 - asked for below
from tests.compliance.versions.forging import undone
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    officer,
    proposed,
    rule,
    standing,
)
from tests.compliance.versions.test_who_may import (
    APPROVES,
    PROPOSES,
    ROLES,
    WRITES,
    counts,
    mark,
)

STOP = {
    "description": "Stop.",
    "id": "stop",
    "effect": "block",
    "when_models_more": "another",
    "save": "1",
}

CLOSED = {
    "description": "The portal is closed.",
    "who": "only",
    "when_applications": ["helpdesk"],
    "reason": "Somebody has its key.",
    "save": "1",
}


def steps(draft, theirs, version, waiting):
    """Each step's address and fields, and who may take it with a key to propose, to approve."""
    nobody: set[str] = set()
    signs = {"password": PASSWORD}
    changes = reverse("admin:policy_rule", args=[draft.pk])
    active = standing().active
    assert active is not None
    seen = {"seen": f"{draft.revision} {active.digest}"}  # as the page carries it
    return {
        "draft": (WRITES, WRITES, reverse("admin:policy_start"), {"note": "A test."}),
        "rule": (WRITES, WRITES, changes, STOP | {"id": "new"}),
        "discard": (WRITES, WRITES, reverse("admin:policy_discard", args=[draft.pk]), {}),
        "propose": (
            PROPOSES,
            nobody,
            reverse("admin:policy_propose", args=[draft.pk]),
            signs | seen | {"note": "A test."},
        ),
        "tighten": (PROPOSES, APPROVES, reverse("admin:policy_tighten"), signs | CLOSED),
        "withdraw": (PROPOSES, APPROVES, page(version, "withdraw"), signs | {"reason": "No."}),
        "decline": (APPROVES, APPROVES, page(version, "decline"), {"reason": "A test."}),
        "approve": (
            nobody,
            APPROVES,
            page(version, "approve"),
            signs | {"when": "now", "zone": "UTC"},
        ),
        "endorse": (
            nobody,
            APPROVES,
            reverse("admin:approval_key_endorse", args=[waiting.pk]),
            signs | {"mark": mark(waiting), "compared": "on"},
        ),
        "revoke": (
            APPROVES,
            APPROVES,
            reverse("admin:approval_key_revoke", args=[theirs.pk]),
            {"reason": "A test."},
        ),
    }


def state(draft, waiting, theirs):
    """All that a step could have changed."""
    for row in (draft, waiting, theirs):
        row.refresh_from_db()
    rows = (draft.document, draft.state, waiting.signature, theirs.revoked)
    return counts(), rows


@pytest.mark.parametrize("held", ["propose", "approve"])
def test_each_page_lets_its_roles_take_the_step_and_nobody_else(
    quick,  # noqa: F811
    console,
    held,
):
    stories.machines()
    stories.policy()
    stories.application()
    one, other = officer(), approver()
    counting(one, other, rule("a"))
    who = officer("kim", key=False) if held == "propose" else approver("kim", key=False)
    key = keys.create(who, PASSWORD, held)
    keys.endorse(key, mark(key), other, PASSWORD)
    version, draft = proposed(one, rule("b")), drafted(one, rule("c"))
    waiting, theirs = approver("lena").approval_keys.get(), one.approval_keys.get()
    console.force_login(who)
    for role, groups in ROLES.items():
        who.groups.set(Group.objects.filter(name__in=groups))
        who.is_superuser = role == "superuser"
        who.save()
        before = state(draft, waiting, theirs)
        for name, (proposing, approving, address, fields) in steps(
            draft, theirs, version, waiting
        ).items():
            allowed = role in (proposing if held == "propose" else approving)
            with undone():
                answer = console.post(address, fields)
                after = state(draft, waiting, theirs)
                said = f"{role} with a key to {held}: {name} ({answer.status_code})"
                assert (after != before) is allowed, said
                assert standing().faults == (), said
            assert state(draft, waiting, theirs) == before

"""A policy's way through the console: drafted, proposed, approved, in force; no other way."""

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from compliance.admin import policies
from compliance.admin.roles import ADMINISTRATOR, APPROVER, AUDITOR, OFFICER, OPERATOR
from compliance.models import ApprovalKey, Event, PolicyDraft, PolicyVersion
from compliance.policy.terms import Condition, Retention
from compliance.versions import drafts, load
from tests.compliance.admin import stories
from tests.compliance.admin.forms import typed
from tests.compliance.admin.policies import drafted, in_force, page
from tests.compliance.versions.conftest import quick  # noqa: F401 - asked for below
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    officer,
    proposed,
    rule,
)

LIST = "admin:compliance_policyversion_changelist"


@pytest.fixture
def filled(quick, console):  # noqa: F811
    """An appliance with its first policy, and two people who can sign for another."""
    stories.machines()
    stories.policy()
    stories.application()
    console.olga, console.anna = officer(), approver()
    return console


def log_in(client, user):
    client.force_login(user)
    return client


def text(answer):
    return " ".join(answer.content.decode().split())


def test_two_people_put_a_policy_in_force(filled):
    log_in(filled, filled.olga)
    started = filled.post(reverse("admin:policy_start"), {"note": "No mail."})
    draft = PolicyDraft.objects.get()
    assert started.headers["Location"] == reverse("admin:policy_draft", args=[draft.pk])
    filled.post(
        reverse("admin:policy_rule", args=[draft.pk]),
        {
            "description": "Mail addresses never reach a model.",
            "id": "no-mail",
            "effect": "block",
            "when_entities": ["EMAIL_ADDRESS"],
            "when_entities_more": "EMAIL_ADDRESS",
            "save": "1",
        },
    )
    shown = filled.get(reverse("admin:policy_draft", args=[draft.pk]))
    assert [(one.kind, one.rule) for one in shown.context["differences"]] == [
        ("added", "no-mail")
    ]
    asked = typed(filled.get(reverse("admin:policy_propose", args=[draft.pk])))
    filled.post(
        reverse("admin:policy_propose", args=[draft.pk]),
        asked | {"note": "Mail is out.", "password": PASSWORD},
    )
    version = PolicyVersion.objects.get(number=2)
    assert load.standing().states[2] == "proposed"
    assert "You proposed this version" in text(
        filled.get(reverse("admin:compliance_policyversion_change", args=[version.pk]))
    )
    log_in(filled, filled.anna)
    asked = filled.get(page(version, "approve"))
    assert "no-mail" in text(asked)
    assert "Proposed by <strong>olga</strong>" in text(asked)
    filled.post(page(version, "approve"), {"when": "now", "zone": "UTC", "password": PASSWORD})
    assert in_force().number == 2
    listed = text(filled.get(reverse(LIST)))
    assert "not yet by two people" not in listed
    assert "Approved by anna" in listed
    assert [one.type for one in Event.objects.filter(type__startswith="policy.")][-2:] == [
        "policy.proposed",
        "policy.approved",
    ]


def test_nobody_signs_what_was_changed_while_they_read(filled):
    log_in(filled, filled.olga)
    draft = drafted(filled.olga, rule("more", categories=["special"]))
    address = reverse("admin:policy_propose", args=[draft.pk])
    signs = typed(filled.get(address)) | {"note": "More.", "password": PASSWORD}
    drafts.save(draft, draft.document, person=filled.olga, seen=draft.revision)
    answer = filled.post(address, signs)
    assert "was changed while you read" in text(answer)
    signs = typed(answer) | {"note": "More.", "password": PASSWORD}
    counting(officer("other"), filled.anna, rule("theirs", categories=["criminal"]))
    answer = filled.post(address, signs)
    assert "was changed while you read" in text(answer)
    assert PolicyVersion.objects.count() == 2
    signs = typed(answer) | {"note": "More.", "password": PASSWORD}
    assert filled.post(address, signs).status_code == 302
    assert PolicyVersion.objects.count() == 3


def test_the_installers_version_says_that_two_people_have_not_signed_it(filled):
    log_in(filled, filled.olga)
    assert "Signed by the installer, not yet by two people." in text(filled.get(reverse(LIST)))


def test_a_scheduled_version_says_when_in_utc(filled):
    version = proposed(filled.olga, rule("later"))
    log_in(filled, filled.anna)
    at = (timezone.now() + dt.timedelta(days=9)).astimezone(dt.UTC).replace(hour=10, minute=0)
    zone = "Asia/Tokyo"  # nine hours ahead, all year
    local = f"{at + dt.timedelta(hours=9):%Y-%m-%dT%H:%M}"
    fields = {"when": "later", "at": local, "zone": zone, "password": PASSWORD}
    assert filled.post(page(version, "approve"), fields).status_code == 302
    standing = load.standing()
    assert standing.states[version.number] == "scheduled"
    assert "It becomes active <time" in text(filled.get(reverse(LIST)))
    assert f"{at:%Y-%m-%d} 10:00:00 UTC" in text(filled.get(reverse(LIST)))


NOT_MEANT: list[tuple[dict[str, Any], str, str]] = [
    ({"when": "later"}, "at", "Say at which time"),
    ({"when": "later", "at": "2020-01-01T10:00"}, "at", ""),
    ({"when": "later", "at": "2099-01-01T10:00"}, "at", ""),
    (
        {"when": "later", "at": "2027-03-28T02:30", "zone": "Europe/Berlin"},
        "at",
        "leave this",
    ),
    ({"when": "later", "at": "2027-10-31T02:30", "zone": "Europe/Berlin"}, "at", "twice"),
    ({"when": ""}, "when", "required"),
    ({"zone": "Mars/Olympus"}, "zone", "not one of"),
    ({"password": "wrong"}, "password", "not your password"),
    ({"password": ""}, "password", "required"),
]


def test_an_approval_that_cannot_be_meant_is_refused_at_its_field(filled):
    version = proposed(filled.olga, rule("more"))
    log_in(filled, filled.anna)
    for fields, field, words in NOT_MEANT:
        given = {"when": "now", "zone": "UTC", "password": PASSWORD, **fields}
        answer = filled.post(page(version, "approve"), given)
        assert answer.status_code == 200
        errors = answer.context["form"].errors
        assert list(errors) == [field], errors
        assert words in " ".join(errors[field])
        assert load.standing().states[version.number] == "proposed"


def test_nobody_approves_what_they_proposed(filled):
    both = officer("both")
    version = proposed(both, rule("mine"))
    both.groups.add(*User.objects.get(username="anna").groups.all())
    log_in(filled, both)
    shown = filled.get(page(version, "approve"))
    assert "You proposed this version" in text(shown)
    assert "Sign and approve" not in text(shown)
    answer = filled.post(
        page(version, "approve"), {"when": "now", "zone": "UTC", "password": PASSWORD}
    )
    assert answer.status_code == 403
    assert load.standing().states[version.number] == "proposed"


def test_an_approver_declines_with_a_reason_that_the_page_shows(filled):
    version = proposed(filled.olga, rule("too-much"))
    log_in(filled, filled.anna)
    assert filled.post(page(version, "decline"), {"reason": ""}).status_code == 200
    filled.post(page(version, "decline"), {"reason": "Too broad."})
    shown = filled.get(reverse("admin:compliance_policyversion_change", args=[version.pk]))
    assert "Too broad." in text(shown)
    assert load.standing().states[version.number] == "declined"
    assert filled.get(page(version, "approve")).status_code == 404


@pytest.mark.parametrize("scheduled", [False, True])
def test_what_does_not_count_yet_is_withdrawn_by_one_person(filled, scheduled):
    at = timezone.now() + dt.timedelta(days=2) if scheduled else None
    version = (
        counting(filled.olga, filled.anna, rule("soon"), active_from=at)
        if scheduled
        else proposed(filled.olga, rule("soon"))
    )
    log_in(filled, filled.olga)
    filled.post(page(version, "withdraw"), {"reason": "A mistake.", "password": PASSWORD})
    assert load.standing().states[version.number] == "withdrawn"
    assert filled.get(page(version, "withdraw")).status_code == 404


def test_going_back_is_a_new_draft_from_an_old_version(filled):
    counting(filled.olga, filled.anna, rule("regretted"))
    first = PolicyVersion.objects.get(number=1)
    log_in(filled, filled.olga)
    shown = filled.get(reverse("admin:compliance_policyversion_change", args=[first.pk]))
    assert "Start a draft from this version" in text(shown)
    filled.post(reverse("admin:policy_start"), {"version": first.pk, "note": "Back."})
    draft = PolicyDraft.objects.get(state="open")
    assert draft.based_on == first
    shown = filled.get(reverse("admin:policy_draft", args=[draft.pk]))
    assert [(one.kind, one.rule) for one in shown.context["differences"]] == [
        ("removed", "regretted")
    ]


def test_one_person_blocks_something_at_once(filled):
    log_in(filled, filled.anna)
    fields = {
        "description": "The portal is closed.",
        "who": "only",
        "when_applications": ["helpdesk"],
        "reason": "Somebody has its key.",
        "password": PASSWORD,
    }
    seen = filled.post(reverse("admin:policy_tighten"), {**fields, "preview": "1"})
    assert "helpdesk" in seen.context["sentence"]
    assert in_force().number == 1
    assert (
        filled.post(reverse("admin:policy_tighten"), {**fields, "save": "1"}).status_code == 302
    )
    active = in_force()
    assert active.number == 2
    assert active.recall
    assert active.policy.rules[-1].id == "the-portal-is-closed"


def test_blocking_everything_is_never_a_form_that_was_left_empty(filled):
    log_in(filled, filled.olga)
    fields = {
        "description": "Stop.",
        "reason": "A leak.",
        "password": PASSWORD,
        "save": "1",
    }
    address = reverse("admin:policy_tighten")
    answer = filled.post(address, fields)
    assert list(answer.context["form"].errors) == ["everything"]
    both = fields | {"when_categories": ["special"], "everything": "on"}
    assert list(filled.post(address, both).context["form"].errors) == ["everything"]
    assert in_force().number == 1
    assert filled.post(address, fields | {"everything": "on"}).status_code == 302
    assert in_force().policy.rules[-1].when == Condition()


def test_one_person_has_less_kept_at_once_and_never_more(filled):
    log_in(filled, filled.olga)
    fields = {"reason": "A subpoena.", "password": PASSWORD}
    address = reverse("admin:policy_tighten")
    assert "each application says how long" in text(filled.get(address))
    seen = filled.post(address, {**fields, "content_days": "30", "preview": "1"})
    assert seen.context["sentence"] == "Prompts and answers may be kept for 30 days at most."
    assert in_force().number == 1
    before = in_force().policy
    assert (
        filled.post(address, {**fields, "content_days": "30", "save": "1"}).status_code == 302
    )
    active = in_force()
    assert (active.number, active.recall) == (2, True)
    assert active.policy.rules == before.rules
    assert active.policy.retention == Retention(30, before.retention.details_days)
    for days in ("30", "31"):
        answer = filled.post(address, {**fields, "content_days": days, "save": "1"})
        (said,) = answer.context["form"].errors["content_days"]
        assert said == "As it is, they are kept for 30 days at most. Give less."
    both = {"description": "Closed.", "everything": "on", "content_days": "0"}
    assert filled.post(address, fields | both | {"save": "1"}).status_code == 302
    assert in_force().policy.retention.content_days == 0
    assert in_force().policy.rules[-1].when == Condition()
    assert "Keep prompts and answers" not in text(filled.get(address))


def test_tightening_nothing_is_refused_at_the_field(filled):
    log_in(filled, filled.olga)
    fields = {"reason": "A leak.", "password": PASSWORD, "save": "1"}
    address = reverse("admin:policy_tighten")
    (said,) = filled.post(address, fields).context["form"].errors["everything"]
    assert said.startswith("Nothing would become stricter.")
    named = {**fields, "description": "The portal is closed.", "content_days": "7"}
    (said,) = filled.post(address, named).context["form"].errors["everything"]
    assert "every request would be blocked" in said
    assert in_force().number == 1


NEEDED = ["description", "reason", "password"]


def test_blocking_at_once_without_saying_why_is_refused_at_the_field(filled):
    log_in(filled, filled.olga)
    for missing in NEEDED:
        fields = {
            "description": "Closed.",
            "when_categories": ["special"],
            "reason": "A leak.",
            "password": PASSWORD,
            "save": "1",
            missing: "",
        }
        answer = filled.post(reverse("admin:policy_tighten"), fields)
        assert list(answer.context["form"].errors) == [missing]
        assert in_force().number == 1


def test_two_versions_are_compared_in_words_both_ways(filled):
    second = counting(filled.olga, filled.anna, rule("more"), without=["names-unchecked"])
    first = PolicyVersion.objects.get(number=1)
    log_in(filled, filled.anna)
    address = reverse("admin:policy_difference")
    forth = filled.get(address, {"from": first.pk, "to": second.pk}).context["differences"]
    back = filled.get(address, {"from": second.pk, "to": first.pk}).context["differences"]
    assert {(one.kind, one.rule) for one in forth} == {
        ("added", "more"),
        ("removed", "names-unchecked"),
    }
    assert {(one.kind, one.rule) for one in back} == {
        ("removed", "more"),
        ("added", "names-unchecked"),
    }
    assert filled.get(address, {"from": "x", "to": "1"}).status_code == 404


def test_a_version_whose_document_was_changed_says_so_and_stops_everything(filled):
    version = counting(filled.olga, filled.anna, rule("kept"))
    changed = version.document.replace("kept", "cept")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER compliance_policyversion_no_update")
    PolicyVersion.objects.filter(pk=version.pk).update(document=changed)
    log_in(filled, filled.anna)
    shown = filled.get(reverse("admin:compliance_policyversion_change", args=[version.pk]))
    assert "this version was changed after it was written" in text(shown)
    listed = text(filled.get(reverse(LIST)))
    assert "every request is refused" in listed
    assert "Policy version 2" in listed


# --- Rights ---------------------------------------------------------------------------------

WRITES, SIGNS, SEES = (
    {OFFICER},
    {OFFICER, APPROVER},
    {
        ADMINISTRATOR,
        OFFICER,
        APPROVER,
        AUDITOR,
        OPERATOR,
    },
)
DRAFTS = SEES - {OPERATOR}
PAGES: dict[str, tuple[set[str], str | None]] = {
    "policy_start": (WRITES, None),
    "policy_draft": (DRAFTS, "draft"),
    "policy_rule": (WRITES, "draft"),
    "policy_settings": (WRITES, "draft"),
    "policy_import": (WRITES, "draft"),
    "policy_discard": (WRITES, "draft"),
    "policy_propose": (WRITES, "draft"),
    "policy_approve": ({APPROVER}, "version"),
    "policy_decline": ({APPROVER}, "version"),
    "policy_withdraw": (SIGNS, "version"),
    "policy_tighten": (SIGNS, None),
    "policy_document": (SEES, "version"),
    "policy_yaml": (SEES, "version"),
    "policy_schema": (SEES, None),
    "compliance_policyversion_changelist": (SEES, None),
    "compliance_policyversion_change": (SEES, "version"),
    "compliance_approvalkey_changelist": (DRAFTS, None),
    "approval_key_create": (SIGNS, None),
}


@pytest.fixture
def waiting(filled):
    filled.version = proposed(filled.olga, rule("waits"))
    filled.draft = drafted(filled.olga, rule("more", categories=["special"]))
    return filled


def test_a_role_opens_the_pages_that_its_rights_say_and_no_other(waiting, role):
    waiting.as_(role)
    for name, (allowed, of) in PAGES.items():
        key = {"draft": [waiting.draft.pk], "version": [waiting.version.pk]}.get(of or "", [])
        status = waiting.get(reverse(f"admin:{name}", args=key)).status_code
        assert status == (200 if role in allowed else 403), name


def test_a_reader_without_rights_changes_nothing_and_sees_no_button(waiting, role):
    waiting.as_(role)
    before = list(PolicyDraft.objects.values()), load.standing().states
    draft, version = waiting.draft, waiting.version
    acts = {
        "policy_rule_remove": (WRITES, draft),
        "policy_rule_restore": (WRITES, draft),
        "policy_rule_preview": (WRITES, draft),
        "policy_discard": (WRITES, draft),
        "policy_approve": ({APPROVER}, version),
        "policy_withdraw": (SIGNS, version),
    }
    for name, (allowed, of) in acts.items():
        if role not in allowed:
            answer = waiting.post(
                reverse(f"admin:{name}", args=[of.pk]), {"password": PASSWORD}
            )
            assert answer.status_code == 403, name
    after = list(PolicyDraft.objects.values()), load.standing().states
    assert role in WRITES or before == after
    listed = text(waiting.get(reverse(LIST)))
    assert ("Start a draft" in listed) == (role in WRITES)
    assert ("Block something at once" in listed) == (role in SIGNS)
    shown = text(
        waiting.get(reverse("admin:compliance_policyversion_change", args=[version.pk]))
    )
    assert ("Approve…" in shown) == (role == APPROVER)
    assert ("Withdraw…" in shown) == (role in SIGNS)


def test_a_superuser_is_told_why_nobody_like_that_signs(waiting):
    waiting.as_(username="root", is_superuser=True)
    shown = text(waiting.get(reverse("admin:policy_propose", args=[waiting.draft.pk])))
    assert "cannot sign for policies" in shown
    assert "Sign and propose" not in shown
    keys = text(waiting.get(reverse("admin:compliance_approvalkey_changelist")))
    assert "cannot sign for policies" in keys
    assert "Make your key" not in keys


def test_no_password_is_ever_drawn_again(waiting):
    log_in(waiting, waiting.anna)
    secret = "a secret phrase that is wrong"
    fields = {"when": "now", "zone": "UTC", "password": secret, "reason": "x"}
    for name in ("approve", "withdraw"):
        assert secret not in text(waiting.post(page(waiting.version, name), fields))
    assert not ApprovalKey.objects.filter(reason__contains=secret).exists()


def test_versions_come_by_pages(filled, monkeypatch):
    monkeypatch.setattr(policies, "LISTED", 2)
    for number in range(2):
        counting(filled.olga, filled.anna, rule(f"rule-{number}"))
    log_in(filled, filled.anna)
    first = filled.get(reverse(LIST))
    assert [row.version.number for row in first.context["versions"]] == [3, 2]
    assert "3 versions" in text(first)
    assert 'rel="next" href="?page=2"' in text(first)
    older = filled.get(reverse(LIST), {"page": 2})
    assert [row.version.number for row in older.context["versions"]] == [1]


def test_the_text_of_a_version_is_handed_out_as_it_was_signed(filled):
    version = counting(filled.olga, filled.anna, rule("more"))
    log_in(filled, filled.anna)
    assert filled.get(page(version, "document")).content.decode() == version.document
    yaml = filled.get(page(version, "yaml"))
    assert "more" in yaml.content.decode()
    assert "attachment" in yaml.headers["Content-Disposition"]
    schema = json.loads(filled.get(reverse("admin:policy_schema")).content)
    assert schema["title"] == "Domicile policy"

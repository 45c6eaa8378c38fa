"""What the console says of how long things are kept, and of what is not there any more."""

import datetime as dt
import json
import time

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from compliance.audit import retention
from compliance.models import Application, Event, PolicyVersion
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Retention, canonical, policy
from tests.compliance.admin import stories
from tests.compliance.admin.test_rights import NEW

ADD = "admin:compliance_application_add"


def activate(**bounds):
    made = policy("house", 2, DEFAULT.rules, Retention(**bounds))
    document = canonical(made).decode()
    PolicyVersion.objects.create(
        number=2, document=document, digest=made.digest, activated=timezone.now()
    )


def text(console, address):
    return console.get(address).content.decode()


def page_of(application):
    return reverse("admin:compliance_application_change", args=[application.pk])


def test_details_of_a_high_risk_application_below_the_floor_need_a_legal_reason(console):
    console.as_("Compliance officer")
    given = NEW | {"high_risk": "on", "details_days": 30}
    answer = console.post(reverse(ADD), given).content.decode()
    assert not Application.objects.exists()
    for told in ("at least six months", "AI Act, Art. 19(1) and 26(6)", "184 or more"):
        assert told in answer
    console.post(reverse(ADD), given | {"details_days": 184})
    console.post(
        reverse(ADD), given | {"name": "second", "retention_reason": "Section 1 of a law."}
    )
    assert Application.objects.count() == 2
    event = Event.objects.filter(type="application.registered").latest("id")
    detail = json.loads(bytes(event.detail or b""))
    assert (detail["details_days"], detail["high_risk"]) == (30, True)
    assert detail["retention_reason"] == "Section 1 of a law."


def test_a_change_of_what_is_kept_is_on_the_record(console):
    owner = stories.application()
    console.as_("Compliance officer")
    fields = {name: getattr(owner, name) for name in NEW if name != "name"}
    console.post(page_of(owner), fields | {"content_days": 7, "details_days": 90})
    detail = json.loads(bytes(Event.objects.get(type="application.changed").detail or b""))
    assert detail["changes"] == {
        "content_days": {"from": 0, "to": 7},
        "details_days": {"from": None, "to": 90},
    }


@pytest.mark.parametrize(
    ("fields", "bounds", "told"),
    [
        ({}, {}, ("Prompts and answers are not kept.", "kept for ever: neither")),
        ({"content_days": 9}, {"content_days": 0}, ("are not kept (policy version 2 allows",)),
        ({"content_days": 9}, {"content_days": 5}, ("for 5 days (policy version 2 allows no",)),
        ({"content_days": 9}, {"content_days": 20}, ("are kept, encrypted, for 9 days.",)),
        ({"details_days": 9}, {}, ("for 9 days (as registered for the application).",)),
        ({"details_days": 90}, {"details_days": 9}, ("for 9 days (policy version 2).",)),
        (
            {"details_days": 9, "high_risk": True},
            {},
            ("for 184 days (the floor of AI Act, Art. 19(1) and 26(6)).",),
        ),
        (
            {"details_days": 9, "high_risk": True, "retention_reason": "A law."},
            {},
            ("for 9 days (as", "184 days (AI Act, Art. 19(1) and 26(6)) is lifted: A law."),
        ),
    ],
)
def test_the_page_of_an_application_and_the_overview_say_what_counts(
    console, fields, bounds, told
):
    activate(**bounds)
    owner = stories.application(**fields)
    console.as_("Auditor")
    for address in (page_of(owner), reverse("admin:index")):
        shown = text(console, address)
        for words in told:
            assert words in shown, address


def stay_within_a_day():
    """Wait for the next day (UTC) where this one is nearly over: what follows names days."""
    now = dt.datetime.now(dt.UTC)
    left = dt.timedelta(days=1) - (now - now.replace(hour=0, minute=0, second=0, microsecond=0))
    if left < dt.timedelta(seconds=30):
        time.sleep(left.total_seconds() + 0.1)


def test_the_overview_says_when_the_next_details_go(console):
    owner = stories.application(details_days=30)
    console.as_("Auditor")
    stay_within_a_day()
    today = dt.datetime.now(dt.UTC).date()
    first = f"Details of {today} go on {today + dt.timedelta(days=31)}."
    assert first in text(console, reverse("admin:index"))
    Application.objects.filter(pk=owner.pk).update(created=timezone.now() - dt.timedelta(90))
    day = today - dt.timedelta(days=30)
    usual = f"Details of {day} go on {today + dt.timedelta(days=1)}."
    assert usual in text(console, page_of(owner))


@pytest.mark.parametrize(
    ("bounds", "given", "field", "told"),
    [
        ({"content_days": 5}, {"content_days": 9}, "content_days", "Enter 5 or less."),
        ({"content_days": 0}, {"content_days": 1}, "content_days", "allows none to be kept"),
        ({"details_days": 30}, {"details_days": 31}, "details_days", "Enter 30 or less."),
        (
            {"details_days": 30},
            {"details_days": 185, "high_risk": "on"},
            "details_days",
            "Enter 184 or less.",
        ),
    ],
)
def test_a_period_that_the_policy_does_not_allow_is_refused_at_its_field(
    console, bounds, given, field, told
):
    activate(**bounds)
    console.as_("Compliance officer")
    answer = console.post(reverse(ADD), NEW | given)
    assert not Application.objects.exists()
    assert told in str(answer.context["adminform"].form.errors[field])
    assert told in answer.content.decode()
    assert "Policy version 2 allows" in text(console, reverse(ADD))


def test_what_the_policy_allows_or_the_law_demands_may_be_set(console):
    activate(content_days=5, details_days=30)
    console.as_("Compliance officer")
    console.post(reverse(ADD), NEW | {"content_days": 5, "details_days": 30})
    asked = {"name": "second", "details_days": 184, "high_risk": "on"}
    console.post(reverse(ADD), NEW | asked)
    assert Application.objects.count() == 2


def test_an_application_that_asked_before_the_policy_became_stricter_can_be_changed(console):
    owner = stories.application(content_days=9, details_days=90)
    activate(content_days=5, details_days=30)
    console.as_("Compliance officer")
    fields = {name: getattr(owner, name) for name in NEW if name != "name"}
    kept = {"content_days": 9, "details_days": 90, "purpose": "Answering letters."}
    console.post(page_of(owner), fields | kept)
    assert Application.objects.get().purpose == "Answering letters."
    console.post(page_of(owner), fields | kept | {"content_days": 8})
    assert Application.objects.get().content_days == 9
    shown = text(console, page_of(owner))
    for words in ("5 days at most", "9 days", "30 days at most", "<strong>30 days</strong>"):
        assert words in shown


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, ["This policy sets no bounds"]),
        ({"content_days": 0, "details_days": 90}, ["kept not at all.", "for 90 days at most"]),
        ({"content_days": 7}, ["kept for 7 days at most."]),
    ],
)
def test_a_policys_page_says_what_it_lets_be_kept(console, said, told):
    activate(**said)
    console.as_("Auditor")
    page = reverse(
        "admin:compliance_policyversion_change", args=[PolicyVersion.objects.get().pk]
    )
    shown = text(console, page)
    for words in told:
        assert words in shown


@pytest.fixture
def pruned(console, tmp_path):
    """A request whose details a rule has removed."""
    owner = stories.application(details_days=30)
    (console.id,) = stories.requests(owner, ("Write to anna@example.org.", "completed"))
    notary = stories.integrate(tmp_path / "log")
    retention.prune(timezone.now() + dt.timedelta(days=40))
    notary.integrate_once()
    assert Event.objects.filter(request=console.id, detail=None).count() == 2
    console.as_("Auditor")
    return console


RULE = "by rule: Details of helpdesk are kept for 30 days (as registered for the application)."


def test_a_story_says_when_and_by_which_rule_its_details_went(pruned):
    shown = text(pruned, reverse("admin:request", args=[pruned.id]))
    assert "Details were removed on" in shown
    assert RULE in shown
    assert "details removed" in shown  # as the decision, which nobody knows any more
    assert "helpdesk" in shown
    for nonsense in ("None", "Nothing.", "not decided on", "unknown"):
        assert nonsense not in shown, nonsense


def test_lists_and_charts_bear_missing_details(pruned):
    requests = pruned.get(reverse("admin:requests")).context["rows"]
    assert [(row.application, row.story.decision) for row in requests] == [
        ("helpdesk", "details removed")
    ]
    for asked in ({"decision": "allow"}, {"decision": "pseudonymise"}):
        assert pruned.get(reverse("admin:requests"), asked).context["rows"] == []
    listed = pruned.get(reverse("admin:compliance_event_changelist")).context["rows"]
    removed = {event.type for event, by, *_ in listed if by == "details removed"}
    assert removed == {"request.admitted", "request.completed"}
    assert pruned.get(reverse("admin:index")).status_code == 200


def test_an_events_page_leads_to_the_event_that_says_so(pruned):
    event = Event.objects.get(request=pruned.id, type="request.completed")
    told = Event.objects.get(type="record.pruned")
    shown = text(pruned, reverse("admin:compliance_event_change", args=[event.pk]))
    assert RULE in shown
    assert reverse("admin:compliance_event_change", args=[told.pk]) in shown
    assert 'aria-label="Detail"' not in shown


def test_a_detail_that_no_rule_removed_is_not_excused(console):
    owner = stories.application()
    (name,) = stories.requests(owner, ("Hello.", "completed"))
    console.as_("Auditor")
    event = Event.objects.get(request=name, type="request.completed")
    with connection.cursor() as cursor:  # as the database's owner
        cursor.execute("DROP TRIGGER compliance_event_no_update")
        cursor.execute(
            "UPDATE compliance_event SET detail = NULL, detail_key = NULL WHERE id = %s",
            [event.pk],
        )
    shown = text(console, reverse("admin:compliance_event_change", args=[event.pk]))
    assert "no rule on the record removed them" in shown

import datetime as dt
import hashlib
import json

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from compliance.models import APIKey, Application, Event, Site
from compliance.policy.default import DEFAULT
from inference import enrolling
from inference.models import Model, Node
from tests.compliance.admin import stories


@pytest.fixture
def filled(console, tmp_path):
    """An appliance in which every kind of row exists."""
    stories.machines()
    stories.policy()
    owner = stories.application()
    APIKey.issue(owner, note="front desk")
    ids = stories.requests(
        owner,
        ("Write to anna@example.org, please.", "completed"),
        ("Use sk-planted here.", None),
        ("This is undetectable.", None),
        ("Hello.", "failed"),
        ("Hello again.", None),
        reason="engine_unavailable",
    )
    stories.integrate(tmp_path / "log")
    console.ids = ids
    return console


def invited():
    """An enrolment, made as an operator makes one."""
    return enrolling.invite(Site.objects.get(), "operator", bytes(32))[0].pk


def addresses():
    """Every page that can be read, by name."""
    one = {
        "compliance_application": lambda: APIKey.objects.get().application_id,
        "compliance_apikey": lambda: APIKey.objects.get().pk,
        "compliance_policyversion": lambda: 1,
        "compliance_site": lambda: 1,
        "inference_node": lambda: 1,
        "inference_nodeenrolment": invited,
        "inference_model": lambda: Model.objects.get().pk,
        "inference_deployment": lambda: 1,
        "inference_placement": lambda: 1,
        "compliance_event": lambda: Event.objects.latest("id").pk,
    }
    pages = [reverse("admin:index"), reverse("admin:requests"), reverse("admin:verify")]
    for name, key in one.items():
        pages.append(reverse(f"admin:{name}_changelist"))
        pages.append(reverse(f"admin:{name}_change", args=[key()]))
    pages += [reverse("admin:auth_user_changelist"), reverse("admin:auth_group_changelist")]
    pages += [reverse("admin:catalogue"), reverse("admin:catalogue_model", args=["phi-4"])]
    pages.append(reverse("admin:password_change"))
    pages.append(reverse("admin:policy_document", args=[1]))
    return pages


def test_an_auditor_reads_every_page_and_none_may_be_kept_by_a_cache(filled):
    filled.as_("Auditor")
    for address in addresses():
        answer = filled.get(address)
        assert answer.status_code == 200, address
        assert "no-store" in answer.headers["Cache-Control"], address
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_no_page_holds_an_inline_script_or_style(filled):
    filled.as_("Administrator")
    writable = [
        reverse("admin:compliance_application_add"),
        reverse("admin:auth_user_add"),
        reverse("admin:issue_api_key", args=[APIKey.objects.get().application_id]),
        reverse("admin:revoke_api_key", args=[APIKey.objects.get().pk]),
        reverse("admin:compliance_site_switch", args=[1]),
        *(reverse("admin:request", args=[name]) for name in filled.ids),
    ]
    for address in [*addresses(), *writable]:
        answer = filled.get(address)
        assert answer.status_code == 200, address
        if "html" in answer.headers["Content-Type"]:
            text = answer.content.decode()
            assert "<style" not in text, address
            assert " style=" not in text, address
            assert "onclick" not in text, address
            assert text.count("<script") == 1, address
            assert 'lang="en"' in text, address


def test_a_story_tells_decision_findings_place_and_a_signed_receipt(filled):
    filled.as_("Auditor")
    text = filled.get(reverse("admin:request", args=[filled.ids[0]])).content.decode()
    for told in ("pseudonymise", "EMAIL_ADDRESS", "home (DE)", "signed", "VVT-17", "42 prompt"):
        assert told in text
    assert "not signed" not in text
    assert "anna@example.org" not in text


def test_a_story_is_told_in_words_and_its_record_keeps_the_codes(filled):
    filled.as_("Auditor")
    text = filled.get(reverse("admin:request", args=[filled.ids[0]])).content.decode()
    for words in (
        "Contract, Art. 6(1)(b)",
        "personal data (GDPR Art. 4): 1",
        "English",
        "The model had said all",
    ):
        assert words in text, words
    assert "6-1-b" not in text
    event = Event.objects.get(request=filled.ids[0], type="request.admitted")
    page = filled.get(
        reverse("admin:compliance_event_change", args=[event.pk])
    ).content.decode()
    assert "Contract, Art. 6(1)(b)" in page
    assert json.loads(bytes(event.detail or b""))["legal_basis"] == "6-1-b"


def test_a_blocked_request_is_told_by_what_blocked_it(filled):
    filled.as_("Auditor")
    text = filled.get(reverse("admin:request", args=[filled.ids[1]])).content.decode()
    said = {rule.id: escape(rule.description) for rule in DEFAULT.rules}
    event = json.loads(bytes(Event.objects.get(request=filled.ids[1]).detail or b""))
    assert (event["blocked_by"], len(event["rules"])) == (["credentials"], 2)
    assert said["credentials"] in text
    assert said["otherwise"] not in text
    assert "did not stop it: <code>otherwise</code>" in text


def test_an_event_says_who_did_it_and_what_changed_from_what_to_what(filled):
    filled.as_("Administrator", username="olga")
    address = reverse(
        "admin:compliance_application_change", args=[Application.objects.get().pk]
    )
    form = filled.get(address).context["adminform"].form
    given = {name: value for name, value in form.initial.items() if value is not None}
    filled.post(address, given | {"legal_basis": "6-1-f", "owner": "Sales"})
    event = Event.objects.get(type="application.changed")
    listed = filled.get(reverse("admin:compliance_event_changelist"))
    assert {actor for row, actor, *_ in listed.context["rows"] if row == event} == {"olga"}
    page = filled.get(reverse("admin:compliance_event_change", args=[event.pk]))
    assert page.context["changed"] == [
        ("Legal basis", "Contract, Art. 6(1)(b)", "Legitimate interests, Art. 6(1)(f)"),
        ("Owner", "Customer care", "Sales"),
    ]


def test_a_receipt_of_another_key_is_shown_as_not_signed(filled):
    node = Node.objects.get()
    node.public_key = b"\x01" * 32
    node.save()
    filled.as_("Auditor")
    text = filled.get(reverse("admin:request", args=[filled.ids[0]])).content.decode()
    assert "not signed" in text


@pytest.mark.parametrize(
    ("place", "state", "decision"),
    [(1, "blocked", "block"), (2, "refused", "refused"), (3, "failed", "allow")],
)
def test_the_list_shows_each_request_by_decision_and_state(filled, place, state, decision):
    filled.as_("Auditor")
    rows = filled.get(reverse("admin:requests")).context["rows"]
    row = next(row for row in rows if row.story.request == filled.ids[place])
    assert (row.story.state, row.story.decision) == (state, decision)
    found = filled.get(reverse("admin:requests"), {"decision": decision}).context["rows"]
    assert {row.story.decision for row in found} == {decision}
    assert row.story.request in {row.story.request for row in found}


def test_a_request_is_found_by_its_id_however_it_was_copied(filled):
    filled.as_("Auditor")
    name = filled.ids[0]
    for copied in (name, f"  {name.upper()} ", f"chatcmpl-{name}"):
        answer = filled.get(reverse("admin:requests"), {"request": copied})
        assert answer.url == reverse("admin:request", args=[name])


def test_the_overview_counts_requests_by_decision(filled):
    filled.as_("Auditor")
    panels = {
        panel.title: panel for panel in filled.get(reverse("admin:index")).context["panels"]
    }
    bars = panels["Requests in the last 24 hours"].context["bars"]
    assert {bar.name: bar.count for bar in bars} == {
        "allow": 2,
        "pseudonymise": 1,
        "mask": 0,
        "hold": 0,
        "block": 1,
        "refused": 1,
    }


def test_the_policy_document_is_what_its_digest_is_of(filled):
    filled.as_("Auditor")
    document = filled.get(reverse("admin:policy_document", args=[1])).content
    page = filled.get(reverse("admin:compliance_policyversion_change", args=[1]))
    assert hashlib.sha256(document).hexdigest() == page.context["version"].digest
    assert page.context["matches"]


@pytest.mark.parametrize(
    "page",
    ["compliance_application", "compliance_apikey", "compliance_policyversion",
     "compliance_event", "compliance_site", "inference_node", "inference_model", "auth_user"],
)  # fmt: skip
@pytest.mark.parametrize("number", ["99", "²", "x"])
def test_what_does_not_exist_is_not_found_and_never_said_to_be_deleted(filled, page, number):
    filled.as_("Administrator")
    answer = filled.get(reverse(f"admin:{page}_change", args=[number]))
    assert answer.status_code == 404
    assert "nothing is deleted here" in answer.content.decode()


def test_every_list_is_called_the_same_in_the_navigation_its_heading_and_its_title(filled):
    filled.as_("Administrator")
    navigation = filled.get(reverse("admin:index")).context["navigation"]
    items = [item for _section, entries in navigation for item, _here in entries]
    assert len(items) > 10
    for item in items:
        text = filled.get(item.url).content.decode()
        assert f"<h1>{item.title}</h1>" in text.replace("\n", ""), item
        assert f"<title>{item.title} · Domicile</title>" in text, item


def test_a_search_that_is_not_understood_shows_nothing_and_says_so(filled):
    filled.as_("Auditor")
    for page in ("requests", "compliance_event_changelist"):
        answer = filled.get(reverse(f"admin:{page}"), {"since": "yesterday"})
        assert answer.context["rows"] == []
        assert "Nothing is shown" in answer.content.decode()


def test_the_overview_names_ten_keys_that_expire_soon_and_leads_to_the_others(filled):
    now = timezone.now()
    for day in range(12, 0, -1):
        APIKey.issue(Application.objects.get(), expires=now + dt.timedelta(days=day))
    filled.as_("Auditor")
    text = filled.get(reverse("admin:index")).content.decode()
    assert "2 more</a> expire within 30 days" in text
    link = reverse("admin:compliance_apikey_changelist") + "?state=works&amp;o=4"
    assert link in text
    listed = filled.get(link.replace("&amp;", "&")).context["cl"].result_list
    ends = [key.expires for key in listed if key.expires]
    assert ends == sorted(ends)
    assert len(ends) == 12


def test_a_key_is_in_the_same_state_on_every_page(filled):
    """Each key is found by its own state and no other; those that work are counted."""
    owner = Application.objects.get()
    idle = stories.application("idle", active=False)
    past = timezone.now() - dt.timedelta(days=1)
    keys = {
        "works": APIKey.objects.get(),
        "expired": APIKey.issue(owner, expires=past)[0],
        "revoked": APIKey.issue(owner, expires=past)[0],
        "inactive": APIKey.issue(idle)[0],
    }
    APIKey.objects.filter(pk=keys["revoked"].pk).update(revoked=timezone.now())
    filled.as_("Auditor")
    listed = reverse("admin:compliance_apikey_changelist")
    for state, key in keys.items():
        found = filled.get(listed, {"state": state}).context["cl"].queryset
        assert list(found) == [key], state
    rows = filled.get(reverse("admin:compliance_application_changelist")).context["cl"].queryset
    assert {row.name: row.usable for row in rows} == {owner.name: 1, "idle": 0}
    for application in (owner, idle):
        page = filled.get(reverse("admin:compliance_application_change", args=[application.pk]))
        shown = dict(page.context["keys"])
        for state, key in keys.items():
            if key.application_id == application.pk:
                assert state in shown[key]


def test_an_empty_appliance_says_what_to_do_next(console):
    console.as_("Administrator")
    text = console.get(reverse("admin:index")).content.decode()
    for advice in ("registering an application", "No policy is active", "No active node"):
        assert advice in text


def test_events_are_narrowed_by_what_they_are_about_and_said_in_words(filled):
    filled.as_("Auditor")
    page = reverse("admin:compliance_event_changelist")
    people = filled.get(page, {"group": "People"})
    assert {row[0].type for row in people.context["rows"]} == {"login"}
    assert "somebody logged in to the console" in people.content.decode()
    about = filled.get(page, {"group": "Requests", "type": "request.failed"})
    assert {row[0].type for row in about.context["rows"]} == {"request.failed"}
    assert "ended by an error" in about.content.decode()
    wrong = filled.get(page, {"group": "Weather"})
    assert "errorlist" in wrong.content.decode()

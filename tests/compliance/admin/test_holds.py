"""The page where a person reads a held request and says yes or no."""

import asyncio
import dataclasses
import html
import re

import pytest
from django.urls import reverse

from compliance import gate
from compliance.admin.roles import APPROVER, AUDITOR, OFFICER, OPERATOR
from compliance.audit.writer import Writer
from compliance.holds import deciding
from compliance.holds.desk import Desk
from compliance.models import Application, Event, Hold
from compliance.vocabulary import Serving
from tests.compliance.holds.conftest import HELD, HOLDING, SUBJECT_KEY, policy, rule, told
from tests.compliance.test_gate import COVERAGE, EMAIL, Seals, request, route, scan
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("console")
DECIDERS = (OFFICER, APPROVER)


@pytest.fixture
def application(console):
    return Application.objects.create(name="shop", purpose="Tests", legal_basis="6-1-f")


@pytest.fixture
def held(application):
    """A request of the shop that waits; its id."""
    return waits(application, HOLDING)


def waits(application, rules):
    asked = request(f"Write to {EMAIL} of the orchid.")
    whose = dataclasses.replace(
        asked.application, id=str(application.pk), label_key=bytes(application.label_key)
    )

    async def hold():
        writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
        writer.start()
        desk = Desk(SUBJECT_KEY)
        try:
            with pytest.raises(gate.Held) as raised:
                await gate.admit(
                    dataclasses.replace(asked, application=whose),
                    scan=scan,
                    policy=rules,
                    coverage=COVERAGE,
                    append=writer.append,
                    route=route,
                    seal=Seals(),
                    serving=lambda _model: Serving(),
                    subject_key=SUBJECT_KEY,
                    holder=desk,
                )
        finally:
            await desk.stop()
            writer.stop()
        return raised.value.hold

    return asyncio.run(hold())


def page(client, held, name="compliance_hold_change"):
    return reverse(f"admin:{name}", args=[held])


def words(response):
    return html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))


def decide(client, held, decision, reason="Seen with care."):
    where = page(client, held, "decide_hold")
    return client.post(where, {"decision": decision, "reason": reason}, follow=True)


def test_the_list_and_the_page_say_who_waits_and_why_and_show_no_text(console, held):
    console.as_(OFFICER)
    listed = words(console.get(reverse("admin:compliance_hold_changelist")))
    assert "shop" in listed
    assert "waiting" in listed
    shown = console.get(page(console, held))
    said = words(shown)
    assert f"Rule {HELD}." in said
    assert "EMAIL_ADDRESS" in said
    assert "orchid" not in said
    assert "no-store" in shown.headers["Cache-Control"]
    assert "waiting for" in words(console.get(reverse("admin:index")))


@pytest.mark.parametrize("role", DECIDERS)
def test_who_may_decide_reads_the_treated_text_on_the_record(console, held, role):
    user = console.as_(role)
    assert console.get(page(console, held, "read_hold")).status_code == 302, "never by a link"
    assert told("hold.read") == []
    shown = console.post(page(console, held, "read_hold"))
    assert "orchid" in words(shown)
    assert "[EMAIL_ADDRESS_1]" in words(shown)
    assert EMAIL not in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert [one["actor"] for one in told("hold.read")] == [user.username]


def test_who_reads_a_text_with_names_for_names_is_told_so(console, application):
    named = rule("letters", "allow") | {"obligations": {"realistic_pseudonyms": True}}
    held = waits(application, policy(rule(HELD, "hold", models=["m"]), named))
    console.as_(OFFICER)
    said = words(console.post(page(console, held, "read_hold")))
    assert re.search(r"Write to [a-z]\.[a-z]+@example\.(com|net|org) of the orchid", said)
    assert "Names in it may stand for others" in said


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("deny", "denied")])
def test_a_decision_is_on_the_record_with_its_reason(console, held, decision, state):
    user = console.as_(APPROVER)
    answer = decide(console, held, decision)
    assert f"The request is {state}." in words(answer)
    (said,) = told(f"hold.{state}")
    assert (said["actor"], said["reason"], said["rules"], said["hold"]) == (
        user.username,
        "Seen with care.",
        [HELD],
        held,
    )
    event = Event.objects.get(type=f"hold.{state}")
    assert event.request == held
    assert Hold.objects.get().state == state
    story = words(console.get(reverse("admin:request", args=[held])))
    assert state.capitalize() in story
    again = decide(console, held, "deny")
    assert "already" in words(again)
    assert Hold.objects.get().state == state


def test_a_decision_without_a_reason_is_refused_at_the_field(console, held):
    console.as_(OFFICER)
    answer = decide(console, held, "approve", " ")
    assert "Say why you approve or deny it." in words(answer)
    assert Hold.objects.get().state == "waiting"


@pytest.mark.parametrize("role", [OPERATOR, AUDITOR])
def test_who_may_not_decide_sees_that_it_waits_and_nothing_more(console, held, role):
    console.as_(role)
    said = words(console.get(page(console, held)))
    assert "Show the text" not in said
    assert "Policy approver" in said
    assert console.post(page(console, held, "read_hold")).status_code == 403
    assert decide(console, held, "approve").status_code == 403
    assert Hold.objects.get().state == "waiting"
    assert told("hold.read") == []


def test_a_text_that_is_gone_is_said_to_be(console, held):
    console.as_(OFFICER)
    deciding.deny(held, "ada", "No.")
    answer = console.post(page(console, held, "read_hold"), follow=True)
    assert "ada has denied this request already." in words(answer)


def test_held_requests_and_answers_to_be_looked_at_can_be_found(console, held):
    console.as_(OFFICER)
    requests = reverse("admin:requests")
    assert held[:12] in words(console.get(requests, {"decision": "hold"}))
    assert held[:12] not in words(console.get(requests, {"decision": "review"}))


def test_whose_hold_is_asked_for_must_exist(console):
    console.as_(OFFICER)
    assert console.get(page(console, "0" * 32)).status_code == 404

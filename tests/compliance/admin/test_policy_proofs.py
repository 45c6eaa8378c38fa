"""Questions about a policy through the console's door, and the assertions that come of them."""

import json

import pytest
from django.urls import reverse

from compliance import proving
from compliance.admin import policy_proofs
from compliance.admin.roles import APPROVER, OFFICER
from compliance.models import Event
from compliance.policy.asking import Asking, Topic
from compliance.policy.default import DEFAULT
from compliance.policy.prove import Answer, Verdict
from compliance.policy.rules import parse
from inference.models import Deployment
from tests.compliance.admin import stories
from tests.compliance.admin.policies import drafted

PROOFS = reverse("admin:policy_proofs")
GERMANY = {"question": "leaves", "compared": "active", "countries": "Germany"}
STAYS = {
    "id": "stays",
    "description": "By contract.",
    "never": {"categories": ["personal"], "outside": {"regions": ["EU"]}},
}


@pytest.fixture
def officer(console):
    stories.machines()
    stories.policy()
    console.user = console.as_(OFFICER)
    return console


def text(answer):
    return " ".join(answer.content.decode().split())


def asked(client, **fields):
    answer = client.post(PROOFS, {"policy": "active", **fields})
    assert answer.status_code == 200
    return answer


def proved():
    (event,) = Event.objects.filter(type="policy.proved")
    return json.loads(bytes(event.detail or b""))


def test_a_proof_is_told_in_words_and_goes_on_the_record(officer):
    shown = text(asked(officer, **GERMANY, categories=["special"]))
    assert "Proved: no request has special categories of personal data" in shown
    detail = proved()
    assert (detail["question"], detail["verdict"]) == ("leaves", "proved")
    assert detail["never"] == {"categories": ["special"], "outside": {"countries": ["DE"]}}
    assert detail["spent"] > 0


def test_a_request_that_shows_the_opposite_is_a_table_and_can_be_kept_from_happening(officer):
    draft = drafted(officer.user)
    address = f"draft-{draft.pk}"
    answer = asked(officer, policy=address, **GERMANY, categories=["personal"])
    shown = text(answer)
    assert "A request that shows it" in shown
    assert '<th scope="row">Country of the site</th>' in shown
    assert "Personal data (GDPR Art. 4) may be processed only in Germany" in shown
    kept = {
        "id": "stays",
        "description": "By contract.",
        "never": answer.context["keep"]["never"],
    }
    page = officer.post(
        reverse("admin:policy_assertion_keep", args=[draft.pk]), kept, follow=True
    )
    assert "The draft now asserts stays." in text(page)
    draft.refresh_from_db()
    (assertion,) = parse(draft.document).assertions
    assert assertion.id == "stays"
    assert "may be processed only in Germany" in text(page)
    officer.post(reverse("admin:policy_assertion_remove", args=[draft.pk]), {"id": "stays"})
    draft.refresh_from_db()
    assert parse(draft.document).assertions == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({**GERMANY}, "categories"),
        ({**GERMANY, "countries": "", "categories": ["special"]}, "countries"),
        ({**GERMANY, "countries": "Germania", "categories": ["special"]}, "countries"),
        ({"question": "looser", "compared": "version-99"}, "compared"),
        ({"question": "shadowed", "compared": "active", "policy": "draft-99"}, "policy"),
        ({"question": "why", "compared": "active"}, "question"),
    ],
)
def test_what_a_question_lacks_is_said_at_its_field(officer, fields, field):
    assert field in asked(officer, **fields).context["form"].errors
    assert not Event.objects.filter(type="policy.proved").exists()


def test_a_draft_is_compared_with_the_active_version(officer):
    rule = {"id": "rest", "description": "All.", "when": {}, "effect": "allow"}
    draft = drafted(officer.user, rule | {"id": "more", "where": {"countries": ["DE"]}})
    fields = {"policy": f"draft-{draft.pk}", "question": "looser", "compared": "active"}
    assert "Proved: the newer version is nowhere looser." in text(asked(officer, **fields))
    assert len(proved()["compared"]) == 64


def test_assertions_are_asked_one_by_one_and_a_policy_without_any_says_so(officer):
    draft = drafted(officer.user)
    fields = {"question": "assertions", "compared": "active", "policy": f"draft-{draft.pk}"}
    assert "This policy has no standing assertions." in text(asked(officer, **fields))
    document = json.loads(draft.document) | {"assertions": [STAYS], "regions": "2026-08-05"}
    draft.document = json.dumps(document)
    draft.save()
    shown = text(asked(officer, **fields))
    assert "may be processed only in the European Union" in shown
    assert "not so" in shown
    assert proved()["verdict"] == "counterexample"


def test_a_violated_assertion_goes_on_the_record_before_one_that_nobody_decided():
    asking = Asking(Topic.ASSERTIONS, DEFAULT, 0)
    for verdicts, worst in (
        ((Verdict.UNDECIDED, Verdict.COUNTEREXAMPLE, Verdict.PROVED), "counterexample"),
        ((Verdict.PROVED, Verdict.UNDECIDED), "undecided"),
        ((Verdict.PROVED,), "proved"),
    ):
        answers = [Answer(one, ()) for one in verdicts]
        assert policy_proofs._detail(asking, answers)["verdict"] == worst


def test_applications_without_a_path_are_asked_of_what_is_registered(officer):
    stories.application()
    fields = {"question": "without_path", "compared": "active"}
    shown = text(asked(officer, **fields))
    assert "every registered application has requests that can be answered" in shown
    Deployment.objects.update(active=False)
    assert "no site serves any model" in text(asked(officer, **fields))


def test_a_second_question_is_told_to_come_back(officer):
    with proving._turn:
        shown = text(asked(officer, **GERMANY, categories=["special"]))
    assert "Another question about a policy is being answered" in shown


def test_an_assertion_that_is_none_is_not_kept(officer):
    draft = drafted(officer.user)
    address = reverse("admin:policy_assertion_keep", args=[draft.pk])
    for never in ("{", '{"outside": {"countries": ["DE"]}}', "[" * 10_000):
        page = officer.post(
            address, {"id": "stays", "description": "Why.", "never": never}, follow=True
        )
        assert "The assertion was not kept." in text(page)
    draft.refresh_from_db()
    assert parse(draft.document).assertions == ()


def test_rights_are_asked(officer):
    draft = drafted(officer.user)
    address = reverse("admin:policy_assertion_keep", args=[draft.pk])
    officer.as_(username="nobody in particular")
    assert officer.get(PROOFS).status_code == 403
    assert officer.post(address, {}).status_code == 403
    officer.as_(APPROVER, username="anna")
    assert officer.get(PROOFS).status_code == 200
    assert officer.post(address, {}).status_code == 403

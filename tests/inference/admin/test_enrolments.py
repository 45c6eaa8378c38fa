"""An operator makes a token, compares keys, approves or declines; others cannot."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from compliance.audit.keys import create_key
from compliance.models import Event, Site
from inference import enrolling
from inference.enrolment import fingerprint, read_answer, read_token
from inference.models import Model, Node, NodeEnrolment
from tests.compliance.admin import stories
from tests.inference.test_enrolment import Machine


@pytest.fixture
def operator(console, settings, tmp_path):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    create_key(tmp_path / "keys" / "gateway.ed25519")
    stories.machines()
    console.as_("Operator")
    return console


def page(client: Any, view: str, *args: Any) -> str:
    answer = client.get(reverse(f"admin:{view}", args=args))
    assert answer.status_code == 200
    return str(answer.content.decode())


def post(client: Any, view: str, /, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"admin:{view}", args=args), data, follow=True)


def invited(client: Any) -> Any:
    site = Site.objects.get(name="home")
    answer = post(client, "invite_node", site=site.pk)
    [text] = re.findall(r"dom-enrol\.[\w.-]+", answer.content.decode())
    return read_token(text)


def waiting(client: Any) -> tuple[Any, Machine, NodeEnrolment]:
    token, machine = invited(client), Machine(stories.SITE_KEY)
    return token, machine, enrolling.request(machine.asks(token))


def last(kind: str) -> dict[str, Any]:
    event = Event.objects.filter(type=kind).latest("id")
    return dict(json.loads(bytes(event.detail or b"")))


def test_a_token_is_shown_once_and_names_the_operator_on_the_record(operator):
    token = invited(operator)
    row = NodeEnrolment.objects.get()
    assert (row.token, row.state) == (token.digest, "open")
    assert "No machine has come" in page(operator, "inference_nodeenrolment_change", row.pk)
    assert token.text not in page(operator, "inference_nodeenrolment_change", row.pk)
    assert last("enrolment.opened")["actor"] == row.created_by
    assert "token open" in page(operator, "inference_nodeenrolment_changelist")


def test_a_machine_is_approved_after_its_keys_were_compared(operator):
    token, machine, row = waiting(operator)
    text = page(operator, "inference_nodeenrolment_change", row.pk)
    assert fingerprint(machine.node_key.public_key().public_bytes_raw()) in text
    assert fingerprint(machine.site_key.public_key().public_bytes_raw()) in text
    assert "asks to be a node of" in page(operator, "index")
    answer = post(operator, "approve_enrolment", row.pk)
    assert "compare the fingerprints" in answer.content.decode()
    assert not Node.objects.filter(name="node-9").exists()
    answer = post(operator, "approve_enrolment", row.pk, compared="1")
    assert "The node is enrolled" in answer.content.decode()
    assert Node.objects.get(name="node-9").site == Site.objects.get()
    file = operator.get(reverse("admin:enrolment_answer", args=[row.pk]))
    assert read_answer(file.content, token).node == "node-9"
    assert 'filename="enrolled-node-9.json"' in file.headers["Content-Disposition"]


def test_a_request_may_come_as_a_file(operator):
    token, machine = invited(operator), Machine(stories.SITE_KEY)
    file = SimpleUploadedFile("request.json", machine.asks(token))
    answer = post(operator, "bring_enrolment", request=file)
    assert "asks to be a node of" in answer.content.decode()
    for content, words in ((b"x" * 9000, "at most 4 kB"), (b"{}", "no request")):
        answer = post(operator, "bring_enrolment", request=SimpleUploadedFile("x", content))
        assert words in answer.content.decode()
    assert "This field is required" in post(operator, "bring_enrolment").content.decode()


def test_a_machine_is_declined_with_a_reason(operator):
    _, _, row = waiting(operator)
    assert "say why" in post(operator, "decline_enrolment", row.pk).content.decode()
    answer = post(operator, "decline_enrolment", row.pk, reason="<b>Not ours</b>")
    assert "&lt;b&gt;Not ours" in answer.content.decode()
    assert last("enrolment.declined")["reason"] == "<b>Not ours</b>"
    answer = post(operator, "approve_enrolment", row.pk, compared="1")
    assert "decided on meanwhile" in answer.content.decode()
    assert not Node.objects.filter(name="node-9").exists()


def test_an_unused_token_is_taken_back(operator):
    invited(operator)
    row = NodeEnrolment.objects.get()
    answer = post(operator, "withdraw_enrolment", row.pk)
    assert "worth nothing" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "withdrawn"


@pytest.mark.parametrize("role", ["Auditor", "Compliance officer", "Policy approver"])
def test_others_see_machines_and_decide_on_none(operator, role):
    _, _, row = waiting(operator)
    operator.as_(role)
    text = page(operator, "inference_nodeenrolment_change", row.pk)
    assert "asks to be a node of" in text
    assert "Approve</button>" not in text
    for name in ("approve_enrolment", "decline_enrolment", "withdraw_enrolment"):
        assert post(operator, name, row.pk, compared="1", reason="x").status_code == 403
    for name in ("invite_node", "bring_enrolment"):
        assert operator.get(reverse(f"admin:{name}")).status_code == 403
    assert operator.get(reverse("admin:enrolment_answer", args=[row.pk])).status_code == 403
    assert operator.get(reverse("admin:approve_enrolment", args=[row.pk])).status_code == 405
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_site_is_registered_and_described_and_does_not_move(operator):
    answer = post(
        operator,
        "compliance_site_add",
        name="south",
        country="AT",
        operator="Rechenhaus GmbH",
        certifications="ISO 27001\r\n\r\nC5\r\nC5",
    )
    assert answer.status_code == 200
    site = Site.objects.get(name="south")
    assert (site.certifications, bytes(site.public_key)) == (["ISO 27001", "C5"], b"")
    said = last("site.registered")
    assert (said["site"], said["certifications"]) == ("south", ["ISO 27001", "C5"])
    assert "it comes from the first node" in page(operator, "compliance_site_change", site.pk)
    post(
        operator,
        "compliance_site_change",
        site.pk,
        name="north",
        country="US",
        operator="Other",
        certifications="C5",
    )
    site.refresh_from_db()
    assert (site.name, site.country, site.operator) == ("south", "AT", "Other")
    assert site.certifications == ["C5"]
    assert set(last("site.changed")["changes"]) == {"operator", "certifications"}


@pytest.mark.parametrize("name", ["South", "so uth", "so_uth", "-south", "home"])
def test_a_site_whose_name_cannot_be_is_refused_at_the_field(operator, name):
    answer = post(operator, "compliance_site_add", name=name, country="AT")
    assert "Nothing was saved" in answer.content.decode()
    assert Site.objects.count() == 1


def test_a_closed_node_is_opened_with_a_reason(operator):
    node = Node.objects.get()
    Node.objects.update(closed=timezone.now(), closed_reason="It reached 192.0.2.1.")
    assert "It reached 192.0.2.1." in page(operator, "inference_node_change", node.pk)
    assert "It reached 192.0.2.1." in page(operator, "open_node", node.pk)
    post(operator, "open_node", node.pk)
    assert Node.objects.get().closed is not None
    answer = post(operator, "open_node", node.pk, reason="The firewall is back.")
    assert "is open again" in answer.content.decode()
    assert Node.objects.get().closed is None
    assert last("node.opened")["reason"] == "The firewall is back."
    assert "is not closed" in post(operator, "open_node", node.pk).content.decode()


def test_an_officer_says_what_a_licence_restricts_and_nothing_else(operator):
    operator.as_("Compliance officer")
    model = Model.objects.get()
    post(
        operator, "inference_model_change", model.pk, eu_restriction="Not in the EU.", name="x"
    )
    model.refresh_from_db()
    assert (model.eu_restriction, model.name) == ("Not in the EU.", "smollm2-135m-instruct")
    assert last("model.changed")["model"] == model.name
    operator.as_("Auditor")
    answer = post(operator, "inference_model_change", model.pk, eu_restriction="")
    assert answer.status_code == 403


def test_the_key_of_the_answer_is_the_gateways(operator, tmp_path):
    token, _, row = waiting(operator)
    post(operator, "approve_enrolment", row.pk, compared="1")
    file = operator.get(reverse("admin:enrolment_answer", args=[row.pk]))
    key = (tmp_path / "keys" / "gateway.ed25519").read_text().strip()
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key)).public_key()
    assert read_answer(file.content, token).gateway_key == public.public_bytes_raw().hex()

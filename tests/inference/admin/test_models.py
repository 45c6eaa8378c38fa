"""An officer reads a model's licence, accepts it and takes that back; others only read."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from compliance.audit.catalogue import unknown
from compliance.models import Change, Event
from inference.models import Model
from tests.compliance.admin import stories

TEXT = "You may <use> it.\nNot for weapons."
DIGEST = "1c" * 32


@pytest.fixture
def officer(console):
    stories.machines()
    files = [{"path": "model.safetensors", "size": 2048, "sha256": "ab" * 32}]
    Model.objects.update(
        licence_accepted=None,
        licence_text=TEXT,
        licence_digest=DIGEST,
        eu_restriction="Not for people in the EU.",
        manifest=json.dumps({"files": files, "options": {"max_model_len": 2048}}),
        derived_from="org/base",
        method="quantised",
    )
    Change.objects.filter(table="inference_model").delete()
    console.as_("Compliance officer")
    return console


def page(client, name):
    return client.get(reverse(f"admin:{name}", args=[Model.objects.get().pk])).content.decode()


def post(client, name, **data):
    return client.post(
        reverse(f"admin:{name}", args=[Model.objects.get().pk]), data, follow=True
    )


def test_a_model_is_shown_with_its_files_and_what_it_was_made_from(officer):
    text = page(officer, "inference_model_change")
    for told in (
        "model.safetensors",
        "ab" * 32,
        "2.0",
        "max_model_len",
        "org/base (quantised)",
    ):
        assert told in text
    assert "Nobody has accepted its licence" in text
    assert (
        "not accepted"
        in officer.get(reverse("admin:inference_model_changelist")).content.decode()
    )


def test_an_officer_accepts_what_was_shown_and_takes_it_back_with_a_reason(officer):
    text = page(officer, "model_licence")
    for told in (
        "You may &lt;use&gt; it.",
        DIGEST,
        "Not for people in the EU.",
        "Accept the licence",
    ):
        assert told in text
    post(officer, "model_licence", shown="2d" * 32)
    assert Model.objects.get().licence_accepted is None
    assert "it may serve" in post(officer, "model_licence", shown=DIGEST).content.decode()
    accepted = Event.objects.get(type="model.licence_accepted")
    detail = json.loads(bytes(accepted.detail or b""))
    assert (detail["licence_digest"], detail["actor"]) == (
        DIGEST, Model.objects.get().licence_accepted_by,
    )  # fmt: skip
    assert unknown(accepted.type, detail) == []
    assert "Accept it no more" in page(officer, "model_licence")
    post(officer, "withdraw_licence")
    assert Model.objects.get().licence_accepted is not None, "a reason is asked for"
    post(officer, "withdraw_licence", reason="It changed.")
    assert Model.objects.get().licence_accepted is None
    assert "Nobody has accepted" in post(officer, "withdraw_licence").content.decode()
    assert not Change.objects.filter(table="inference_model").exists()


@pytest.mark.parametrize("role", ["Auditor", "Operator", "Administrator"])
def test_who_is_no_officer_reads_it_and_accepts_nothing(officer, role):
    officer.as_(role)
    text = page(officer, "model_licence")
    assert "You may" in text
    assert "A compliance officer can accept it." in text
    assert post(officer, "model_licence", shown=DIGEST).status_code == 403
    Model.objects.update(licence_accepted=timezone.now())
    assert post(officer, "withdraw_licence", reason="no").status_code == 403
    assert Model.objects.get().licence_accepted is not None

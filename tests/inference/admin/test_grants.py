"""Who may use an adapter is granted and withdrawn in the console, on the record."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from compliance.audit.catalogue import unknown
from compliance.models import Application, Change, Event
from inference.models import AdapterGrant, Model
from tests.compliance.admin import stories

LIST = reverse_lazy("admin:inference_adaptergrant_changelist")
ADD = reverse_lazy("admin:inference_adaptergrant_add")


@pytest.fixture
def officer(console):
    stories.machines()
    base = Model.objects.get()
    Model.objects.create(
        name=f"{base.name}:law",
        kind=Model.Kind.ADAPTER,
        base=base,
        engine=base.engine,
        digest="1a" * 32,
        size=1,
        licence="Apache-2.0",
        origin="org/law",
        context_length=1,
        licence_accepted=timezone.now(),
    )
    stories.application()
    console.as_("Compliance officer")
    return console


def chosen():
    grantee = Application.objects.get()
    return {"application": grantee.pk, "adapter": Model.objects.get(kind="adapter").pk}


def told(kind):
    events = Event.objects.filter(type=kind).order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in events]


def switch(client, active):
    url = reverse("admin:inference_adaptergrant_switch", args=[AdapterGrant.objects.get().pk])
    question = client.get(url).content.decode()
    assert ("does not exist for this application" in question) != active
    return client.post(url, {"active": "1" if active else "0"})


def test_an_adapter_is_granted_withdrawn_and_granted_again(officer):
    assert b"Adapters" in officer.get(LIST).content
    form = officer.get(ADD).content.decode()
    assert "look at its lineage first" in form
    assert Model.objects.get(kind="model").name + "</option>" not in form, "no adapter"
    assert officer.post(ADD, chosen()).status_code == 302
    assert b"helpdesk" in officer.get(LIST).content
    switch(officer, active=False)
    assert not AdapterGrant.objects.get().active
    switch(officer, active=True)
    assert AdapterGrant.objects.get().active
    granted, again = told("adapter.granted")
    (withdrawn,) = told("adapter.withdrawn")
    assert granted["adapter"] == again["adapter"] == withdrawn["adapter"]
    assert granted["application"] == "helpdesk"
    assert granted["adapter"].endswith(":law")
    assert granted["actor"]
    assert not unknown("adapter.granted", granted)
    changed = Change.objects.filter(table="inference_adaptergrant")
    assert not changed.exists(), "every change has its event"


def test_nothing_is_granted_twice(officer):
    officer.post(ADD, chosen())
    answer = officer.post(ADD, chosen())
    assert "may use it already" in answer.content.decode()
    switch(officer, active=False)
    assert "activate it again" in officer.post(ADD, chosen()).content.decode()
    assert AdapterGrant.objects.count() == 1


@pytest.mark.parametrize("role", ["Operator", "Auditor", "Policy approver"])
def test_who_may_not_grant_sees_and_changes_nothing(officer, role):
    officer.post(ADD, chosen())
    officer.as_(role)
    assert b"helpdesk" in officer.get(LIST).content
    assert officer.get(ADD).status_code == 403
    assert officer.post(ADD, chosen()).status_code == 403
    url = reverse("admin:inference_adaptergrant_switch", args=[AdapterGrant.objects.get().pk])
    assert officer.post(url, {"active": "0"}).status_code == 403
    assert AdapterGrant.objects.get().active

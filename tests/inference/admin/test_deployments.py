"""Models are deployed at sites in the console, changed, moved and removed, on the record."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
import redis
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from compliance.audit.catalogue import unknown
from compliance.audit.changes import recorded
from compliance.models import Change, Event, Site
from inference.deploying import Foreman
from inference.inventory import KEY, Held, sign
from inference.models import Deployment, Model, Node, Placement
from tests.compliance.admin import stories
from tests.inference.test_inventory import told as inventory
from tests.services.waiting import wait_until


@pytest.fixture
def operator(console):
    """A model on the first of two nodes, chosen by nobody; there is no broker to ask."""
    first = stories.machines()
    key = stories.NODE_KEY.public_key().public_bytes_raw()
    Node.objects.create(name="node-2", site=first.node.site, public_key=key)
    Change.objects.all().delete()
    console.as_("Operator")
    return console


def shown(client, name, *given):
    return client.get(reverse(f"admin:{name}", args=given)).content.decode()


def sent(client, name, *given, **fields):
    answer = client.post(reverse(f"admin:{name}", args=given), fields, follow=True)
    return answer.content.decode()


def nodes():
    return list(Placement.objects.filter(active=True).values_list("node__name", flat=True))


def told():
    """What was recorded of deployments and placements: type, and what it is about."""
    found = []
    for event in Event.objects.order_by("id"):
        if event.type.startswith(("deployment", "placement")):
            detail = json.loads(bytes(event.detail or b""))
            assert unknown(event.type, detail) == []
            about = ("placement", "deployment", "node", "site")
            found.append((event.type, next(detail[name] for name in about if name in detail)))
    return found


def test_a_model_is_deployed_from_its_page_and_the_page_says_where(operator):
    away = Site.objects.create(name="away", country="AT", public_key=bytes(32))
    Change.objects.all().delete()
    model = Model.objects.get()
    page = shown(operator, "inference_model_change", model.pk)
    assert f"{reverse('admin:deploy_model')}?model={model.pk}" in page
    form = operator.get(reverse("admin:deploy_model"), {"model": model.pk}).content.decode()
    assert f'<option value="{model.pk}" selected>' in form
    wrong = sent(operator, "deploy_model", model=model.pk, site=1, replicas=0)
    assert "is deployed at home already" in wrong
    assert "greater than or equal to 1" in wrong
    said = sent(operator, "deploy_model", model=model.pk, site=away.pk, replicas=2)
    assert "0 of 2 replicas placed: away has no node; enrol one." in said
    assert "No node serves it yet." in said
    page = shown(operator, "inference_model_change", model.pk)
    assert "1 of 1 replica placed." in page
    assert "0 of 2 replicas placed" in page
    assert told() == [("deployment.created", "away")]
    assert "1 of 1" in shown(operator, "inference_deployment_changelist")


def test_a_deployment_gets_more_nodes_and_fewer(operator):
    one = Deployment.objects.get()
    assert "Change or place anew…" in shown(operator, "inference_deployment_change", one.pk)
    assert 'value="1"' in shown(operator, "place_deployment", one.pk)
    assert "2 of 2 replicas placed." in sent(operator, "place_deployment", one.pk, replicas=2)
    assert nodes() == ["node-1", "node-2"]
    sent(operator, "place_deployment", one.pk, replicas=1)
    assert nodes() == ["node-1"]
    assert told() == [
        ("deployment.changed", "home"),
        ("placement.created", "node-2"),
        ("deployment.changed", "home"),
        ("placement.removed", "node-2"),
    ]


def test_a_deployment_is_removed_after_a_question_that_says_what_follows(operator):
    one = Deployment.objects.get()
    question = shown(operator, "remove_deployment", one.pk)
    assert "node-1 finishes what runs and ends its engine." in question
    assert "its next start deploys it again" in question, "DOMICILE_MODEL names it"
    assert Deployment.objects.exists()
    assert "home serves smollm2-135m-instruct no more." in sent(
        operator, "remove_deployment", one.pk
    )
    assert not Deployment.objects.exists()
    assert told() == [("deployment.removed", "home")]
    assert "at no site" in shown(operator, "inference_model_change", Model.objects.get().pk)


def test_what_another_removed_meanwhile_is_neither_made_anew_nor_removed_again(operator):
    one = Deployment.objects.get()
    mine = Foreman(one.site, "me", "console", said={})
    other = Foreman(one.site, "another", "console", said={})
    with recorded():
        assert other.remove(one)
    before = told()
    with recorded():
        assert not mine.change(one, 2)
        assert not mine.remove(one)
    assert not Deployment.objects.exists()
    assert told() == before == [("deployment.removed", "home")]


def test_a_node_that_is_kept_from_a_model_gives_its_place_to_another(operator):
    first = Placement.objects.get()
    question = shown(operator, "inference_placement_switch", first.pk)
    assert "Another node of the site takes its place" in question
    sent(operator, "inference_placement_switch", first.pk, active="0")
    assert nodes() == ["node-2"]
    sent(operator, "inference_placement_switch", first.pk, active="1")
    assert nodes() == ["node-1"], "whom a person chose, and one is enough"
    assert "a person" in shown(
        operator, "inference_deployment_change", Deployment.objects.get().pk
    )
    assert told() == [
        ("placement.deactivated", "smollm2-135m-instruct on node-1"),
        ("placement.created", "node-2"),
        ("placement.activated", "smollm2-135m-instruct on node-1"),
        ("placement.removed", "node-2"),
    ]


def test_what_a_node_served_goes_elsewhere_when_it_is_deactivated(operator, settings, valkey):
    first = Node.objects.get(name="node-1")
    sent(operator, "inference_node_switch", first.pk, active="0")
    assert nodes() == ["node-1"], "of no other node is anything known"
    page = shown(operator, "inference_deployment_change", Deployment.objects.get().pk)
    assert "1 of 1 replica placed; node-1 is closed or switched off." in page
    sent(operator, "inference_node_switch", first.pk, active="1")
    assert told() == []
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, broker_url=valkey.url)
    held = Held(name="m", state="here", digest=Model.objects.get().digest)
    said = inventory(node="node-2", models=[held], engines={})
    with redis.Redis.from_url(valkey.url.replace("redis+socket://", "unix://", 1)) as broker:
        broker.flushall()
        broker.set(KEY + "node-2", sign(said, stories.NODE_KEY))
    sent(operator, "inference_node_switch", first.pk, active="0")
    assert nodes() == ["node-2"]
    assert "may be placed here" in shown(operator, "inference_node_change", first.pk)
    sent(operator, "inference_node_switch", first.pk, active="1")
    assert nodes() == ["node-2"], "what is placed stays"
    assert told() == [("placement.removed", "node-1"), ("placement.created", "node-2")]


@pytest.mark.database
@pytest.mark.parametrize(
    "view", ["inference_node_switch", "inference_placement_switch", "open_node"]
)
def test_who_switches_something_while_another_deploys_waits_and_both_succeed(operator, view):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one write at a time")
    first = Placement.objects.get()
    Node.objects.filter(pk=first.node_id).update(closed=timezone.now(), closed_reason="out")
    Change.objects.all().delete()
    key = first.pk if "placement" in view else first.node_id
    pids, ends = [], []

    def second():
        try:
            with connection.cursor() as cursor:
                pids.append(cursor.execute("SELECT pg_backend_pid()").fetchone()[0])
            fields = {"active": "0", "reason": "mended"}
            ends.append(operator.post(reverse(f"admin:{view}", args=[key]), fields).status_code)
        finally:
            connection.close()

    def waits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pid = %s", pids)
            return cursor.fetchone() is not None

    thread = threading.Thread(target=second)
    foreman = Foreman(first.node.site, "another", "console", said={})
    try:
        with recorded():
            foreman.lock()
            thread.start()
            wait_until(lambda: ends or (pids and waits()), "the other waits for the site")
            foreman.deploy(Model.objects.get(), 2)
    finally:
        thread.join()
    assert ends == [302]


def test_who_may_only_look_is_offered_nothing(operator):
    operator.as_("Auditor")
    pages = shown(operator, "inference_model_change", Model.objects.get().pk)
    pages += shown(operator, "inference_deployment_change", Deployment.objects.get().pk)
    assert "replica placed" in pages
    for button in ("Deploy at", "Change or place", "Remove…", "Deactivate…"):
        assert button not in pages


def test_without_a_site_or_a_model_the_form_says_what_comes_first(console):
    console.as_("Operator")
    assert "Register a site" in shown(console, "deploy_model")
    assert "There is no deployment yet" in shown(console, "inference_deployment_changelist")


def test_the_list_leads_who_may_deploy_to_the_form(operator):
    way = reverse("admin:deploy_model")
    assert f'href="{way}"' in shown(operator, "inference_deployment_changelist")
    operator.as_("Auditor")
    assert way not in shown(operator, "inference_deployment_changelist")

import dataclasses
import json
from typing import Any

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse

from inference.admin.life import look
from inference.admin.receipts import check
from inference.inventory import KEY, Held, sign
from inference.models import Deployment, Model, Node
from tests.compliance.admin import stories
from tests.inference.test_inventory import told as signed
from tests.services.valkey import Valkey

SIGN = "node:node-1/smollm2-135m-instruct"
SAYS = {
    "site": "home",
    "models": {"smollm2-135m-instruct": stories.DIGEST},
    "engine": "llamacpp",
    "healthy": True,
    "capacity": 4,
    "running": 1,
    "waiting": 0,
    "since": 1_767_225_600,  # 2026-01-01
}


@pytest.fixture
def broker(settings):
    started = Valkey()
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, broker_url=started.url)
    yield started
    started.close()


@pytest.fixture
def machines(console, broker):
    stories.machines()
    console.as_("Operator")
    return console


def appear(broker, **changes):
    url = broker.url.replace("redis+socket://", "unix://")
    with redis.Redis.from_url(url) as client:
        client.set(SIGN, json.dumps(SAYS | changes))


def node_page(client):
    answer = client.get(reverse("admin:inference_node_change", args=[Node.objects.get().pk]))
    return answer.content.decode()


def test_a_living_node_is_shown_with_what_it_says_of_itself(machines, broker):
    appear(broker)
    text = node_page(machines)
    for told in ("alive", "1 of 4 at a time", "2026-01-01 00:00:00 UTC", stories.DIGEST):
        assert told in text


def test_it_is_shown_what_waits_at_a_node_and_how_full_its_memory_is(machines, broker):
    appear(broker, running=4, waiting=7, cache=0.934, waiting_engine=2)
    text = node_page(machines)
    for told in ("4 of 4 at a time, 7 waiting", "93 % in use", "no room for yet: 2"):
        assert told in text
    assert "4 of 4, 7 waiting" in machines.get(reverse("admin:index")).content.decode()
    appear(broker, cache=None)
    assert "KV cache" not in node_page(machines), "slots of their own share none"


def test_each_model_of_a_node_is_shown_with_what_its_own_worker_says(machines, broker):
    second = Model.objects.create(
        name="second", digest="2" * 64, size=1, engine="llamacpp", context_length=1
    )
    stories.placed(second, Node.objects.get())
    appear(broker)
    url = broker.url.replace("redis+socket://", "unix://")
    with redis.Redis.from_url(url) as client:
        client.set("node:node-1/second", json.dumps(SAYS | {"running": 3, "healthy": False}))
    for text in (node_page(machines), machines.get(reverse("admin:index")).content.decode()):
        for told in ("1 of 4", "3 of 4", "alive", "engine down"):
            assert told in text


def test_a_node_whose_engine_is_down_is_not_called_alive(machines, broker):
    appear(broker, healthy=False)
    assert "engine down" in node_page(machines)
    overview = machines.get(reverse("admin:index")).content.decode()
    assert "engine down" in overview


def test_the_machine_is_shown_as_the_node_signed_it_and_no_other(machines, broker):
    url = broker.url.replace("redis+socket://", "unix://")
    with redis.Redis.from_url(url) as client:
        assert "has told nothing of its machine" in node_page(machines)
        client.set(KEY + "node-1", sign(signed(), stories.NODE_KEY))
        text = node_page(machines)
        for said in ("A processor, 16 cores", "NVIDIA H100", "41 °C", "570.1, CUDA up to 12.8"):
            assert said in text
        lain = [Held(name="broken", state="refused", reason="No manifest.")]
        poor = signed(time=1, gpus=[], driver="", cuda="", models=lain)
        client.set(KEY + "node-1", sign(poor, stories.NODE_KEY))
        text = node_page(machines)
        for said in ("No GPU: engines run on the CPU.", "No manifest.", "said nothing since"):
            assert said in text
        client.set(KEY + "node-1", sign(signed(), Ed25519PrivateKey.generate()))
        text = node_page(machines)
        assert "does not bear its signature" in text
        assert "H100" not in text


def test_a_silent_node_is_shown_as_silent(machines):
    assert "silent" in node_page(machines)
    assert "1 node silent" in machines.get(reverse("admin:index")).content.decode()


def test_without_a_broker_the_pages_load_and_say_so(machines, broker):
    broker.kill()
    assert "The broker does not answer" in node_page(machines)
    assert "The broker does not answer" in machines.get(reverse("admin:index")).content.decode()
    assert machines.get(reverse("admin:inference_node_changelist")).status_code == 200


def test_what_a_broken_worker_says_does_not_break_the_page(machines, broker):
    url = broker.url.replace("redis+socket://", "unix://")
    with redis.Redis.from_url(url) as client:
        client.set(SIGN, b"\xff not json")
    assert [sign.says for sign in look(["node-1"]).of("node-1")] == [{}]
    assert "engine down" in node_page(machines)


def test_switching_a_deployment_off_and_on_is_recorded(machines):
    deployment = Deployment.objects.get()
    address = reverse("admin:inference_deployment_switch", args=[deployment.pk])
    for active, said in (("0", "deactivated"), ("1", "is active")):
        answer = machines.post(address, {"active": active}, follow=True)
        assert said in answer.content.decode()
        deployment.refresh_from_db()
        assert deployment.active is (active == "1")


def test_a_models_page_shows_digest_licence_and_where_it_is_served(machines):
    address = reverse("admin:inference_model_change", args=[Model.objects.get().pk])
    text = machines.get(address).content.decode()
    for told in (stories.DIGEST, "Apache-2.0", "138.1", "node-1"):
        assert told in text
    assert 'name="_save"' not in text


def test_a_receipt_holds_only_for_its_node_its_bytes_and_its_request(database):
    stories.machines()
    request = stories.request_of(stories.application(), "Hello.")
    signed = stories.receipt(request)
    assert check(signed, request.id) is None
    assert check(signed, "0" * 32) is not None
    altered = signed | {"receipt": signed["receipt"] | {"completion_tokens": 1}}
    assert check(altered, request.id) is not None
    assert check(stories.receipt(request, node="node-9"), request.id) is not None
    broken: dict[str, Any]
    for broken in ({}, {"receipt": {}}, {"receipt": "x"}, {"receipt": signed["receipt"]}):
        assert check(broken, request.id) is not None

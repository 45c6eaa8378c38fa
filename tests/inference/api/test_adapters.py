"""Adapters: models to the caller who may use them, and nothing at all to others."""

from __future__ import annotations

import asyncio

import openai
import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import LAW, LAWS, MODEL, VECTORS, WEIGHTS, Attempt, Node, unlike
from tests.services.waiting import wait_until


def grant(lab: Laboratory, key: str, *, active: bool = True) -> None:
    """Let the key's application use the adapter, or not any more; every gateway knows it."""
    lab.sql(
        "INSERT INTO inference_adaptergrant (application_id, adapter_id, active, created)"
        " SELECT application_id, model.id, ?1, '2026-01-01' FROM compliance_apikey,"
        " inference_model model WHERE prefix = ?2 AND model.name = ?3"
        " ON CONFLICT DO UPDATE SET active = ?1",
        [active, key.split("_")[1], LAW],
    )
    wait_until(
        lambda: {LAW in listed(lab, key, gateway.url) for gateway in lab.gateways} == {active},
        "every gateway knows the permission",
    )


def listed(lab: Laboratory, key: str, url: str) -> set[str]:
    answer = lab.http.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"})
    return {model["id"] for model in answer.json()["data"]}


@pytest.fixture(scope="module")
def lawyer(lab: Laboratory) -> str:
    """The key of an application that may use the adapter."""
    key = lab.application()
    grant(lab, key)
    return key


async def test_to_whom_it_is_not_granted_an_adapter_does_not_exist(lab: Laboratory, node: Node):
    assert listed(lab, lab.key, lab.url) == {MODEL, VECTORS}
    with lab.client() as client:
        for call in (
            lambda: client.chat.completions.create(**ask(unlike()) | {"model": LAW}),
            lambda: client.completions.create(model=LAW, prompt="x"),
            lambda: client.models.retrieve(LAW),
        ):
            with pytest.raises(openai.NotFoundError) as no:
                await asyncio.to_thread(call)
            assert no.value.code == "model_not_found"
    assert not node.attempts


async def test_to_whom_it_is_granted_it_is_a_model_and_the_receipt_is_its_own(
    lab: Laboratory, node: Node, lawyer: str
):
    assert listed(lab, lawyer, lab.url) == {MODEL, VECTORS, LAW}
    with lab.client(key=lawyer) as client:
        raw = client.chat.completions.with_raw_response
        answer = await asyncio.to_thread(lambda: raw.create(**ask(unlike()) | {"model": LAW}))
        assert client.models.retrieve(LAW).id == LAW
    assert answer.parse().model == LAW
    assert answer.parse().system_fingerprint == f"fp_{LAWS[:16]}"
    (attempt,) = node.attempts
    ticket = attempt.ticket
    assert (ticket.model, ticket.adapter, ticket.body["model"]) == (MODEL, LAW, LAW)
    story = await asyncio.to_thread(lab.story, answer.headers["domicile-request"])
    admitted, completed = story
    assert (admitted.detail["model"], admitted.detail["model_digest"]) == (LAW, LAWS)
    assert completed.type == "request.completed"
    assert completed.detail["receipt"]["model"] == LAW


async def test_an_answer_of_the_base_is_no_answer_of_the_adapter(
    lab: Laboratory, node: Node, lawyer: str
):
    async def script(attempt: Attempt) -> None:
        attempt.text("Good day.")
        attempt.receipt(model=MODEL, weights=WEIGHTS)

    node.script = script
    body = ask(unlike()) | {"model": LAW}
    response = await asyncio.to_thread(lab.post, body, key=lawyer)
    assert response.json()["error"]["code"] == "receipt_invalid"


async def test_a_withdrawn_permission_is_none(lab: Laboratory, node: Node):
    key = await asyncio.to_thread(lab.application)
    await asyncio.to_thread(grant, lab, key)
    await asyncio.to_thread(grant, lab, key, active=False)
    response = await asyncio.to_thread(lab.post, ask(unlike()) | {"model": LAW}, key=key)
    assert (response.status_code, node.attempts) == (404, [])


async def test_where_the_base_is_not_deployed_the_adapter_is_not_either(
    lab: Laboratory, node: Node, lawyer: str
):
    """Its engine is the base's."""
    switch = (
        "UPDATE inference_deployment SET active = ? WHERE model_id ="
        " (SELECT id FROM inference_model WHERE name = ?)"
    )
    try:
        lab.sql(switch, [False, MODEL])
        await asyncio.to_thread(
            wait_until,
            lambda: all(
                listed(lab, lawyer, gateway.url) == {VECTORS} for gateway in lab.gateways
            ),
            "neither is listed",
        )
    finally:
        lab.sql(switch, [True, MODEL])
        await asyncio.to_thread(
            wait_until,
            lambda: all(LAW in listed(lab, lawyer, gateway.url) for gateway in lab.gateways),
            "both are listed again",
        )

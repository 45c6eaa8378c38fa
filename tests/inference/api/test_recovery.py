"""Nodes that fall silent, lie or vanish; parts of the appliance that are away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from typing import Any

import openai
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inference import in_force
from inference.relay import Started
from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import LAW, Attempt, Node, answers, unlike
from tests.services.appliance import Recorded
from tests.services.waiting import PATIENCE, until, wait_until

SILENT = "No frame from"  # how the reason of another attempt begins


async def post(lab: Laboratory, **more):
    return await asyncio.to_thread(lab.post, ask(unlike(), **more))


async def story(lab: Laboratory, response) -> list[Recorded]:
    return await asyncio.to_thread(lab.story, response.headers["domicile-request"])


async def undisturbed(lab: Laboratory, node: Node, **more) -> tuple[Any, list[Recorded]]:
    """A response and its story, with no silence in it that only a busy machine made."""
    for _ in range(5):
        node.attempts.clear()
        response = await post(lab, **more)
        events = await story(lab, response)
        if not any(event.detail.get("reason", "").startswith(SILENT) for event in events):
            break
    return response, events


async def test_a_silent_node_is_given_up_and_another_attempt_answers(
    lab: Laboratory, node: Node
):
    async def script(attempt: Attempt) -> None:
        if attempt.ticket.attempt == 1:
            await attempt.cancelled.wait()
        else:
            await answers(attempt)

    node.script = script
    response = await post(lab)
    assert response.status_code == 200
    first, second = node.attempts
    assert first.cancelled.is_set(), "the first ticket is void"
    assert first.ticket.id != second.ticket.id
    assert first.ticket.down_key != second.ticket.down_key
    events = await story(lab, response)
    assert [event.type for event in events] == [
        "request.admitted",
        "request.attempt",
        "request.completed",
    ]
    assert events[1].detail["attempt"] == events[2].detail["attempts"] == 2


async def test_three_silent_attempts_are_enough(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        await attempt.cancelled.wait()

    node.script = script
    response = await post(lab, stream=True)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "engine_unavailable"
    assert len(node.attempts) == 3
    types = [event.type for event in await story(lab, response)]
    assert types == ["request.admitted", *["request.attempt"] * 2, "request.failed"]


async def test_an_engine_that_fails_before_its_first_words_gets_the_request_another_ticket(
    lab: Laboratory, node: Node
):
    async def script(attempt: Attempt) -> None:
        if attempt.ticket.attempt < 3:
            attempt.line.put(Started("lab-1"))
            attempt.fail("engine_unavailable", "The engine is not up.")
        else:
            await answers(attempt)

    node.script = script
    response, events = await undisturbed(lab, node)
    assert response.status_code == 200
    assert [event.type for event in events] == [
        "request.admitted",
        *["request.attempt"] * 2,
        "request.completed",
    ]
    assert events[1].detail["reason"] == "The engine at lab failed before its first words."
    assert len({attempt.ticket.down_key for attempt in node.attempts}) == 3


@pytest.mark.parametrize(
    ("code", "words", "attempts"),
    [
        ("engine_unavailable", (), 3),
        ("engine_unavailable", ("Good ",), 1),
        ("deadline_exceeded", (), 1),
    ],
)
async def test_a_failure_is_the_last_word_after_the_first_ones_or_three_attempts(
    lab: Laboratory, node: Node, code: str, words: tuple[str, ...], attempts: int
):
    async def script(attempt: Attempt) -> None:
        for word in words:
            attempt.text(word)
        attempt.fail(code, "What the node says of it.")

    node.script = script
    response, events = await undisturbed(lab, node, stream=True)
    assert code in response.text
    assert "What the node says of it." in response.text
    assert [event.type for event in events] == [
        "request.admitted",
        *["request.attempt"] * (attempts - 1),
        "request.failed",
    ]
    assert len(node.attempts) == attempts


@pytest.mark.parametrize(
    ("reason", "then"),
    [("policy_not_in_force", "request.redecided"), ("node_closed", "request.attempt")],
)
async def test_what_a_node_refused_is_on_the_record_and_the_request_gets_another_ticket(
    lab: Laboratory, node: Node, reason: str, then: str
):
    async def script(attempt: Attempt) -> None:
        if attempt.ticket.attempt == 1:
            attempt.refuse(reason)
        else:
            await answers(attempt)

    node.script = script
    response, events = await undisturbed(lab, node)
    assert response.status_code == 200
    kinds = ["request.admitted", "ticket.refused", then, "request.completed"]
    assert [event.type for event in events] == kinds
    assert (events[1].detail["node"], events[1].detail["reason"]) == ("lab-1", reason)
    assert events[1].detail["refusal"]["ticket"] == node.attempts[0].ticket.id
    assert events[2].detail["attempt"] == events[3].detail["attempts"] == 2
    first, second = node.attempts
    assert first.ticket.down_key != second.ticket.down_key


@pytest.mark.parametrize(
    "lie",
    [
        {"key": Ed25519PrivateKey.generate()},
        {"ticket": "0" * 32},
        {"request": "0" * 32},
        {"attempt": 7},
    ],
)
async def test_a_refusal_that_the_node_did_not_sign_for_this_ticket_is_no_refusal(
    lab: Laboratory, node: Node, lie: dict[str, Any]
):
    async def script(attempt: Attempt) -> None:
        attempt.refuse("policy_not_in_force", **lie)

    node.script = script
    response, events = await undisturbed(lab, node)
    assert response.json()["error"]["code"] == "receipt_invalid"
    kinds = [event.type for event in events]
    assert kinds == ["request.admitted", "request.failed"]


async def test_what_a_closed_node_or_a_stranger_refuses_goes_to_another(
    lab: Laboratory, node: Node
):
    await asyncio.to_thread(lab.more_node, "lab-2", closed=True)

    async def script(attempt: Attempt) -> None:
        number = attempt.ticket.attempt
        attempt.node = {1: "lab-2", 2: "nobody"}.get(number, "lab-1")
        if number < 3:
            attempt.refuse("node_closed")
        else:
            await answers(attempt)

    node.script = script
    response = await post(lab)
    assert response.status_code == 200
    events = await story(lab, response)
    kinds = ["request.admitted", "ticket.refused", *["request.attempt"] * 2]
    assert [event.type for event in events] == [*kinds, "request.completed"]
    assert (events[1].detail["node"], events[1].detail["reason"]) == ("lab-2", "node_closed")
    assert "not enrolled" in events[3].detail["reason"]


async def test_another_ticket_goes_by_the_sites_as_they_are_by_then(
    lab: Laboratory, node: Node
):
    """Of two that have nothing to do the first by name is asked."""
    await asyncio.to_thread(lab.second_site, "bay", "bay-1")
    async with Node(lab.broker.url, lab.gateway_key, "bay", "bay-1") as second:

        async def script(attempt: Attempt) -> None:
            beats = asyncio.create_task(attempt.beat())
            closing = "UPDATE inference_node SET closed = created WHERE name = 'bay-1'"
            await asyncio.to_thread(lab.sql, closing)
            await asyncio.to_thread(lab.application)  # every gateway knows
            beats.cancel()
            attempt.refuse("node_closed")

        second.script = script
        response = await post(lab)
        assert response.status_code == 200
        assert response.headers["domicile-site"] == "lab"
        assert len(second.attempts) == 1, "it was asked once, while it was open"


async def test_the_receipt_of_a_node_that_came_since_counts(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        beats = asyncio.create_task(attempt.beat())
        await asyncio.to_thread(lab.more_node, "lab-3", serves=True)
        beats.cancel()
        attempt.node = "lab-3"
        await answers(attempt)

    node.script = script
    response = await post(lab)
    assert response.status_code == 200
    *_, last = await story(lab, response)
    assert last.detail["receipt"]["node"] == "lab-3"


async def test_a_node_that_refuses_what_it_began_to_answer_fails_it(
    lab: Laboratory, node: Node
):
    async def script(attempt: Attempt) -> None:
        attempt.text("Good ")
        attempt.refuse("policy_not_in_force")

    node.script = script
    response, events = await undisturbed(lab, node, stream=True)
    assert "engine_unavailable" in response.text
    kinds = [event.type for event in events]
    assert kinds == ["request.admitted", "request.failed"]


async def test_gateways_post_the_version_that_they_decide_by_and_the_nodes_that_may_work(
    lab: Laboratory, node: Node
):
    response = await post(lab)
    (admitted, *_) = await story(lab, response)
    said: Any = await node._redis.get(in_force.KEY)
    listed = in_force.read(said, [lab.gateway_key])
    assert admitted.detail["policy"]["digest"] in {one.digest for one in listed.versions}
    assert "lab-1" in listed.nodes


async def test_silence_after_the_first_words_fails_the_answer(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.text("Good ")
        await attempt.cancelled.wait()

    node.script = script
    begun = time.monotonic()
    response = await post(lab, stream=True)
    assert time.monotonic() - begun > 4.5
    assert response.status_code == 200
    assert "engine_unavailable" in response.text
    assert "[DONE]" not in response.text
    await asyncio.wait_for(node.attempts[0].cancelled.wait(), PATIENCE)
    assert [event.type for event in await story(lab, response)] == [
        "request.admitted",
        "request.failed",
    ]


async def test_of_two_who_run_one_ticket_one_is_heard_and_recorded(lab: Laboratory, node: Node):
    """As when a ticket is replayed to a second node and the first one's claim removed."""

    async def script(attempt: Attempt) -> None:
        ticket = attempt.ticket
        line = node._outbox.line(
            ticket.reply_stream, ticket.handle, ticket.attempt, ticket.down_key
        )
        replayed = Attempt(ticket, line)
        attempt.text("one ")
        await asyncio.sleep(0.1)
        replayed.text("two ", "two ", "two")
        replayed.finish()
        replayed.receipt(completion_tokens=2)
        await asyncio.sleep(0.3)
        attempt.text("one")
        attempt.finish()
        attempt.receipt(completion_tokens=1)
        await asyncio.sleep(0.1)
        replayed.receipt(completion_tokens=2)

    node.script = script
    for stream in (False, True):
        response = await post(lab, stream=stream)
        assert response.status_code == 200
        assert "one" in response.text
        assert "two" not in response.text
        await asyncio.sleep(0.3)
        events = await story(lab, response)
        assert [event.type for event in events] == ["request.admitted", "request.completed"]
        assert events[-1].detail["receipt"]["completion_tokens"] == 1


LIES: dict[str, dict[str, Any]] = {
    "another key": {"key": Ed25519PrivateKey.generate()},
    "another node": {"node": "node-9"},
    "a node that serves nothing": {"node": "lab-4"},
    "other weights": {"weights": "cd" * 32},
    "another request": {"request": "0" * 32},
    "another ticket": {"ticket": "0" * 32},
    "another policy": {"policy_digest": "0" * 64},
    "another site": {"site": "home"},
}


@pytest.mark.parametrize("name", LIES)
async def test_an_answer_without_an_honest_receipt_is_not_completed(
    lab: Laboratory, node: Node, name: str
):
    if name == "a node that serves nothing":
        await asyncio.to_thread(lab.more_node, LIES[name]["node"])

    async def script(attempt: Attempt) -> None:
        attempt.text("Good ")
        attempt.finish()
        attempt.receipt(**LIES[name])

    node.script = script
    response = await post(lab)
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "receipt_invalid"
    *_, last = await story(lab, response)
    assert (last.type, last.detail["reason"]) == ("request.failed", "receipt_invalid")


async def test_a_chunk_that_is_none_fails_the_answer(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.chunks(b'{"choices": [{"delta": 7}]}')
        await attempt.cancelled.wait()

    node.script = script
    response = await post(lab)
    assert response.status_code == 500
    await asyncio.wait_for(node.attempts[0].cancelled.wait(), PATIENCE)
    *_, last = await story(lab, response)
    assert last.detail["reason"] == "engine_malformed"


async def test_without_a_living_node_there_is_no_route(lab: Laboratory, node: Node):
    await node.hide()
    response = await post(lab)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "no_route"
    assert response.headers["retry-after"]
    request = response.headers["domicile-request"]
    (refused,) = await asyncio.to_thread(lab.events, request=request)
    assert (refused.type, refused.detail["reason"]) == ("request.refused", "no_route")


async def test_a_node_whose_engine_is_down_gets_no_request(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        await node.show(healthy=False)
        attempt.fail("engine_unavailable", "The engine is not up.")

    node.script = script
    for asked in (1, 0):  # one that it had when its engine ended, and one afterwards
        node.attempts.clear()
        response = await post(lab)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "no_route")
        assert len(node.attempts) == asked
    node.script = answers
    ready = await asyncio.to_thread(lab.http.get, f"{lab.url}/readyz")
    assert ready.json()["checks"]["nodes"] != "ok"
    await node.show()
    assert (await post(lab)).status_code == 200


async def test_a_site_with_less_to_do_answers(lab: Laboratory, node: Node):
    await asyncio.to_thread(lab.second_site, "dock", "dock-1")
    async with Node(lab.broker.url, lab.gateway_key, "dock", "dock-1") as second:
        for busy, idle, site in ((node, second, "dock"), (second, node, "lab")):
            await idle.show()
            await busy.show(running=4, waiting=3)
            answers = [await post(lab) for _ in range(3)]
            assert [answer.headers["domicile-site"] for answer in answers] == [site] * 3


async def test_a_detector_that_is_down_refuses_and_records_it(lab: Laboratory, node: Node):
    gateway = lab.gateways[0]
    children = psutil.Process(gateway.process.pid).children()
    detectors = [child for child in children if "detection" in " ".join(child.cmdline())]
    assert detectors
    for detector in detectors:
        detector.kill()
    response = await post(lab)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "detection_unavailable"
    request = response.headers["domicile-request"]
    (refused,) = await asyncio.to_thread(lab.events, request=request)
    assert refused.type == "request.refused"
    assert node.attempts == []
    await asyncio.to_thread(gateway.wait)


async def test_a_tampered_policy_stops_requests_until_it_is_mended(lab: Laboratory, node: Node):
    """By direct SQL, past the trigger, as the database's owner could."""
    trigger, statement = lab.sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        " AND tbl_name = 'compliance_policyversion' AND sql LIKE '%BEFORE UPDATE%'"
    )[0]
    ((number, document),) = lab.sql(
        "SELECT number, document FROM compliance_policyversion ORDER BY number DESC LIMIT 1"
    )
    change = "UPDATE compliance_policyversion SET document = ? WHERE number = ?"
    lab.sql(f"DROP TRIGGER {trigger}")
    try:
        loosened = document.replace('"block"', '"allow"')
        lab.sql(change, (loosened, number))

        async def stale() -> bool:
            return bool((await post(lab)).status_code == 503)

        await until(stale, "requests are refused")
        before = len(node.attempts)
        response = await post(lab)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "stale_configuration"
        assert len(node.attempts) == before
    finally:
        lab.sql(change, (document, number))
        lab.sql(statement)

    async def answered() -> bool:
        return bool((await post(lab)).status_code == 200)

    await until(answered, "requests are answered again")


async def test_a_broker_that_is_away_is_told_and_recorded(lab: Laboratory):
    """On a gateway of its own broker, so that the others keep theirs."""
    from tests.services.valkey import Valkey  # noqa: PLC0415 - for this test only

    broker = Valkey()
    gateway = await asyncio.to_thread(lab.gateway, "web-3", DOMICILE_BROKER_URL=broker.url)
    try:
        async with Node(broker.url, lab.gateway_key) as node:

            async def script(attempt: Attempt) -> None:
                attempt.text("Good ")
                await asyncio.sleep(0.3)
                broker.kill()
                await asyncio.sleep(60)

            node.script = script
            response = await asyncio.to_thread(
                lab.post, ask(unlike(), stream=True), url=gateway.url
            )
            assert "engine_unavailable" in response.text
            events = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
            assert [event.type for event in events] == ["request.admitted", "request.failed"]
            response = await asyncio.to_thread(lab.post, ask(unlike()), url=gateway.url)
            assert response.status_code == 503
            key = await asyncio.to_thread(lab.application, requests=100)
            response = await asyncio.to_thread(lab.post, ask("x"), url=gateway.url, key=key)
            assert response.json()["error"]["code"] == "engine_unavailable"
        broker.restart()
        async with Node(broker.url, lab.gateway_key):

            def answered() -> bool:
                return lab.post(ask(unlike()), url=gateway.url).status_code == 200

            await asyncio.to_thread(wait_until, answered, "the gateway is well again")
    finally:
        await asyncio.to_thread(gateway.stop)
        lab.gateways.remove(gateway)
        broker.close()


async def test_a_gateway_that_ends_lets_answers_end_and_records_its_refusals(
    lab: Laboratory, node: Node
):
    gateway = await asyncio.to_thread(lab.gateway, "web-4")
    told = asyncio.Event()
    try:

        async def script(attempt: Attempt) -> None:
            attempt.text("Good ")
            await attempt.beats_until(told)
            await asyncio.sleep(1)
            attempt.text("day.")
            attempt.finish()
            attempt.receipt()

        node.script = script
        for _ in range(3):
            await asyncio.to_thread(lab.post, ask("x", top_k=1), url=gateway.url)
        await asyncio.to_thread(lab.post, ask("x"), url=gateway.url, key=lab.key[:-1])
        for model in (LAW, LAW, "what somebody typed"):
            await asyncio.to_thread(lab.post, ask("x") | {"model": model}, url=gateway.url)
        call = asyncio.create_task(
            asyncio.to_thread(lab.post, ask(unlike(), stream=True), url=gateway.url)
        )
        await until(lambda: node.attempts, "the node is asked")
        gateway.process.send_signal(signal.SIGTERM)
        told.set()
        response = await call
        assert response.text.endswith("data: [DONE]\n\n")
        await asyncio.to_thread(gateway.process.wait, PATIENCE)
        events = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
        assert events[-1].type == "request.completed"
        kinds = [event.type for event in lab.events(source="web-4")]
        assert kinds[-1] == "writer.stopped"
        rejections = lab.events(source="web-4", type="rejections")
        assert {
            tuple(event.detail.get(name) for name in ("api_key", "reason", "model", "count"))
            for event in rejections
        } == {
            (lab.key[4:16], "unknown_parameter", None, 3),
            (lab.key[4:16], "model_not_found", LAW, 2),
            (lab.key[4:16], "model_not_found", None, 1),
            ("unknown", "invalid_api_key", None, 1),
        }
    finally:
        with suppress(ProcessLookupError):
            os.kill(gateway.process.pid, signal.SIGKILL)
        lab.gateways.remove(gateway)


async def test_an_answer_survives_the_official_client_giving_up_early(
    lab: Laboratory, node: Node
):
    async def script(attempt: Attempt) -> None:
        await attempt.cancelled.wait()

    node.script = script
    for seconds in (0.5, 2, 8, 32):  # enough for the node to be asked
        async with lab.async_client(timeout=seconds) as client:
            with pytest.raises(openai.APITimeoutError):
                await client.chat.completions.create(**ask(unlike()))
        if node.attempts:
            break
    await asyncio.wait_for(node.attempts[0].cancelled.wait(), PATIENCE)
    events = await asyncio.to_thread(lab.story, node.attempts[0].ticket.request)
    assert events[-1].type == "request.cancelled"
    assert "unlike" not in json.dumps([event.detail for event in events])


async def test_a_broker_that_hangs_is_one_that_is_away(lab: Laboratory):
    """Stopped, not killed: its sockets stay open and nothing answers."""
    from tests.services.valkey import Valkey  # noqa: PLC0415 - for this test only

    broker = Valkey()
    gateway = await asyncio.to_thread(lab.gateway, "web-6", DOMICILE_BROKER_URL=broker.url)
    try:
        async with Node(broker.url, lab.gateway_key):
            assert (
                await asyncio.to_thread(lab.post, ask(unlike()), url=gateway.url)
            ).status_code == 200
            broker.process.send_signal(signal.SIGSTOP)
            try:
                response = await asyncio.to_thread(lab.post, ask(unlike()), url=gateway.url)
            finally:
                broker.process.send_signal(signal.SIGCONT)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "engine_unavailable"
            events = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
            assert [event.type for event in events] == ["request.admitted", "request.failed"]

            def answered() -> bool:
                return lab.post(ask(unlike()), url=gateway.url).status_code == 200

            await asyncio.to_thread(wait_until, answered, "it works again")
    finally:
        await asyncio.to_thread(gateway.stop)
        lab.gateways.remove(gateway)
        broker.close()


async def test_the_response_names_the_site_that_answered_not_the_one_asked_first(
    lab: Laboratory, node: Node
):
    await asyncio.to_thread(lab.second_site, "yard", "yard-1")
    async with Node(lab.broker.url, lab.gateway_key, "yard", "yard-1") as second:
        await second.hide()

        async def script(attempt: Attempt) -> None:
            await node.hide()
            await second.show()
            await attempt.cancelled.wait()

        node.script = script
        for stream in (True, False):
            await node.show()
            await second.hide()
            response = await post(lab, stream=stream)
            assert response.status_code == 200
            assert response.headers["domicile-site"] == "yard"
            *_, last = await story(lab, response)
            assert last.detail["site"] == "yard"

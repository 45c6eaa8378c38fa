"""A web process that is told to end: what it refuses, what it lets finish, what it says."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.inference.api.laboratory import Gateway, Laboratory, ask
from tests.inference.api.node import Attempt, Node, unlike
from tests.services.waiting import PATIENCE, until, wait_until

DRAIN = 5  # seconds


@pytest.fixture
def gateway(lab: Laboratory) -> Iterator[Gateway]:
    gateway = lab.gateway("web-5", DOMICILE_DRAIN=str(DRAIN))
    yield gateway
    gateway.stop(signal.SIGKILL)
    lab.gateways.remove(gateway)


async def test_what_outlasts_the_draining_is_told_and_recorded_as_stopping(
    lab: Laboratory, node: Node, gateway: Gateway
):
    async def script(attempt: Attempt) -> None:
        while not attempt.cancelled.is_set():
            if attempt.ticket.body["stop"] == ["talk"]:
                attempt.text("word ")
            else:
                attempt.chunks()
            await asyncio.sleep(0.2)

    def call(stop: str, **more) -> asyncio.Task[httpx.Response]:
        body = ask(unlike(), stop=[stop], **more)
        return asyncio.create_task(asyncio.to_thread(lab.post, body, url=gateway.url))

    node.script = script
    streamed, whole = call("talk", stream=True), call("be silent")
    await until(lambda: len(node.attempts) == 2, "both are asked")
    gateway.process.send_signal(signal.SIGTERM)
    told = time.monotonic()

    def stopping() -> bool:
        ready = lab.http.get(f"{gateway.url}/readyz")
        return (ready.status_code, ready.json()["status"]) == (503, "stopping")

    await asyncio.to_thread(wait_until, stopping, "it is stopping")
    refused = await asyncio.to_thread(lab.post, ask("x"), url=gateway.url)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "stopping"
    assert refused.headers["connection"] == "close"
    responses = [await streamed, await whole]
    assert time.monotonic() - told > DRAIN - 0.5
    assert responses[0].status_code == 200
    assert "[DONE]" not in responses[0].text
    assert '"code":"stopping"' in responses[0].text.replace(" ", "")
    assert (responses[1].status_code, responses[1].json()["error"]["code"]) == (503, "stopping")
    await asyncio.to_thread(gateway.process.wait, PATIENCE)
    for response in responses:
        events = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
        last = events[-1]
        assert (last.type, last.detail["reason"]) == ("request.failed", "stopping")
    assert lab.events(source="web-5")[-1].type == "writer.stopped"

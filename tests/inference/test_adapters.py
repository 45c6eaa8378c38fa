"""Tickets for adapters: a worker runs those of adapters that it has and may serve, by name."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from inference import in_force
from inference.admission import Admission
from inference.answer import Identity, Leave, answer
from inference.bulletin import Bulletin
from inference.clearance import ClearanceRefused, verify_receipt
from inference.engines.base import Load
from inference.refusals import FIELD, Refuser, decoded, read
from inference.registry import CATALOGUE, queue
from inference.relay import Outbox, Receipted, Receiver
from inference.statements import STREAM
from inference.turnstile import Turnstile
from tests.inference.nodes import MODEL, frames
from tests.inference.test_answering import keys
from tests.inference.tickets import GATEWAY, NODE, REGISTERED, listed, sealed, ticket
from tests.services.appliance import BASE

LAW = f"{MODEL}:law"
DIGEST = "1a" * 32
BOTH = REGISTERED | {LAW: DIGEST}


class Echo:
    """An engine that says which model it was asked for."""

    name, capacity, healthy, started = "script 1", 1, True, 1

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Nothing is left."""

    async def load(self) -> Load:
        return Load(0, 0, None)

    async def stream(
        self, _endpoint: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        choice = {"index": 0, "delta": {"content": body["model"]}, "finish_reason": "stop"}
        yield json.dumps({"choices": [choice]}).encode()
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        yield json.dumps({"choices": [], "usage": usage}).encode()


@pytest.fixture
def refuser(redis) -> Refuser:
    return Refuser(redis, "home", "node-1", NODE)


@pytest.fixture
def admission(redis, refuser, tmp_path):
    made = Admission(
        site="home",
        node="node-1",
        model=MODEL,
        keys=keys(tmp_path),
        state=tmp_path / "state",
        redis=redis,
        refuser=refuser,
        adapters=[LAW],
    )
    yield made
    made.close()


async def test_only_tickets_for_adapters_that_are_here_are_opened(redis, admission):
    assert await admission.opened(sealed(ticket())) is not None
    assert await admission.opened(sealed(ticket(adapter=LAW))) is not None
    unknown = ticket(adapter=f"{MODEL}:tax")
    assert await admission.opened(sealed(unknown)) is None
    said = [
        decoded(fields[FIELD.encode()])
        for _, fields in await redis.xrange(STREAM)
        if FIELD.encode() in fields
    ]
    refusal = read(said[-1])
    assert (refusal.ticket, refusal.reason) == (unknown.id, "unknown_adapter")


def test_a_node_answers_with_an_adapter_only_while_it_may_serve_it_and_its_base():
    asked = ticket(adapter=LAW)
    now = asked.issued
    in_force.check(listed(nodes={"node-1": BOTH}), asked, "node-1", now, BOTH)
    for nodes, reason in (
        (REGISTERED, "node_closed"),
        ({LAW: DIGEST}, "node_closed"),
        (BOTH | {LAW: "2b" * 32}, "other_weights"),
        (BOTH | {MODEL: "2b" * 32}, "other_weights"),
    ):
        with pytest.raises(ClearanceRefused) as no:
            in_force.check(listed(nodes={"node-1": nodes}), asked, "node-1", now, BOTH)
        assert no.value.reason == reason


async def test_the_receipt_of_an_adapters_answer_names_it_and_its_digest(
    redis, refuser, tmp_path
):
    await redis.set(in_force.KEY, in_force.sign(listed(nodes={"node-1": BOTH}), GATEWAY))
    bulletin = Bulletin(redis, "node-1", MODEL, keys(tmp_path) / "gateway.pub", BOTH)
    await bulletin.start()
    receiver = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await receiver.start()
    outbox = Outbox(redis)
    identity = Identity("home", "node-1", NODE, CATALOGUE[MODEL].digest, {LAW: DIGEST})
    try:
        for adapter, named, weights in (
            (LAW, LAW, DIGEST),
            ("", MODEL, CATALOGUE[MODEL].digest),
        ):
            asked = ticket(adapter=adapter, body={"model": named}, reply_stream=receiver.stream)
            inbox = receiver.expect(asked.handle, asked.attempt, asked.down_key)
            line = outbox.line(asked.reply_stream, asked.handle, asked.attempt, asked.down_key)
            await answer(
                asked, line, Echo(), Turnstile(1), identity, leave=Leave(bulletin, refuser)
            )
            *_, chunks, last = await frames(inbox)
            assert named in str(chunks)
            assert isinstance(last, Receipted)
            receipt = verify_receipt(last.receipt, NODE.public_key().public_bytes_raw())
            assert (receipt.model, receipt.weights) == (named, weights)
    finally:
        await asyncio.gather(outbox.close(), bulletin.stop(), receiver.stop())


def test_a_worker_takes_the_tickets_of_its_adapters_beside_its_own():
    """In a process of its own: what a worker takes is set once."""
    code = (
        "from appliance.celery import app, take;"
        f"take(['{LAW}']);"
        "app.amqp.queues.select([]);"  # as Celery's worker does when it begins
        "print(*app.amqp.queues.consume_from)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [f"inference.home.{MODEL}", f"inference.home.{MODEL}:law"]


def test_an_adapter_has_a_queue_of_its_own_and_no_other_name_makes_that_queue():
    assert queue("home", LAW) == f"inference.home.{MODEL}:law"
    for site, model in (("home", "a:b:c"), ("ho:me", "a"), ("home", ":a"), ("home", "a:")):
        with pytest.raises(ValueError, match="cannot name"):
            queue(site, model)

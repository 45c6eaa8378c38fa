"""A real worker whose canary gets out takes no ticket, over a restart too, until opened."""

from __future__ import annotations

import json
import secrets

import pytest
from celery import Celery

from inference import canary_format
from inference.canary_format import FIELD, OPENED, STREAM, Opening
from inference.relay import Receipted, Receiver, Refused
from tests.inference.namespaces import become, need
from tests.inference.nodes import Gateway, Node, data_folder, frames, sign_of
from tests.inference.tickets import GATEWAY, NODE, ticket
from tests.services.waiting import until

PORT = 3129  # in a network namespace of its own


@pytest.fixture
async def gateway(valkey, redis):
    receiver = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await receiver.start()
    app = Celery("gateway", broker=valkey.url, fixups=[])
    yield Gateway(receiver, app, redis)
    app.close()
    await receiver.stop()


async def healthy(redis) -> bool | None:
    said = await redis.get(sign_of())
    return None if said is None else bool(json.loads(said)["healthy"])


async def reports(redis) -> list[canary_format.Report]:
    found = []
    for _, fields in await redis.xrange(STREAM):
        signed = canary_format.read(fields[FIELD.encode()])
        canary_format.verify(signed, NODE.public_key().public_bytes_raw())
        found.append(signed.report)
    return found


async def test_a_worker_that_can_get_out_closes_itself_until_it_was_opened(
    valkey, redis, gateway
):
    need("namespace")
    data = data_folder()
    hosts = f"127.0.0.1:{PORT}"
    node = Node(valkey.url, data, prefix=become(PORT), DOMICILE_CANARY_HOSTS=hosts)
    try:
        await until(lambda: redis.xlen(STREAM), "the canary says something")
        (report, *_) = await reports(redis)
        assert report.verdict == "escaped"
        assert f"tcp {hosts}" in report.escapes
        await until(lambda: redis.exists(sign_of()), "it appears")
        assert await healthy(redis) is False

        mine = ticket(reply_stream=gateway.receiver.stream)
        (inbox,) = await gateway.send(mine)
        last = (await frames(inbox))[-1]
        assert isinstance(last, Refused)
        assert last.refusal["refusal"]["reason"] == "node_closed"

        node.kill()
        await redis.delete(STREAM, sign_of())
        opening = Opening(
            node="node-1", site="home", closed=report.closed, time=report.closed + 1
        )
        await redis.set(OPENED + "node-1", canary_format.open_again(opening, GATEWAY))
        node = Node(valkey.url, data, prefix=become(0))
        await until(lambda: healthy(redis), "it is open")
        await until(lambda: redis.xlen(STREAM), "its canary has reported, which may be later")
        (first, *_) = await reports(redis)
        assert (first.verdict, first.closed) == ("confined", 0)
        (inbox,) = await gateway.send(ticket(reply_stream=gateway.receiver.stream))
        assert isinstance((await frames(inbox))[-1], Receipted)
    finally:
        node.close()

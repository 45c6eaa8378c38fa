"""A real worker on a real broker: tickets in, frames and a signed receipt out, and nothing
left behind whatever is killed."""

from __future__ import annotations

import asyncio
import json
import secrets
import time

import psutil
import pytest
import pytest_asyncio
from celery import Celery
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from inference.clearance import verify_receipt
from inference.engines import wire
from inference.in_force import Version
from inference.refusals import FIELD, decoded, verify
from inference.registry import CATALOGUE
from inference.relay import (
    CancelSender,
    Chunk,
    Failed,
    Heartbeat,
    Receipted,
    Receiver,
    Refused,
    Started,
    connect,
)
from inference.sockets import engine_socket
from inference.statements import STREAM, read
from tests.inference.nodes import (
    MODEL,
    Gateway,
    Node,
    appeared,
    chunks,
    data_folder,
    first,
    frames,
    sign_of,
)
from tests.inference.tickets import NODE, REGISTERED, sealed, ticket
from tests.services.valkey import Valkey
from tests.services.waiting import PATIENCE, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG = {  # the likeliest token each time: a drawn one may be the end of the story
    "messages": [{"role": "user", "content": "Tell me a long story."}],
    "max_tokens": 1500,
    "temperature": 0,
}


@pytest.fixture(scope="module")
def broker():
    running = Valkey()
    yield running
    running.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def redis(broker):
    client = connect(broker.url)
    yield client
    await client.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(broker, redis):
    """One worker for the tests that leave it alive."""
    running = Node(broker.url, data_folder())
    try:
        await appeared(redis)
        yield running
    finally:
        running.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(broker, redis, node):
    receiver = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await receiver.start()
    app = Celery("gateway", broker=broker.url, fixups=[])
    yield Gateway(receiver, app, redis)
    app.close()
    await receiver.stop()


def mine(gateway, **changes):
    return ticket(reply_stream=gateway.receiver.stream, **changes)


async def busy(node):
    """How many slots of the node's engine are working."""
    async with wire.request(
        engine_socket(node.data / "run", "node-1", MODEL), "GET", "/slots"
    ) as response:
        return sum(slot["is_processing"] for slot in json.loads(await response.body()))


async def idle(node):
    return await busy(node) == 0


async def test_a_ticket_is_answered_and_its_receipt_is_signed_by_the_node(gateway):
    asked = mine(gateway)
    (inbox,) = await gateway.send(asked)
    got = await frames(inbox)
    kinds = [type(frame) for frame in got if not isinstance(frame, Heartbeat | Chunk)]
    assert kinds == [Started, Receipted]
    assert isinstance(got[-1], Receipted)
    receipt = verify_receipt(got[-1].receipt, NODE.public_key().public_bytes_raw())
    said = [json.loads(chunk) for chunk in chunks(got)]
    last = said[-1]
    [ended] = {one["finish_reason"] for chunk in said for one in chunk["choices"]} - {None}
    assert (receipt.ticket, receipt.request, receipt.attempt) == (asked.id, asked.request, 1)
    assert (receipt.site, receipt.node, receipt.model) == ("home", "node-1", MODEL)
    assert receipt.weights == CATALOGUE[MODEL].digest
    assert receipt.policy_digest == asked.policy_digest
    assert 1 <= receipt.completion_tokens == last["usage"]["completion_tokens"] <= 8
    assert receipt.prompt_tokens == last["usage"]["prompt_tokens"]
    assert receipt.finish_reason == ended
    assert receipt.accepted <= receipt.started <= receipt.finished


async def test_many_tickets_in_one_message_are_all_answered(gateway):
    short = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    inboxes = await gateway.send(*(mine(gateway, body=short) for _ in range(12)))
    answers = await asyncio.gather(*(frames(inbox) for inbox in inboxes))
    assert {type(answer[-1]) for answer in answers} == {Receipted}


async def test_what_the_engine_refuses_is_told_with_the_parameters_name(gateway):
    body = {"messages": [{"role": "user", "content": "Hi"}], "tools": [{"type": "function"}]}
    (inbox,) = await gateway.send(mine(gateway, body=body))
    last = (await frames(inbox))[-1]
    assert isinstance(last, Failed)
    assert (last.code, last.param) == ("engine_refused", "tools")


async def test_a_ticket_that_waits_for_a_slot_is_spoken_for_by_heartbeats(gateway, redis):
    running = [mine(gateway, body=LONG) for _ in range(4)]
    inboxes = await gateway.send(*running)
    try:
        await asyncio.gather(*(first(inbox, Started) for inbox in inboxes))
        (waiting,) = await gateway.send(mine(gateway))
        for _ in range(3):
            assert await waiting.get(PATIENCE) == Heartbeat()

        async def told():
            if (said := await redis.get(sign_of())) is None:
                return False  # a busy machine's node may speak late
            state = json.loads(said)
            assert (state["site"], state["capacity"], state["healthy"]) == ("home", 4, True)
            assert state["models"] == {MODEL: CATALOGUE[MODEL].digest}
            return (state["running"], state["waiting"]) == (4, 1)

        await until(told, "the node tells how busy it is")
    finally:
        sender = CancelSender(redis)
        for each, inbox in zip(running, inboxes, strict=True):
            await sender.cancel("home", each.id, each.up_key)
            inbox.close()
    assert isinstance((await frames(waiting))[-1], Receipted)


async def test_a_cancellation_frees_the_engine(gateway, node, redis):
    await until(lambda: idle(node), "what others cancelled is over")
    asked = mine(gateway, body=LONG)
    (inbox,) = await gateway.send(asked)
    await first(inbox, Chunk)
    assert await busy(node) == 1
    await CancelSender(redis).cancel("home", asked.id, asked.up_key)
    await until(lambda: idle(node), "the engine is idle")
    with pytest.raises(TimeoutError):  # it was not answered to its end
        await frames(inbox, 1)
    inbox.close()


async def test_a_ticket_cancelled_before_it_is_taken_does_not_run(gateway, redis):
    asked = mine(gateway)
    await CancelSender(redis).cancel("home", asked.id, asked.up_key)
    (inbox,) = await gateway.send(asked)
    got = []
    with pytest.raises(TimeoutError):
        got = await frames(inbox, 2)
    assert not got
    inbox.close()


async def test_a_deadline_ends_an_answer(gateway):
    (inbox,) = await gateway.send(mine(gateway, body=LONG, deadline=time.time() + 1))
    last = (await frames(inbox))[-1]
    assert isinstance(last, Failed)
    assert last.code == "deadline_exceeded"


async def test_a_replayed_ticket_runs_once_even_if_the_broker_forgot_it(gateway, node, redis):
    asked = mine(gateway)
    envelope = sealed(asked)
    (inbox,) = await gateway.send(asked, envelopes=[envelope])
    assert isinstance((await frames(inbox))[-1], Receipted)
    await redis.delete(f"claim:{asked.id}")
    (again,) = await gateway.send(asked, envelopes=[envelope])
    await until(lambda: _said(node, '"spent"'), "it was looked at and is spent")
    with pytest.raises(TimeoutError):
        await again.get(1.5)


async def test_a_ticket_that_another_node_has_claimed_is_left_to_it(gateway, redis):
    asked = mine(gateway)
    await redis.set(f"claim:{asked.id}", "node-2:x", ex=60)
    (inbox,) = await gateway.send(asked)
    with pytest.raises(TimeoutError):
        await inbox.get(1.5)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (lambda given: sealed(given, Ed25519PrivateKey.generate()), "unknown_gateway"),
        (lambda given: sealed(given)[:-1], "bad_signature"),
        (lambda _: b"", "malformed"),
    ],
)
async def test_a_bad_envelope_is_refused_and_does_not_stop_its_neighbours(
    gateway, node, envelope, reason
):
    good = mine(gateway)
    (inbox,) = await gateway.send(good, envelopes=[envelope(mine(gateway)), sealed(good)])
    assert isinstance((await frames(inbox))[-1], Receipted)
    await until(lambda: _said(node, f'"{reason}"'), "the other is refused")


@pytest_asyncio.fixture(loop_scope="module")
async def news(gateway):
    """The gateway, whose list a test may change; the usual one stands again after it."""
    yield gateway
    gateway.list = {}
    await frames((await gateway.send(mine(gateway)))[0])
    await gateway.post()


async def told(gateway, **changes):
    """Post another list, and let a ticket of a version that only it knows find it."""
    probe = secrets.token_hex(32)
    versions = [*changes.pop("versions", [Version("0" * 64, 0)]), Version(probe, 0)]
    gateway.list = {"versions": versions, **changes}
    (inbox,) = await gateway.send(mine(gateway, policy_digest=probe))
    return (await frames(inbox))[-1]


def refusal_in(got):
    assert isinstance(got[-1], Refused), got[-1]
    return verify(got[-1].refusal, NODE.public_key().public_bytes_raw())


async def test_a_ticket_of_a_version_that_is_not_in_force_is_refused_over_a_signature(news):
    assert isinstance(await told(news, versions=[]), Receipted)
    asked = mine(news)
    (inbox,) = await news.send(asked)
    got = await frames(inbox)
    refusal = refusal_in(got)
    assert (refusal.reason, refusal.ticket) == ("policy_not_in_force", asked.id)
    assert (refusal.request, refusal.attempt) == (asked.request, 1)
    assert (refusal.site, refusal.node) == ("home", "node-1")
    assert {type(frame) for frame in got[:-1]} <= {Heartbeat}


async def test_a_recall_reaches_tickets_that_wait_for_a_slot(news, redis):
    running = [mine(news, body=LONG) for _ in range(4)]
    inboxes = await news.send(*running)
    sender = CancelSender(redis)
    try:
        await asyncio.gather(*(first(inbox, Started) for inbox in inboxes))
        waiting = mine(news)
        (late,) = await news.send(waiting)
        await first(late, Heartbeat)
        news.list = {"versions": [Version("b" * 64, 0)]}
        await news.post()
        (known,) = await news.send(mine(news, policy_digest="c" * 64))  # its list was read
        assert refusal_in(await frames(known)).reason == "policy_not_in_force"
    finally:
        for each, inbox in zip(running, inboxes, strict=True):
            await sender.cancel("home", each.id, each.up_key)
            inbox.close()
    assert refusal_in(await frames(late)).ticket == waiting.id


async def test_a_closed_node_refuses_and_leaves_the_queue_until_it_is_opened_again(news, redis):
    last = await told(news, nodes={"node-2": REGISTERED})
    assert refusal_in([last]).reason == "node_closed"
    left = [mine(news) for _ in range(3)]  # one a message: what is not taken waits
    inboxes = [(await news.send(each))[0] for each in left]

    async def untouched():
        return await redis.llen(f"inference.home.{MODEL}") >= 1

    await until(untouched, "the rest of the queue is left to other nodes")
    news.list = {}
    await news.post()
    ends = [(await frames(inbox))[-1] for inbox in inboxes]
    assert isinstance(ends[-1], Receipted), "it was taken once the node was open again"
    refused = {refusal_in([end]).reason for end in ends if isinstance(end, Refused)}
    assert refused <= {"node_closed"}, "what the worker had in hand already"


async def test_why_a_ticket_did_not_open_is_said_beside_the_statements(gateway, redis):
    elsewhere = mine(gateway, site="elsewhere")
    good = mine(gateway)
    await gateway.send(elsewhere, good, envelopes=[sealed(elsewhere), sealed(good)])
    key = NODE.public_key().public_bytes_raw()

    async def said():
        entries = [fields for _, fields in await redis.xrange(STREAM)]
        told = [fields[FIELD.encode()] for fields in entries if FIELD.encode() in fields]
        found = [verify(decoded(one), key) for one in told]
        return ("wrong_site", elsewhere.id) in {(one.reason, one.ticket) for one in found}

    await until(said, "the refusal is said")


async def test_a_worker_without_the_sites_key_opens_nothing(broker, redis, gateway, node):
    """It takes the ticket from the queue, as a stolen node would, and can do nothing."""
    stolen = Node(
        broker.url,
        data_folder(X25519PrivateKey.generate()),
        DOMICILE_NODE="node-1",
        DOMICILE_ENGINE_SLOTS="1",
    )
    try:
        psutil.Process(node.process.pid).suspend()
        await until(lambda: _ready(stolen), "it has started")
        (inbox,) = await gateway.send(mine(gateway))
        await until(lambda: _said(stolen, '"unreadable"'), "it has tried")
        with pytest.raises(TimeoutError):
            await inbox.get(1)
    finally:
        stolen.close()
        psutil.Process(node.process.pid).resume()
    await appeared(redis)


async def _ready(node):
    return "ready." in node.log.read_text()


async def _said(node, text):
    return text in node.log.read_text()


async def test_no_prompt_and_no_answer_is_in_the_logs_or_in_the_broker(gateway, node, redis):
    canary = f"canary{secrets.token_hex(6)}"
    form = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "string", "const": canary}},
    }
    content = f"My word is {canary}. Repeat it: {canary}"
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 40}
    stream = f"reply:{secrets.token_hex(8)}"  # nobody trims what nobody reads
    asked = ticket(body=body | {"response_format": form}, reply_stream=stream)
    await gateway.send(asked)
    bad = {"messages": [{"role": "user", "content": canary * 900}], "max_tokens": 4}
    refused = mine(gateway, body=bad)
    (inbox,) = await gateway.send(refused)
    assert isinstance((await frames(inbox))[-1], Failed)
    await until(lambda: _receipted(redis, stream, asked), "it is answered")
    dump = b""
    async for name in redis.scan_iter(count=1000):
        dump += name + (await redis.dump(name) or b"")
    assert stream.encode() in dump
    for secret in (canary.encode(), asked.down_key, asked.up_key):
        assert secret not in dump
    assert canary not in node.log.read_text()
    for path in node.data.rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path


async def _receipted(redis, stream, asked):
    """Whether the stream holds a whole answer, which does contain the canary."""
    reader = Receiver(redis, stream)
    inbox = reader.expect(asked.handle, asked.attempt, asked.down_key)
    for _, fields in await redis.xrange(stream):
        reader._deliver(fields)
    got = [frame for frame, _ in inbox._frames]
    if not got or not isinstance(got[-1], Receipted):
        return False
    said = "".join(
        choice["delta"].get("content") or ""
        for chunk in chunks(got)
        for choice in json.loads(chunk)["choices"]
    )
    assert "canary" in said
    return True


async def test_a_worker_recovers_when_its_broker_restarts(gateway, broker, redis, node):
    broker.restart()
    await appeared(redis)
    end = time.monotonic() + PATIENCE
    while True:  # the gateway's way: silence, then a new ticket
        (inbox,) = await gateway.send(mine(gateway))
        try:
            got = await frames(inbox, 3)
        except TimeoutError:
            assert time.monotonic() < end, "the worker did not take tickets again"
        else:
            assert isinstance(got[-1], Receipted)
            return


async def test_kill_9_of_the_engine_fails_the_stream_and_the_next_ticket_is_answered(
    gateway, node
):
    (inbox,) = await gateway.send(mine(gateway, body=LONG))
    await first(inbox, Chunk)
    engine = node.engine()
    engine.kill()
    last = (await frames(inbox))[-1]
    assert isinstance(last, Failed)
    assert last.code == "engine_unavailable"
    (inbox,) = await gateway.send(mine(gateway))
    assert isinstance((await frames(inbox))[-1], Receipted)
    assert node.engine().pid != engine.pid


async def test_each_start_of_the_engine_is_stated_also_the_one_after_a_crash(node, redis):
    async def stated():
        entries = await redis.xrange("statements")
        return {
            read(entry[b"said"]).statement.started for _, entry in entries if b"said" in entry
        }

    await until(stated, "the start of the engine is stated")
    before = max(await stated())
    node.engine().kill()

    async def again():
        return max(await stated()) > before

    await until(again, "its start after the crash is stated")


async def test_an_engine_that_is_down_is_told_at_once_and_so_is_its_return(node, redis):
    """Not with the next of the signs of life, which the node gives every 2 s."""

    async def healthy():
        said = await redis.get(sign_of())
        return said is not None and bool(json.loads(said)["healthy"])

    async def down():
        return not await healthy()

    async def age():
        """Seconds since the node has last said something, which the broker keeps for 5 s."""
        return 5 - await redis.pttl(sign_of()) / 1000

    async def just_said():
        return await age() < 0.1

    for _ in range(5):  # one is enough: on a busy machine even "at once" may be late
        await until(healthy, "the engine is well")
        await until(just_said, "the node has just given a sign of life")
        before = time.monotonic() - await age()
        node.engine().kill()
        await until(down, "its end is told")
        later = time.monotonic() - await age() - before
        await until(healthy, "its return is told")
        if later < 1.5:
            return
    pytest.fail("its end was told with the next sign of life")


async def test_the_worker_has_no_database_and_no_tcp_connection(node):
    process = psutil.Process(node.process.pid)
    assert process.net_connections(kind="inet") == []
    opened = {file.path for file in process.open_files()}
    assert not [path for path in opened if "sqlite" in path]
    loaded = process.memory_maps()
    assert not [
        part.path for part in loaded if "psycopg" in part.path or "_sqlite3" in part.path
    ]


# --- These end the worker: keep them last.


async def test_sigterm_finishes_what_runs_and_leaves_no_process(gateway, node, redis):
    body = LONG | {"max_tokens": 60}
    (inbox,) = await gateway.send(mine(gateway, body=body))
    await first(inbox, Chunk)
    engine = node.engine()
    stopping = asyncio.create_task(asyncio.to_thread(node.stop))
    assert isinstance((await frames(inbox))[-1], Receipted)
    assert await stopping == 0
    assert not engine.is_running()
    assert not await redis.exists(sign_of())


async def test_kill_9_of_the_worker_mid_stream_leaves_no_engine_and_no_second_run(
    broker, redis, gateway, node
):
    """Goes on with the data folder of the worker that was stopped above."""
    second = Node(broker.url, node.data)
    try:
        await appeared(redis)
        asked = mine(gateway, body=LONG)
        envelope = sealed(asked)
        (inbox,) = await gateway.send(asked, envelopes=[envelope])
        await first(inbox, Chunk)
        engine = second.engine()
        second.kill()
        gone, _ = psutil.wait_procs([engine], timeout=PATIENCE)
        assert gone
        await redis.flushall()
        third = Node(broker.url, node.data)
        try:
            await appeared(redis)
            (inbox,) = await gateway.send(asked, envelopes=[envelope])
            with pytest.raises(TimeoutError):
                await inbox.get(2)
            (inbox,) = await gateway.send(mine(gateway))
            assert isinstance((await frames(inbox))[-1], Receipted)
        finally:
            third.kill()
    finally:
        second.kill()

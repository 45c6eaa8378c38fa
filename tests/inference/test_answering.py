"""One worker's tickets with an engine that never ends: whose turn it is, and what becomes of
them when they are cancelled, when the engine has no memory left and when the node closes.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from compliance.vocabulary import Endpoint
from inference import in_force, presence, turns
from inference.admission import Admission
from inference.answer import Identity, Leave, need, weight
from inference.bulletin import Bulletin
from inference.canary_watch import CanaryWatch, Post
from inference.clearance import Ticket
from inference.engines.base import EngineFailed, Load
from inference.refusals import Refuser, verify
from inference.registry import CATALOGUE
from inference.relay import CancelSender, Chunk, Failed, Inbox, Receiver, Refused, Started
from inference.turns import Answering
from inference.turnstile import Need, Space
from inference.worker import Configuration, Worker
from tests.inference.nodes import MODEL, first, frames, raw, sign_of
from tests.inference.test_canary_watch import ESCAPED, Around
from tests.inference.tickets import GATEWAY, NODE, REGISTERED, SITE, listed, sealed, ticket
from tests.services.waiting import PATIENCE, until


class Endless:
    """An engine that says a word and then thinks for ever."""

    name = "script 1"
    healthy = True
    started = 1

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.says: Load | None = Load(0, 0, None)
        self.began = self.thinking = self.asked = 0

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Nothing is left."""

    async def load(self) -> Load:
        self.asked += 1
        if self.says is None:
            raise EngineFailed("The engine does not say what it has to do.")
        return self.says

    async def stream(
        self, endpoint: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        assert (endpoint, bool(body)) == ("chat.completions", True)
        self.began += 1
        choice = {"index": 0, "delta": {"content": "Well"}, "finish_reason": None}
        yield json.dumps({"choices": [choice]}).encode()
        self.thinking += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.thinking -= 1


def keys(folder: Path) -> Path:
    """A folder with the site's and the gateway's keys."""
    made = folder / "keys"
    made.mkdir()
    for name, text in (
        ("site-home.x25519", raw(SITE)),
        ("gateway.pub", GATEWAY.public_key().public_bytes_raw().hex()),
    ):
        (made / name).write_text(text + "\n")
        (made / name).chmod(0o600)
    return made


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def engine(request) -> Endless:
    return Endless(getattr(request, "param", 1))


@pytest.fixture
async def answering(redis, tmp_path, around, engine, monkeypatch):
    monkeypatch.setattr(presence, "SAMPLE", 0.02)
    monkeypatch.setattr(presence, "PRESENCE", presence.HEALTH)
    folder, state = keys(tmp_path), tmp_path / "state"
    gateway = folder / "gateway.pub"
    refuser = Refuser(redis, "home", "node-1", NODE)
    admission = Admission(
        site="home",
        node="node-1",
        model=MODEL,
        keys=folder,
        state=state,
        redis=redis,
        refuser=refuser,
    )
    watch = CanaryWatch(Post("home", "node-1", NODE, state, gateway, 0.05), redis, around)
    bulletin = Bulletin(redis, "node-1", MODEL, gateway, REGISTERED)
    await redis.set(in_force.KEY, in_force.sign(listed(), GATEWAY))
    made = Answering(
        MODEL,
        Identity("home", "node-1", NODE, CATALOGUE[MODEL].digest),
        engine,
        redis,
        admission,
        leave=Leave(bulletin, refuser),
        watch=watch,
    )
    await bulletin.start(made.news)
    running = asyncio.create_task(made.run())
    yield made
    made.leave()
    for task in list(made._open):  # or it would wait for them
        task.cancel()
    made.stopping.set()
    await running
    await bulletin.stop()
    admission.close()


@pytest.fixture
async def receiver(redis):
    made = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await made.start()
    yield made
    await made.stop()


async def test_a_node_that_closes_itself_fails_what_it_began_and_refuses_what_waits(
    redis, receiver, answering, around
):
    asked = [ticket(reply_stream=receiver.stream) for _ in range(3)]
    inboxes = [receiver.expect(one.handle, one.attempt, one.down_key) for one in asked]
    begun, *waiting = inboxes
    await answering.accept([sealed(asked[0])])
    await first(begun, Started)
    await answering.accept([sealed(one) for one in asked[1:]])
    around.outcome = ESCAPED
    last = (await frames(begun))[-1]
    assert isinstance(last, Failed)
    assert last.code == "engine_unavailable"
    public = NODE.public_key().public_bytes_raw()
    for one, inbox in zip(asked[1:], waiting, strict=True):
        last = (await frames(inbox))[-1]
        assert isinstance(last, Refused), "another node can answer it"
        refusal = verify(last.refusal, public)
        assert (refusal.reason, refusal.ticket) == ("node_closed", one.id)

    async def idle() -> bool:
        return not answering._open

    await until(idle, "nothing is left open")


class Caller:
    """Tickets of one gateway, and what comes back."""

    def __init__(self, redis: Any, receiver: Receiver, answering: Answering) -> None:
        self._canceller = CancelSender(redis)
        self._receiver = receiver
        self._answering = answering
        self.inboxes: dict[str, Inbox] = {}

    async def send(self, **changes: Any) -> Ticket:
        """One more ticket, which the worker has when this returns."""
        made = ticket(reply_stream=self._receiver.stream, **changes)
        inbox = self._receiver.expect(made.handle, made.attempt, made.down_key)
        self.inboxes[made.id] = inbox
        await self._answering.accept([sealed(made)])
        return made

    async def cancel(self, one: Ticket) -> None:
        await self._canceller.cancel("home", one.id, one.up_key)

    async def begins(self, one: Ticket) -> None:
        """Wait until the engine has begun it."""
        await first(self.inboxes[one.id], Started)

    async def next(self, *waiting: Ticket) -> Ticket:
        """Which of them begins first."""
        tasks = {asyncio.create_task(self.begins(one)): one for one in waiting}
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        (task,) = done
        return tasks[task]


@pytest.fixture
async def caller(redis, receiver, answering):
    return Caller(redis, receiver, answering)


async def test_the_turn_goes_to_who_has_least_and_to_batches_last(caller, answering):
    running = await caller.send(share="a")
    await caller.begins(running)
    batch = await caller.send(share="c", batch=True)
    own = await caller.send(share="a")
    other = await caller.send(share="b")
    await until(lambda: answering._turns.waiting == 3, "all wait for its turn")
    for expected, waiting in ((other, (own, batch)), (own, (batch,)), (batch, ())):
        await caller.cancel(running)
        assert await caller.next(expected, *waiting) is expected
        running = expected


async def test_what_is_cancelled_while_it_waits_takes_no_turn_and_leaves_no_trace(
    caller, answering, engine
):
    running = await caller.send()
    await caller.begins(running)
    gone = await caller.send(share="b")
    stays = await caller.send(share="c")
    await until(lambda: answering._turns.waiting == 2, "both wait")
    await caller.cancel(gone)
    await until(lambda: answering._turns.waiting == 1, "it does not wait any more")
    assert answering._taken == 2, "its place is free for another"
    await caller.cancel(running)
    await caller.begins(stays)
    await caller.cancel(stays)
    await until(lambda: not answering._open, "nothing is left open")
    assert (answering._turns.running, answering._taken, engine.thinking) == (0, 0, 0)


async def test_what_was_cancelled_before_it_came_takes_no_turn(
    redis, receiver, answering, engine
):
    made = ticket(reply_stream=receiver.stream)
    await CancelSender(redis).cancel("home", made.id, made.up_key)
    inbox = receiver.expect(made.handle, made.attempt, made.down_key)
    await answering.accept([sealed(made)])
    behind = ticket(reply_stream=receiver.stream)
    after = receiver.expect(behind.handle, behind.attempt, behind.down_key)
    await answering.accept([sealed(behind)])
    await first(after, Chunk)
    assert engine.began == 1, "it was given the second only"
    with pytest.raises(TimeoutError):
        await inbox.get(0.05)


@pytest.mark.parametrize("engine", [4], indirect=True)
async def test_an_engine_whose_memory_is_nearly_full_is_given_nothing_more(
    redis, caller, answering, engine
):
    async def told(**expected: object) -> bool:
        sign: dict[str, object] = json.loads(await redis.get(sign_of()) or "{}")
        return expected.items() <= sign.items()

    running = await caller.send()
    await caller.begins(running)
    engine.says = Load(1, 0, 0.95)
    await until(lambda: told(cache=0.95, running=1, capacity=4), "the node says how full it is")
    waits = await caller.send()
    await until(lambda: answering._turns.waiting == 1, "it waits though three slots are free")
    await until(lambda: told(waiting=1, running=1), "the node says that it waits")
    engine.says = Load(1, 1, 0.6)
    await until(
        lambda: told(waiting_engine=1, cache=0.6), "it has room, but not for what it has"
    )
    assert answering._turns.waiting == 1
    engine.says = Load(1, 0, 0.6)
    await caller.begins(waits)
    engine.says = Load(2, 0, 0.99)
    await until(lambda: told(cache=0.99), "it is full again")
    last = await caller.send()
    for one in (running, waits):
        await caller.cancel(one)
    await caller.begins(last)  # alone it would wait for nothing


@pytest.mark.parametrize("engine", [64], indirect=True)
async def test_an_engine_gets_more_only_as_it_shows_that_what_it_has_finds_room(
    redis, caller, engine
):
    async def told(**expected: object) -> bool:
        sign: dict[str, object] = json.loads(await redis.get(sign_of()) or "{}")
        return expected.items() <= sign.items()

    engine.says = Load(0, 0, 0.0)
    await until(lambda: told(cache=0.0), "it is idle")
    for _ in range(24):
        await caller.send()
    await until(lambda: told(running=8, waiting=16), "eight are enough to begin with")
    engine.says = Load(8, 0, 0.1)
    await until(lambda: told(running=16, waiting=8), "they fit, so it gets as many again")
    engine.says = Load(16, 0, 0.8)
    await until(lambda: told(running=18, waiting=6), "two more should fit, not eight")
    engine.says, asked = None, engine.asked
    await until(lambda: engine.asked > asked + 2, "it says nothing any more")
    await redis.delete(sign_of())
    await until(lambda: told(cache=0.8, running=18, waiting=6), "its last word counts")


@pytest.mark.parametrize(
    ("load", "ended", "slots"),
    [
        (None, 5, 8),
        (Load(9, 9, None), 0, None),
        (Load(0, 0, 0.0), 0, 8),
        (Load(0, 0, 0.0), 30, 38),
        (Load(100, 0, 0.2), 0, 125),
        (Load(100, 20, 0.2), 10, 135),
        (Load(100, 0, 0.85), 0, 105),
        (Load(100, 0, 0.89), 10, 101),
        (Load(3, 0, 0.8), 0, 4),
        (Load(9, 0, 0.9), 9, 0),
        (Load(9, 1, 0.5), 9, 0),
    ],
)
def test_an_engine_has_room_for_a_few_more_than_run_and_for_what_should_fit(load, ended, slots):
    assert presence.room(load, ended) == slots


@pytest.mark.parametrize(
    ("body", "slots"),
    [
        ({"messages": [{}]}, 1),
        ({"messages": [{}], "n": 3}, 3),
        ({"prompt": "a"}, 1),
        ({"prompt": ["a", "b"], "n": 4}, 8),
        ({"input": ["a", "b", "c"]}, 3),
        ({"input": "abc"}, 1),
    ],
)
def test_an_answer_weighs_as_many_slots_as_it_has_parts(body, slots):
    assert weight(ticket(body=body)) == slots


@pytest.mark.parametrize("engine", [64], indirect=True)
async def test_an_engine_gets_at_once_what_certainly_finds_room(redis, caller, engine):
    async def told(**expected: object) -> bool:
        sign: dict[str, object] = json.loads(await redis.get(sign_of()) or "{}")
        return expected.items() <= sign.items()

    engine.says = Load(0, 0, 0.0, tokens=20_000, context=10_000)
    await until(lambda: told(cache=0.0), "it is idle")
    for _ in range(24):
        await caller.send(
            body={"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        )
    await until(lambda: told(running=24, waiting=0), "it shows nothing yet, and has them all")


@pytest.mark.parametrize(
    ("body", "endpoint", "read", "answer"),
    [
        ({"messages": ["Hello"]}, Endpoint.CHAT, 278, None),
        ({"messages": ["Hello"], "max_tokens": 9}, Endpoint.CHAT, 293, 9),
        ({"max_tokens": 1, "max_completion_tokens": 70}, Endpoint.CHAT, 299, 70),
        ({"prompt": ["a", "b"], "n": 3, "max_tokens": 9}, Endpoint.COMPLETIONS, 1659, 54),
        ({"input": ["a", "b"]}, Endpoint.EMBEDDINGS, 531, 0),
    ],
)
def test_a_request_needs_at_most_its_bytes_and_what_it_asks_for_in_tokens(
    body, endpoint, read, answer
):
    most = None if answer is None else read + answer
    assert need(ticket(body=body, endpoint=endpoint)) == Need(read, most)


@pytest.mark.parametrize(
    ("load", "space"),
    [
        (None, None),
        (Load(9, 0, 0.5), None),
        (Load(9, 0, 0.5, tokens=1000, context=100), Space(900, 100)),
        (Load(9, 1, 0.1, tokens=1000, context=100), None),
        (Load(9, 0, 0.9, tokens=1000, context=100), None),
    ],
)
def test_what_certainly_fits_is_known_of_an_engine_that_found_room_for_all_it_was_given(
    load, space
):
    assert presence.space(load) == space


@pytest.mark.parametrize(
    ("load", "full"),
    [
        (Load(9, 0, None), False),
        (Load(9, 9, None), False),
        (Load(9, 0, 0.89), False),
        (Load(9, 0, 0.9), True),
        (Load(9, 1, 0.49), False),
        (Load(9, 1, 0.5), True),
    ],
)
def test_memory_is_nearly_full_when_little_is_left_or_what_was_given_finds_no_room(load, full):
    assert presence.nearly_full(load) is full


async def test_an_engine_that_is_down_begins_nothing_and_leaves_the_queue_to_others(
    redis, caller, answering, engine
):
    engine.healthy = False
    taking = asyncio.create_task(caller.send())

    async def told() -> bool:
        sign = json.loads(await redis.get(sign_of()) or "{}")
        return (sign.get("healthy"), sign.get("waiting")) == (False, 1)

    await until(told, "it waits for the engine though a slot is free")
    assert not taking.done(), "nothing more is taken"
    assert engine.began == 0
    engine.healthy = True
    async with asyncio.timeout(PATIENCE):
        await caller.begins(await taking)


async def test_what_waited_long_for_an_engine_that_is_down_is_left_to_another_node(
    caller, answering, engine, monkeypatch
):
    monkeypatch.setattr(turns, "PATIENCE", 0.0)
    running = await caller.send()
    await caller.begins(running)
    waiting = [await caller.send(share=share) for share in "ab"]
    engine.healthy = False
    for one in waiting:
        last = (await frames(caller.inboxes[one.id]))[-1]
        assert isinstance(last, Failed)
        assert last.code == "engine_unavailable"
    await until(lambda: len(answering._open) == 1, "only what had begun is left")
    assert (answering._turns.waiting, engine.began) == (0, 1)


async def test_no_place_is_lost_to_a_ticket_that_cannot_be_opened_whatever_keeps_it_from_it(
    caller, answering, tmp_path, redis
):
    """The gateway's key was changed, and the new one cannot be read here."""
    stranger = bytearray(sealed(ticket()))
    stranger[1] ^= 1  # of the name of its gateway's key
    public = tmp_path / "keys" / "gateway.pub"
    known = public.read_text("ascii")
    public.write_text("")
    await answering.accept([sealed(ticket()), bytes(stranger)])
    assert answering._taken == 1, "the first is answered, whoever sent the second"
    told = [
        said[b"refused"] for _, said in await redis.xrange("statements") if b"refused" in said
    ]
    assert [json.loads(one)["refusal"]["reason"] for one in told] == ["unknown_gateway"]
    public.write_text(known)
    await caller.send()
    assert answering._taken == 2


async def test_what_goes_wrong_with_a_message_costs_none_of_its_places(answering):
    with pytest.raises(TypeError):
        await answering.accept([sealed(ticket()), cast("bytes", None)])
    assert answering._taken == 0


async def test_a_worker_whose_engine_will_not_come_back_leaves_the_queue_to_others(
    caller, answering, engine
):
    engine.healthy = False
    taking = [asyncio.create_task(caller.send())]
    await until(lambda: answering._turns.waiting == 1, "it waits for the engine")
    answering.abandon()
    (inbox,) = caller.inboxes.values()
    assert isinstance((await frames(inbox))[-1], Failed), "it can be sent to another node"
    taking.append(asyncio.create_task(caller.send()))
    done, _ = await asyncio.wait(taking, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
    assert not done, "nothing more is taken"
    answering.leave()
    await asyncio.wait_for(asyncio.gather(*taking), PATIENCE)


async def test_who_brings_tickets_to_a_worker_that_has_ended_is_held_until_it_drains(
    answering, monkeypatch
):
    """Celery has yet to hear that it is to end, and would go on to empty the queue."""
    monkeypatch.setattr("inference.worker._TOLD", PATIENCE)
    worker = Worker(cast(Configuration, None), lambda _: None)
    worker._answering, worker._loop = answering, asyncio.new_event_loop()
    worker._loop.close()
    brings = threading.Thread(target=worker.accept, args=([b""],), daemon=True)
    brings.start()
    worker._over.set_result(None)
    await asyncio.to_thread(brings.join, 0.2)
    assert brings.is_alive(), "it is held"
    await asyncio.to_thread(worker.drain)
    await asyncio.to_thread(brings.join, PATIENCE)
    assert not brings.is_alive(), "it returns"

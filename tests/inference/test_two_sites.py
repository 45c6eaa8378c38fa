"""Two sites, each with a real worker: what the policy says is where requests are answered."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from celery import Celery
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from compliance import gate
from compliance.gate import Admitted, Refused
from compliance.policy.rules import Policy, parse
from compliance.versions.chain import InForce, Standing
from compliance.vocabulary import Candidate, Event, Place, Serving
from inference.clearance import ClearanceRefused, open_ticket
from inference.dispatch import AnswerFailed, Cleared, Dispatcher, Finished
from inference.posting import Poster, listed
from inference.publisher import Publisher, celery_send
from inference.refusals import FIELD, decoded, verify
from inference.registry import CATALOGUE
from inference.relay import CancelSender, Receiver, connect
from inference.routing import Berth, Passage, RoutingTable, Traffic
from inference.snapshot import NodeRecord, SnapshotKeeper
from inference.statements import STREAM
from tests.compliance.test_gate import COVERAGE, EMAIL, request, scan
from tests.inference.nodes import MODEL, Node, appeared, data_folder, raw, sign_of
from tests.inference.tickets import GATEWAY
from tests.promises import memory
from tests.services.valkey import Valkey
from tests.services.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTRIES = {"north": "DE", "south": "AT"}


def policy(version: int, site: str) -> Policy:
    """Personal data is processed at `site` only."""
    allowed = {"id": "all", "description": "Everybody may ask.", "effect": "allow"}
    narrowed = {
        "id": "personal",
        "description": f"Personal data stays at {site}.",
        "when": {"categories": ["personal"]},
        "effect": "allow",
        "where": {"sites": [site]},
    }
    rules = [allowed | {"when": {}}, narrowed]
    return parse(json.dumps({"name": "two sites", "version": version, "rules": rules}))


@dataclass
class World:
    """A gateway's parts without a database: its configuration is what a test says."""

    dispatcher: Dispatcher = field(init=False)
    traffic: Traffic = field(default_factory=Traffic)
    policy: Policy = field(default_factory=lambda: policy(1, "south"))
    recalled: list[Policy] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    keys: dict[str, X25519PrivateKey] = field(
        default_factory=lambda: {name: X25519PrivateKey.generate() for name in COUNTRIES}
    )
    nodes: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {name: Ed25519PrivateKey.generate() for name in COUNTRIES}
    )
    workers: dict[str, Node] = field(default_factory=dict)

    def place(self, site: str) -> Place:
        entry = CATALOGUE[MODEL]
        key = self.keys[site].public_key().public_bytes_raw()
        queue = f"inference.{site}.{MODEL}"
        country = COUNTRIES[site]
        return Place(site, country, key, MODEL, entry.digest, entry.licence, queue)

    def current(self) -> Any:
        """What stands for the snapshot."""
        berths = tuple(
            Berth(self.place(site), frozenset({f"{site}-1"}), 8) for site in COUNTRIES
        )
        candidates = tuple(Candidate(site, country) for site, country in COUNTRIES.items())
        before = [InForce(one.digest, 0, 1, 1) for one in self.recalled]
        nodes = {
            f"{site}-1": NodeRecord(
                site, key.public_key().public_bytes_raw(), {MODEL: CATALOGUE[MODEL].digest}
            )
            for site, key in self.nodes.items()
        }
        return SimpleNamespace(
            policy=self.policy,
            routes=RoutingTable({}, {MODEL: berths}),
            nodes=nodes,
            enrolled=nodes,
            serving=lambda _: Serving(candidates=candidates),
            standing=Standing(in_force=(*before, InForce(self.policy.digest, 0, None, None))),
        )

    async def append(self, events: Sequence[Event]) -> None:
        self.events += events

    async def admitted(self, text: str) -> tuple[Admitted[Cleared], Passage]:
        now = self.current()
        passage = self.traffic.passage(now.routes, "app")
        asked = request(text, max_tokens=2)
        asked = replace(asked, model=MODEL)
        cleared = await gate.admit(
            asked,
            scan=scan,
            policy=now.policy,
            coverage=COVERAGE,
            append=self.append,
            route=passage,
            seal=self.dispatcher.sealer(now.policy.digest),
            serving=now.serving,
        )
        return cleared, passage

    async def answered(
        self,
        cleared: Admitted[Cleared],
        passage: Passage,
        at_first: Callable[[], object] = lambda: None,
    ) -> Any:
        """The receipt; when the answer has begun to come, `at_first` is called."""
        begun = False
        follow = self.dispatcher.follow(cleared, append=self.append, route=passage)
        try:
            async with contextlib.aclosing(follow) as frames:
                async for frame in frames:
                    if not begun:
                        at_first()
                    begun = True
                    if isinstance(frame, Finished):
                        return frame.receipt
        finally:
            passage.close()
        raise AssertionError("no receipt")

    async def ask(self, text: str) -> Any:
        return await self.answered(*await self.admitted(text))


def folder(world: World, site: str) -> Path:
    """A data folder of one site: its key, its node's key, and no other."""
    data = data_folder()
    keys = data / "keys"
    for name in ("site-home.x25519", "node-node-1.ed25519"):
        (keys / name).unlink()
    for name, key in (
        (f"site-{site}.x25519", world.keys[site]),
        (f"node-{site}-1.ed25519", world.nodes[site]),
    ):
        (keys / name).write_text(raw(key) + "\n")
        (keys / name).chmod(0o600)
    return data


def worker(world: World, broker: Valkey, site: str) -> Node:
    names = {"DOMICILE_SITE": site, "DOMICILE_NODE": f"{site}-1"}
    return Node(broker.url, folder(world, site), **names)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[tuple[World, Valkey, Any]]:
    """The broker, both workers, and the gateway's parts."""
    broker, world = Valkey(), World()
    redis = connect(broker.url)
    app = Celery("gateway", broker=broker.url, fixups=[])
    receiver = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    world.dispatcher = Dispatcher(
        gateway_key=GATEWAY,
        publisher=Publisher(celery_send(app)),
        receiver=receiver,
        canceller=CancelSender(redis),
        keeper=cast("SnapshotKeeper", world),  # `current` is all that is asked of it
        coverage=lambda: COVERAGE,
    )
    poster = Poster(redis, GATEWAY, lambda: listed(world.current(), time.time_ns() // 1000))
    try:
        for site in COUNTRIES:
            world.workers[site] = worker(world, broker, site)
        await receiver.start()
        poster.start()
        world.dispatcher.start()
        for site in COUNTRIES:
            await appeared(redis, f"{site}-1")
        await world.traffic.start(redis)
        await until(lambda: len(world.traffic.alive) == 2, "both nodes are seen")
        yield world, broker, redis
    finally:
        for node in world.workers.values():
            node.close()
        await world.traffic.stop()
        await world.dispatcher.stop()
        await poster.stop()
        await receiver.stop()
        app.close()
        await redis.aclose()
        broker.close()


async def test_personal_data_goes_where_the_rule_says_and_other_texts_to_either(stage):
    world, _, _ = stage
    receipts = [await world.ask(f"Write to {EMAIL}.") for _ in range(2)]
    assert {receipt.site for receipt in receipts} == {"south"}
    plain = await asyncio.gather(*(world.ask("Good day.") for _ in range(4)))
    assert {receipt.site for receipt in plain} == {"north", "south"}
    assert {receipt.policy_digest for receipt in [*receipts, *plain]} == {world.policy.digest}


async def test_a_ticket_put_into_another_sites_queue_cannot_be_opened_there(stage):
    world, _, redis = stage
    cleared, passage = await world.admitted(f"Write to {EMAIL}.")
    passage.close()
    envelope = cleared.ticket.envelope
    with pytest.raises(ClearanceRefused) as caught:
        open_ticket(
            envelope,
            site="south",  # a worker that pretends to stand there
            site_private_key=world.keys["north"],
            gateway_public_keys=[GATEWAY.public_key().public_bytes_raw()],
            now=time.time(),
        )
    assert caught.value.reason == "unreadable"
    celery = Celery("stranger", broker=stage[1].url, fixups=[])
    encoded = base64.b64encode(envelope).decode()
    await asyncio.to_thread(
        celery.send_task,
        "inference.tasks.answer",
        args=[[encoded]],
        queue=f"inference.north.{MODEL}",
        ignore_result=True,
    )
    celery.close()
    public = world.nodes["north"].public_key().public_bytes_raw()

    async def said() -> bool:
        found = [fields for _, fields in await redis.xrange(STREAM)]
        told = [decoded(one[FIELD.encode()]) for one in found if FIELD.encode() in one]
        refusals = [verify(one, public) for one in told if one["refusal"]["site"] == "north"]
        return ("wrong_site", cleared.ticket.id) in {
            (one.reason, one.ticket) for one in refusals
        }

    await until(said, "the node of the other site has refused it")


async def test_the_brokers_memory_holds_nothing_of_what_was_asked(stage):
    world, broker, _ = stage
    word = f"quillworthy{secrets.token_hex(8)}"
    cleared, passage = await world.admitted(f"{word}: write to {EMAIL}.")
    seen: list[set[str]] = []

    def search() -> None:
        seen.append(memory.in_process(broker.process.pid, [word, MODEL]))

    await world.answered(cleared, passage, search)
    search()
    assert seen == [{MODEL}] * 2, "while it was answered, and after; the model's name is there"


async def test_a_recalled_versions_ticket_is_refused_and_the_request_decided_anew(stage):
    world, _, _ = stage
    former = world.policy
    cleared, passage = await world.admitted(f"Write to {EMAIL}.")
    assert cleared.place.site == "south"
    world.policy, world.recalled = policy(2, "north"), [former]

    async def south_knows() -> bool:  # it waits for the list that has the new version
        answers = await asyncio.gather(*(world.ask("Good day.") for _ in range(2)))
        return "south" in {answer.site for answer in answers}

    try:
        await until(south_knows, "the node in the south has read that it was recalled")
        receipt = await world.answered(cleared, passage)
        assert (receipt.site, receipt.policy_digest) == ("north", world.policy.digest)
        mine = [event for event in world.events if event.request == cleared.request.id]
        kinds = [
            event.type for event in mine if event.type != "request.attempt"
        ]  # a busy machine
        assert kinds == ["request.admitted", "ticket.refused", "request.redecided"]
        [refused] = [event.detail for event in mine if event.type == "ticket.refused"]
        assert (refused["reason"], refused["node"]) == ("policy_not_in_force", "south-1")
        signed = {name: refused[name] for name in ("refusal", "signature")}
        assert verify(signed, world.nodes["south"].public_key().public_bytes_raw())
    finally:
        world.policy, world.recalled = policy(3, "south"), []
    assert (await world.ask(f"Write to {EMAIL}.")).site == "south"


async def test_while_versions_change_each_request_goes_by_one_of_them_alone(stage):
    """The odd versions send personal data south, the even ones north."""
    world, _, _ = stage
    sites = {0: "north", 1: "south"}
    versions = {one.digest: one for one in (policy(n, sites[n % 2]) for n in range(11, 15))}
    begun = len(world.events)
    asking: list[asyncio.Task[Any]] = []
    try:
        for one in versions.values():
            world.policy, world.recalled = one, [*world.recalled, world.policy]
            asking += [asyncio.create_task(world.ask(f"Write to {EMAIL}.")) for _ in range(2)]
            await asyncio.sleep(0.05)  # some are on their way when the next version comes
        ended = await asyncio.gather(*asking, return_exceptions=True)
    finally:
        world.policy, world.recalled = policy(15, "south"), []
    last: dict[str, tuple[str, str]] = {}
    for event in world.events[begun:]:
        if event.type in {"request.admitted", "request.redecided"}:
            said, site = event.detail["policy"], event.detail["site"]
            assert versions[said["digest"]].version == said["version"]
            assert site == sites[said["version"] % 2], "where that version lets it go"
            last[str(event.request)] = (said["digest"], site)
    assert len(last) == len(asking)
    for receipt in ended:
        if isinstance(receipt, BaseException):
            assert isinstance(receipt, AnswerFailed)
            assert receipt.code == "engine_unavailable", "three tickets were recalled in turn"
        else:
            assert (receipt.policy_digest, receipt.site) == last[receipt.request]


async def test_a_request_that_a_newer_version_forbids_ends_by_that_versions_word(stage):
    world, _, _ = stage
    former = world.policy
    cleared, passage = await world.admitted(f"Write to {EMAIL}.")
    world.policy, world.recalled = policy(4, "south"), [former]

    async def south_knows() -> bool:
        return bool((await world.ask(f"Write to {EMAIL}.")).site == "south")

    try:
        await until(south_knows, "the node has read that the former version was recalled")
        no = {"id": "no", "description": "No more.", "when": {}, "effect": "block"}
        last = json.dumps({"name": "two sites", "version": 5, "rules": [no]})
        world.policy, world.recalled = parse(last), [former, world.policy]
        with pytest.raises(AnswerFailed) as failed:
            await world.answered(cleared, passage)
    finally:
        world.policy, world.recalled = policy(6, "south"), []
    decision = failed.value.decision
    assert failed.value.code == "policy_blocked"
    assert decision is not None
    assert (decision.effect.value, decision.version) == ("block", 5)


async def test_without_the_permitted_site_a_request_is_refused_and_never_sent_elsewhere(stage):
    world, _, redis = stage
    cleared, passage = await world.admitted(f"Write to {EMAIL}.")
    world.workers["south"].kill()
    await redis.delete(sign_of("south-1"))  # as it goes by itself within five seconds
    await until(lambda: world.traffic.alive == {"north-1"}, "only the north lives")
    with pytest.raises(Refused, match="south") as caught:
        await world.admitted(f"Write to {EMAIL}.")
    assert caught.value.reason == "no_route"
    assert "north (rule personal)" in str(caught.value), "which rule leaves the other out"
    with pytest.raises(AnswerFailed) as failed:  # one that was on its way is not sent there
        await world.answered(cleared, passage)
    assert failed.value.code == "no_route"
    assert await redis.llen(f"inference.north.{MODEL}") == 0
    assert (await world.ask("Good day.")).site == "north"

"""One worker's answers with an engine that never ends: what becomes of them when it closes."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from inference import in_force
from inference.admission import Admission
from inference.answer import Identity, Leave
from inference.bulletin import Bulletin
from inference.canary_watch import CanaryWatch, Post
from inference.engines.base import Load
from inference.refusals import Refuser, verify
from inference.registry import CATALOGUE
from inference.relay import Failed, Receiver, Refused, Started
from inference.turns import Answering
from tests.inference.nodes import MODEL, first, frames, raw
from tests.inference.test_canary_watch import ESCAPED, Around
from tests.inference.tickets import GATEWAY, NODE, SITE, listed, sealed, ticket
from tests.services.waiting import until


class Endless:
    """An engine with one slot that says a word and then thinks for ever."""

    name = "script 1"
    capacity = 1
    healthy = True
    started = 1

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Nothing is left."""

    async def load(self) -> Load:
        return Load(0, 0, None)

    async def stream(
        self, endpoint: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        assert (endpoint, bool(body)) == ("chat.completions", True)
        choice = {"index": 0, "delta": {"content": "Well"}, "finish_reason": None}
        yield json.dumps({"choices": [choice]}).encode()
        await asyncio.Event().wait()


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
async def answering(redis, tmp_path, around):
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
    bulletin = Bulletin(redis, "node-1", MODEL, gateway)
    await redis.set(in_force.KEY, in_force.sign(listed(), GATEWAY))
    made = Answering(
        MODEL,
        Identity("home", "node-1", NODE, CATALOGUE[MODEL].digest),
        Endless(),
        redis,
        admission,
        leave=Leave(bulletin, refuser),
        watch=watch,
    )
    await bulletin.start(made.news)
    running = asyncio.create_task(made.run())
    yield made
    made.leave()
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

"""A node's supervisor, a real broker, real workers: it runs what the signed list says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from celery import Celery
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.node import served
from appliance.services import node_state
from appliance.services.keeper import Program
from appliance.services.workers import SETTLE, Workers
from inference import drift, in_force, inventory
from inference.registry import CATALOGUE, Entry, manifest, queue
from inference.relay import Failed, Receipted, Receiver, Started, connect
from inference.sockets import engine_socket
from inference.statements import STREAM
from tests.inference.nodes import MODEL, ROOT, data_folder, first, frames
from tests.inference.tickets import GATEWAY, NODE, listed, sealed, ticket
from tests.services.valkey import Valkey, leash
from tests.services.waiting import PATIENCE, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECOND, ABSENT = "a-second-model", "a-model-that-is-not-here"
OLDER = "an-older-model"  # than the one that is registered under its name
LICENCE = b"Do as you like.\n"


def place(data: Path, name: str) -> str:
    """The shipped weights as an imported model that the gateway signed; its digest."""
    folder = data / "models" / name
    folder.mkdir(parents=True)
    source, weights = CATALOGUE[MODEL].path, folder / "weights.gguf"
    try:
        os.link(source, weights)
    except OSError:  # another file system
        shutil.copyfile(source, weights)
    (folder / "LICENCE").write_bytes(LICENCE)
    told = hashlib.sha256(LICENCE).hexdigest()
    content = manifest.encoded(
        manifest.Manifest(
            name=name,
            kind="model",
            task="chat",
            weights="gguf",
            engine="llamacpp",
            context_length=4096,
            licence=manifest.LicenceOf("MIT", told),
            origin="a test",
            files=[
                manifest.File("LICENCE", len(LICENCE), told),
                manifest.File("weights.gguf", weights.stat().st_size, CATALOGUE[MODEL].digest),
            ],
            lineage=manifest.Lineage(),
        )
    )
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_text(manifest.sign(content, GATEWAY))
    return manifest.identity(content)


class Supervised:
    """`manage.py node`, and the gateway that gives it models."""

    def __init__(self, broker: Valkey, redis, receiver) -> None:
        self.data = data_folder()
        self.broker, self.redis, self.receiver = broker, redis, receiver
        self.celery = Celery("gateway", broker=broker.url, fixups=[])
        self.models = [MODEL, SECOND, ABSENT, OLDER]
        place(self.data, OLDER)
        self.registered = {MODEL: CATALOGUE[MODEL].digest, SECOND: place(self.data, SECOND)}
        self.gateway = GATEWAY
        self.ahead, self.posts = 0.0, True
        self.posting = asyncio.create_task(self._post())
        self.log = self.data / "supervisor.log"
        self.process = self.start()

    def start(self, *begin: str) -> subprocess.Popen[bytes]:
        """As an operator starts it; with arguments, as `up` does."""
        node = [str(ROOT / "manage.py"), "node"]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *(["-m", "appliance.node", *begin] if begin else node)],
                cwd=ROOT if begin else "/",
                env={
                    "PATH": os.environ["PATH"],
                    "DOMICILE_DATA": str(self.data),
                    "DOMICILE_BROKER_URL": self.broker.url,
                    "DOMICILE_ENGINE_THREADS": "1",
                    "DOMICILE_CANARY_INTERVAL": "0",  # this machine has a network
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=leash(),  # noqa: PLW1509 - only a system call
            )

    async def _post(self) -> None:
        while True:
            if not self.posts:
                await self.redis.delete(in_force.KEY)
                await asyncio.sleep(0.2)
                continue
            moment = round((time.time() + self.ahead) * 1e6)
            given = {name: self.registered.get(name, "0" * 64) for name in self.models}
            said = listed(moment=moment, nodes={"node-1": given})
            await self.redis.set(in_force.KEY, in_force.sign(said, self.gateway))
            await asyncio.sleep(0.2)

    def workers(self) -> dict[str, psutil.Process]:
        """By model."""
        found = {}
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error, KeyError):  # before its exec it has its parent's
                found[process.environ()["DOMICILE_MODEL"]] = process
        return found

    def answers(self, model: str) -> bool:
        """Whether its engine has come up under the worker that lives now."""
        path = engine_socket(self.data / "run", "node-1", model)
        with suppress(psutil.Error, KeyError):
            return path.exists() and bool(self.workers()[model].children())
        return False

    async def ask(self, model: str, **body: object):
        """Send a ticket; its inbox."""
        asked = ticket(
            reply_stream=self.receiver.stream,
            model=model,
            body={"messages": [{"role": "user", "content": "Tell me a story."}], **body},
        )
        inbox = self.receiver.expect(asked.handle, asked.attempt, asked.down_key)
        await asyncio.to_thread(
            self.celery.send_task,
            "inference.tasks.answer",
            args=[[base64.b64encode(sealed(asked)).decode()]],
            queue=queue("home", model),
            expires=60,
            ignore_result=True,
            retry=False,
        )
        return inbox

    def told(self, event: str) -> list[dict[str, object]]:
        """What it logged under a word."""
        said = self.log.read_text().splitlines()
        lines = [json.loads(line) for line in said if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def unserved(self) -> set[object]:
        """The models of which it has said that they are not served."""
        return {line["model"] for line in self.told("model_unserved")}

    def refused_more_than(self, seen: int) -> bool:
        """Whether it has said of further lists that it does not believe them."""
        return len(self.told("list_unread")) > seen

    async def close(self) -> None:
        self.posting.cancel()
        self.process.kill()
        self.process.wait()
        self.celery.close()
        shutil.rmtree(self.data, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    broker = Valkey()
    redis = connect(broker.url)
    receiver = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await receiver.start()
    supervised = Supervised(broker, redis, receiver)
    yield supervised
    await supervised.close()
    await receiver.stop()
    await redis.aclose()
    broker.close()


async def test_it_runs_a_worker_for_each_model_that_is_here_and_says_which_is_not(node):
    for model in (MODEL, SECOND):
        # A ticket is void after 60 s, and a busy machine may take longer to load the engine.
        await until(partial(node.answers, model), f"{model} is served")
        inbox = await node.ask(model, max_tokens=4)
        got = await frames(inbox)
        assert isinstance(got[-1], Receipted)
    assert set(node.workers()) == {MODEL, SECOND}
    assert node.unserved() == {ABSENT, OLDER}


async def test_that_another_model_than_the_registered_one_lies_there_is_said_to_the_gateway(
    node,
):
    said = [fields.get(drift.FIELD.encode()) for _, fields in await node.redis.xrange(STREAM)]
    (told,) = {drift.read(one).reason for one in said if one and OLDER in one.decode()}
    assert told == "other"


async def test_it_has_neither_django_nor_an_engines_library(node):
    mapped = {Path(one.path).name for one in psutil.Process(node.process.pid).memory_maps()}
    assert any(name.startswith("libcrypto") or "_rust" in name for name in mapped)
    assert not {name for name in mapped if "psycopg" in name or "xllamacpp" in name}
    assert "manage.py" not in " ".join(psutil.Process(node.process.pid).cmdline())


async def test_it_tells_over_the_nodes_signature_what_the_machine_is_and_how_its_models_do(
    node,
):
    async def told() -> dict[str, inventory.Held]:
        said = await node.redis.get(inventory.KEY + "node-1") or b""
        with suppress(inventory.InventoryRefused):
            found = inventory.verified(said, "node-1", NODE.public_key().public_bytes_raw())
            assert (found.site, found.cores > 0, found.gpus) == ("home", True, [])
            return {one.name: one for one in found.models}
        return {}

    async def both() -> bool:
        return {one.state for one in (await told()).values()} == {"runs", "refused"}

    await until(both, "it tells")
    models = await told()
    assert models[MODEL].digest == CATALOGUE[MODEL].digest
    assert (models[SECOND].state, len(models[SECOND].digest)) == ("runs", 64)
    assert "No model a-model-that-is-not-here is here" in models[ABSENT].reason


async def test_a_second_supervisor_of_the_folder_is_refused(node):
    assert await asyncio.to_thread(node.start().wait, PATIENCE) == 2
    assert "Another supervisor" in node.log.read_text()


async def test_a_worker_that_dies_is_started_again_and_the_others_go_on(node):
    await until(lambda: node.answers(MODEL) and node.answers(SECOND), "both are served")
    before = node.workers()
    before[SECOND].kill()
    await until(lambda: node.workers().get(SECOND) not in (None, before[SECOND]), "another")
    await until(lambda: node.answers(SECOND), "it answers")
    assert node.workers()[MODEL] == before[MODEL]


async def test_a_list_that_is_not_to_be_believed_ends_nothing(node):
    await until(lambda: node.answers(MODEL) and node.answers(SECOND), "both are served")
    before = node.workers()
    node.models = [MODEL]
    try:
        for key, ahead in (
            (Ed25519PrivateKey.generate(), 0.0),
            (GATEWAY, 3600.0),
            (GATEWAY, -3600.0),
        ):
            refused = partial(node.refused_more_than, len(node.told("list_unread")))
            node.gateway, node.ahead = key, ahead
            await until(refused, "the list is refused")
        await asyncio.sleep(2 * SETTLE)
        assert node.workers() == before
    finally:
        node.models, node.gateway, node.ahead = [MODEL, SECOND], GATEWAY, 0.0


async def test_what_is_taken_away_is_drained_and_comes_back_once_its_files_are_right(node):
    await until(lambda: node.answers(MODEL) and node.answers(SECOND), "both are served")
    before = node.workers()
    inbox = await node.ask(SECOND, max_tokens=60, temperature=0)
    await first(inbox, Started)
    (engine,) = before[SECOND].children()
    engine.suspend()  # so that its answer is under way then, and is short all the same
    try:
        node.models = [MODEL]
        await until(lambda: node.told("model_left"), "it is taken away")
    finally:
        engine.resume()
    assert isinstance((await frames(inbox))[-1], Receipted), "what ran was finished"
    await until(lambda: set(node.workers()) == {MODEL}, "its worker has ended")
    assert node.workers()[MODEL] == before[MODEL]

    weights = node.data / "models" / SECOND / "weights.gguf"
    weights.rename(node.data / "good")
    weights.write_bytes(b"GGUF and something else")
    node.models = [MODEL, SECOND]
    await until(lambda: SECOND in node.unserved(), "it is refused")
    await until(lambda: set(node.workers()) == {MODEL}, "no worker tries in vain")

    (node.data / "good").rename(weights)
    await until(lambda: node.answers(SECOND), "it is served again")


async def test_files_that_change_under_a_worker_end_it_once_its_engine_would_read_them_again(
    node,
):
    before = len(node.told("model_refused"))
    weights = node.data / "models" / SECOND / "weights.gguf"
    shutil.copyfile(weights, node.data / "other")
    with (node.data / "other").open("r+b") as changed:
        changed.write(b"gguf")
    inbox = await node.ask(SECOND, max_tokens=1500, temperature=0)
    await first(inbox, Started)
    worker = node.workers()[SECOND]
    (engine,) = worker.children()
    engine.suspend()  # its answer is under way until it is killed
    weights.rename(node.data / "good")
    (node.data / "other").rename(weights)
    engine.kill()

    async def changed_files() -> set[str]:
        said = [
            fields.get(drift.FIELD.encode()) for _, fields in await node.redis.xrange(STREAM)
        ]
        told = [drift.read(one) for one in said if one]
        return {one.file for one in told if (one.model, one.reason) == (SECOND, "changed")}

    await until(changed_files, "the gateway is told")
    assert await changed_files() == {"weights.gguf"}
    assert isinstance((await frames(inbox))[-1], Failed)
    await until(lambda: len(node.told("model_refused")) > before, "it is refused")
    await until(lambda: set(node.workers()) == {MODEL}, "no worker tries in vain")
    await until(lambda: not worker.is_running(), "it has ended")

    (node.data / "good").rename(weights)
    await until(lambda: node.answers(SECOND), "it is served again")


async def test_sigterm_ends_the_workers_before_the_supervisor(node):
    inbox = await node.ask(MODEL, max_tokens=100, temperature=0)
    await first(inbox, Started)
    family = psutil.Process(node.process.pid).children(recursive=True)
    assert len(family) >= 4, "workers and engines"
    node.process.send_signal(signal.SIGTERM)
    assert isinstance((await frames(inbox))[-1], Receipted), "what ran was finished"
    assert await asyncio.to_thread(node.process.wait, PATIENCE) == 0
    await until(lambda: not any(one.is_running() for one in family), "all are gone")


async def test_it_begins_with_what_up_names_and_goes_by_the_list_once_there_is_one(node):
    logs = node.data / "logs"
    logs.mkdir()
    node.posts, node.models = False, [MODEL]

    async def unlisted() -> bool:
        return not await node.redis.exists(in_force.KEY)

    await until(unlisted, "no list is there")
    node.process = node.start(f"--begin={SECOND}={node.registered[SECOND]}", f"--logs={logs}")
    await until(lambda: node.answers(SECOND), "it is served without a list")
    (state,) = node_state.read(node.data / "run").values()
    assert state.pid == node.workers()[SECOND].pid
    written = logs / f"worker-{SECOND}.jsonl"
    await until(lambda: written.exists() and written.stat().st_size, "it logs")
    node.posts = True
    await until(lambda: set(node.workers()) == {MODEL}, "the list governs")
    await until(lambda: node.answers(MODEL), "and what it names is served")
    await until(lambda: set(node_state.read(node.data / "run")) == {MODEL}, "it is noted")


async def test_kill_9_of_the_supervisor_leaves_no_process(node):
    await until(lambda: node.answers(MODEL), "it is served")
    family = psutil.Process(node.process.pid).children(recursive=True)
    node.process.kill()
    node.process.wait()
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=PATIENCE)
    assert alive == []


async def test_started_anew_it_goes_by_the_list_in_force_and_not_by_what_up_named_long_ago(
    node,
):
    async def is_listed() -> bool:
        return bool(await node.redis.exists(in_force.KEY))

    node.models = [MODEL]
    await until(is_listed, "a list is there")
    node.process.kill()
    node.process.wait()
    node_state.clear(node.data / "run")
    node.process = node.start(f"--begin={SECOND}={node.registered[SECOND]}")
    seen: dict[str, node_state.WorkerState] = {}

    def noted() -> bool:
        seen.update(node_state.read(node.data / "run"))
        return MODEL in seen

    await until(noted, "it runs what is listed")
    assert set(seen) == {MODEL}


async def test_a_model_on_which_the_look_at_it_fails_keeps_no_other_from_being_served():
    looked = []

    def found(model: str, _registered: str) -> Entry:
        looked.append(model)
        raise IndexError(model)

    workers = Workers(lambda *_: pytest.fail("started"), found, lambda _: False)
    workers.follow({"one": "1" * 64, "other": "2" * 64})
    assert looked == ["one", "other"]
    assert workers.states() == {name: ("refused", name) for name in looked}


async def test_a_worker_runs_once_its_engine_answers_and_starts_until_then():
    up = set[str]()
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    workers = Workers(
        lambda model, _: Program(model, command), lambda *_: CATALOGUE[MODEL], up.__contains__
    )
    workers.follow({MODEL: CATALOGUE[MODEL].digest})
    process = psutil.Process()
    await until(lambda: workers.states()[MODEL] == ("starts", ""), "it starts")
    await until(process.children, "it is there")
    assert workers.states()[MODEL] == ("starts", "")
    up.add(MODEL)
    await until(lambda: workers.states()[MODEL] == ("runs", ""), "it runs")
    up.clear()
    assert workers.states()[MODEL] == ("runs", ""), "it is not asked again"
    await workers.stop()


async def test_of_a_stale_list_nothing_follows_and_an_adapter_is_its_bases():
    two = {MODEL: "1" * 64, "other": "2" * 64}
    said = listed(nodes={"node-1": two | {f"{MODEL}:tone": "3" * 64}})
    now = said.moment / 1e6
    assert served(said, "node-1", now) == two
    assert served(said, "node-2", now) == {}
    assert served(said, "node-1", now + in_force.STALE + 1) is None
    assert served(None, "node-1", now) is None
    assert served(said, "node-1", now, closed=True) == two, "it was opened"
    assert served(said, "node-2", now, closed=True) is None, "its canaries go on trying"

"""P2: what cannot be checked does not reach a model."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import product
from typing import Any

import httpx
import openai
import psutil
import pytest

from appliance import front
from tests.services import engine
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until

# Every endpoint that runs a model.
CHAT = "/v1/chat/completions"
ENDPOINTS = (CHAT, "/v1/completions", "/v1/embeddings")
CALLS = [*product(ENDPOINTS[:2], (False, True)), (ENDPOINTS[2], False)]  # it never streams
UNNOTED = "DELETE FROM compliance_change WHERE \"table\" LIKE 'inference_%'"  # or an alarm
VECTORS = "unchecked-vectors"  # a model that is deployed for the test below


def call(client: openai.OpenAI, appliance: Appliance, endpoint: str, stream: bool) -> Any:
    text = f"What is the capital of France? {time.monotonic_ns()}"  # never seen before
    bounds: dict[str, Any] = {"model": appliance.model, "max_tokens": 8, "stream": stream}
    answer: Any
    if endpoint == CHAT:
        messages = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(messages=messages, **bounds)  # type: ignore[arg-type]
    elif endpoint == "/v1/completions":
        answer = client.completions.create(prompt=text, **bounds)
    else:
        assert endpoint == "/v1/embeddings"
        return client.embeddings.create(model=VECTORS, input=text)
    return list(answer) if stream else answer


def written(appliance: Appliance) -> closing[sqlite3.Connection]:
    """A connection to its database that may write."""
    return closing(sqlite3.connect(appliance.data / "db.sqlite3", timeout=PATIENCE))


def copied(database: sqlite3.Connection, table: str, **own: Any) -> int | None:
    """One more row like the table's first, but for its own values; its id."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")][1:]
    values = ", ".join(f":{column}" if column in own else column for column in columns)
    insert = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} LIMIT 1"  # noqa: S608 - names of columns
    return database.execute(insert, own).lastrowid


@contextmanager
def embedder(appliance: Appliance) -> Iterator[None]:
    """While a model that makes vectors is deployed, as far as the gateway knows."""

    def listed() -> bool:
        with appliance.client() as client:
            return VECTORS in {model.id for model in client.models.list()}

    with written(appliance) as database, database:
        model = copied(database, "inference_model", name=VECTORS, task="embeddings")
        deployment = copied(database, "inference_deployment", model_id=model)
        copied(database, "inference_placement", deployment_id=deployment)
        database.execute(UNNOTED)
    try:
        wait_until(listed, "the model is listed")
        yield
    finally:
        with written(appliance) as database, database:
            for table, column in (("placement", "deployment_id"), ("deployment", "id")):
                query = f"DELETE FROM inference_{table} WHERE {column} = ?"  # noqa: S608 - names
                database.execute(query, [deployment])
            database.execute("DELETE FROM inference_model WHERE id = ?", [model])
            database.execute(UNNOTED)
        wait_until(lambda: not listed(), "it is not listed any more")


def refused_of(appliance: Appliance, endpoint: str, stream: bool) -> openai.APIStatusError:
    """The error that a call ends with."""
    with appliance.client() as client, pytest.raises(openai.APIStatusError) as no:
        call(client, appliance, endpoint, stream)
    return no.value


def strike(appliance: Appliance, how: signal.Signals) -> None:
    """Keep every detector process that runs now from answering."""
    for process in appliance.processes("detector"):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(how)


@contextmanager
def struck(appliance: Appliance, how: signal.Signals) -> Iterator[None]:
    """Strike; where detectors die, those that come in their places too, until the end."""
    over = threading.Event()

    def again() -> None:
        while how == signal.SIGKILL and not over.wait(0.05):
            strike(appliance, how)

    strike(appliance, how)
    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def answered(appliance: Appliance) -> None:
    """Wait until a request is checked and answered again."""

    def answers() -> bool:
        with appliance.client() as client:
            try:
                return bool(call(client, appliance, ENDPOINTS[0], False).choices)
            except openai.APIStatusError as error:
                if error.code != "detection_unavailable":
                    raise
                return False

    wait_until(answers, "a request is answered", every=0.3)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
def test_without_a_detector_nothing_is_inferred(appliance: Appliance, how: signal.Signals):
    """Also shows that a detector that died, or was killed because it hung, is replaced."""
    answered(appliance)
    admitted = len(appliance.events(type="request.admitted"))
    before = len(appliance.events(type="request.refused"))
    ran = engine.tasks(appliance)
    with (
        embedder(appliance),
        ThreadPoolExecutor(len(CALLS)) as threads,
        struck(appliance, how),
    ):
        refusals = list(threads.map(partial(refused_of, appliance), *zip(*CALLS, strict=True)))
    assert {(error.status_code, error.code) for error in refusals} == {
        (503, "detection_unavailable")
    }
    assert engine.tasks(appliance) == ran, "the engine worked"
    assert len(appliance.events(type="request.admitted")) == admitted
    events = appliance.events(type="request.refused")[before:]
    assert {event.request for event in events} == {
        error.response.headers["Domicile-Request"] for error in refusals
    }
    assert len(events) == len(CALLS)
    assert {event.detail["reason"] for event in events} == {"detection_unavailable"}
    answered(appliance)


def test_every_endpoint_that_the_product_has_is_in_the_list_above():
    """A new endpoint must be added to the test above, or shown here to run no model."""
    listing = {"/v1/models"}
    assert front.ENDPOINTS - listing == set(ENDPOINTS)


def loaded(appliance: Appliance) -> bool:
    """Whether the engine of the worker that runs now is loaded."""
    answer = engine.ask(appliance, "/health")
    return answer is not None and answer.status_code == httpx.codes.OK


def replace_key(appliance: Appliance, text: str) -> str:
    """Put another private key in the place of the site's, and let a new worker read it."""
    path = appliance.data / "keys" / "site-home.x25519"
    old = path.read_text()
    path.write_text(text)
    killed = appliance.kill("worker")
    wait_until(
        lambda: any(p.pid != killed for p in appliance.processes("worker")),
        "another worker runs",
    )
    wait_until(lambda: bool(appliance.processes("engine")), "its engine runs")
    wait_until(lambda: loaded(appliance), "its engine answers", every=0.2)
    wait_until(appliance.ready, "the appliance is ready with that worker")
    return old


def refusals(appliance: Appliance) -> list[str]:
    """Why the worker refused tickets, as its log says."""
    log = appliance.data / "logs" / f"worker-{appliance.model}.jsonl"
    lines = log.read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry["reason"] for entry in entries if entry["event"] == "ticket_refused"]


def history(appliance: Appliance, request: str) -> list[str]:
    """The types of a request's events."""
    return [event.type for event in appliance.events(request=request)]


def test_a_worker_with_the_key_of_another_site_opens_nothing(appliance: Appliance):
    """P5: it cannot answer, the engine stays idle, and the caller is told."""
    own = replace_key(appliance, os.urandom(32).hex() + "\n")
    try:
        ran, known = engine.tasks(appliance), len(refusals(appliance))
        with appliance.client() as client, pytest.raises(openai.APIStatusError) as no:
            call(client, appliance, ENDPOINTS[0], False)
        assert no.value.status_code == 503
        assert engine.tasks(appliance) == ran, "the engine worked"
        wait_until(lambda: len(refusals(appliance)) > known, "its log says that it refused")
        assert set(refusals(appliance)[known:]) == {"unreadable"}
        request = no.value.response.headers["Domicile-Request"]
        wait_until(lambda: "request.failed" in history(appliance, request), "it has ended")
        first, *between, last = history(appliance, request)
        assert (first, last) == ("request.admitted", "request.failed")
        assert set(between) == {"request.attempt"}
    finally:
        replace_key(appliance, own)
    with appliance.client() as client:
        assert call(client, appliance, ENDPOINTS[0], False).choices

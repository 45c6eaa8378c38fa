"""PostgreSQL dies under a whole appliance at work, and comes back some seconds later."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import psycopg
import pytest

from tests.chaos import invariants
from tests.services.appliance import Appliance
from tests.services.postgres import Postgres
from tests.services.waiting import PATIENCE, wait_until

AWAY = 12.0  # seconds; longer than a writer's lease
STREAMS, CALLERS = 3, 2
PACE = 0.4  # seconds between a caller's calls, which have a limit a minute
BOUND = PATIENCE  # seconds in which whoever is being answered gets an end
FINISHED = {"stop", "length"}


class OnPostgres(Appliance):
    """An appliance whose record lies in `server`."""

    def __init__(self, data: Path, server: Postgres) -> None:
        super().__init__(data, DOMICILE_DATABASE_URL=server.url())
        self.server = server

    def database(self) -> closing[Any]:
        return closing(psycopg.connect(self.server.url(), autocommit=True))


@pytest.fixture
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnPostgres]:
    server = Postgres()
    appliance = OnPostgres(tmp_path_factory.mktemp("away") / "data", server)
    try:
        appliance.start()
        yield appliance
    finally:
        appliance.stop()
        server.close()


class Stream(threading.Thread):
    """A long answer that is being streamed; how it ended."""

    def __init__(self, appliance: Appliance) -> None:
        super().__init__(daemon=True)
        self.client = appliance.client(timeout=BOUND)
        self.streams, self.ended = threading.Event(), ""
        self.model, self.request = appliance.model, ""

    def run(self) -> None:
        try:
            raw = self.client.chat.completions.with_raw_response.create(
                model=self.model,
                messages=[{"role": "user", "content": "Count from 1 to 1000, one a line."}],
                max_tokens=800,
                temperature=0,
                stream=True,
            )
            self.request = raw.headers["Domicile-Request"]
            for chunk in raw.parse():
                self.streams.set()
                if chunk.choices and chunk.choices[0].finish_reason:
                    self.ended = chunk.choices[0].finish_reason
        except openai.APIStatusError as error:
            self.ended = f"{error.status_code} {error.code}"
        except openai.APIConnectionError as error:
            self.ended = f"cut: {type(error).__name__}"
        except openai.APIError as error:
            self.ended = str(error.code)
        except httpx.TransportError as error:
            self.ended = f"cut: {type(error).__name__}"
        finally:
            self.client.close()


def ask(appliance: Appliance) -> httpx.Response:
    return httpx.post(
        f"{appliance.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {appliance.welcome['api_key']}"},
        json={
            "model": appliance.model,
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 4,
        },
        timeout=BOUND,
    )


def call_until(over: threading.Event, appliance: Appliance) -> list[httpx.Response]:
    """Call again and again; the answers."""
    answers = []
    while not over.wait(PACE):
        answers.append(ask(appliance))
    return answers


@contextmanager
def calls(appliance: Appliance) -> Iterator[list[httpx.Response]]:
    """Calls from now until the block ends; then the list holds their answers."""
    over = threading.Event()
    answers: list[httpx.Response] = []
    with ThreadPoolExecutor() as pool:
        callers = [pool.submit(call_until, over, appliance) for _ in range(CALLERS)]
        try:
            yield answers
        finally:
            over.set()
        for caller in callers:
            answers += caller.result(BOUND)


def test_postgresql_that_dies_refuses_what_begins_and_nothing_is_lost(away: OnPostgres):
    (web,) = away.processes("web")
    streams = [Stream(away) for _ in range(STREAMS)]
    for stream in streams:
        stream.start()
        assert stream.streams.wait(PATIENCE)
    with calls(away) as answers:
        time.sleep(1)
        away.server.stop(signal.SIGQUIT)
        assert all(stream.is_alive() for stream in streams), "nothing was being streamed"
        time.sleep(AWAY)
        away.server.start()
        wait_until(lambda: ask(away).status_code == 200, "it answers again", every=0.3)
    wait_until(lambda: all_over(streams, away), "all has ended", every=0.3)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert {told(answer) for answer in refused} <= {
        (503, "record_unavailable"),
        (503, "stale_configuration"),
    }
    assert {stream.ended for stream in streams} <= FINISHED
    events = invariants.rows(away)
    assert invariants.gaps(events) == invariants.endings(events) == []
    completed = {event.request for event in events if event.type == "request.completed"}
    assert {stream.request for stream in streams} <= completed
    given = [answer for answer in answers if answer.status_code == 200]
    assert {answer.headers["Domicile-Request"] for answer in given} <= completed
    assert not {answer.headers.get("Domicile-Request") for answer in refused} & completed
    assert [process.pid for process in away.processes("web")] == [web.pid]
    assert "writer.lost" not in {event.type for event in events}
    away.verify_log()


def all_over(streams: list[Stream], appliance: Appliance) -> bool:
    """Whether no caller waits and every admitted request has ended."""
    return not (
        any(stream.is_alive() for stream in streams)
        or invariants.open_requests(invariants.rows(appliance))
    )


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error in OpenAI's shape."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"]

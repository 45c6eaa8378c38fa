"""What breaks is told to the caller, ends on the record, and mends itself (P3).

Each test leaves an appliance that answers, whose log verifies and in which nothing is open.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import openai
import pytest

from compliance.vocabulary import TERMINAL
from tests.chaos import invariants
from tests.services.appliance import Appliance
from tests.services.waiting import wait_until

PROMISE = invariants.PROMISE
FIRST_CHUNKS = 3
LOCKED = 8.0  # seconds; a caller waits 5 s for the record
FINISHED = {"stop", "length"}


@pytest.fixture(autouse=True)
def _leaves_it_whole(appliance: Appliance) -> Iterator[None]:
    yield
    wait_until(appliance.ready, "the appliance is ready again", 60, every=0.1)
    with appliance.client() as client:
        assert ask(client, appliance)
    wait_until(lambda: not still_open(appliance), "every request has ended", PROMISE, 0.2)
    events = invariants.rows(appliance)
    assert invariants.gaps(events) == []
    assert invariants.endings(events) == []
    appliance.verify_log()


def still_open(appliance: Appliance) -> set[str]:
    return invariants.open_requests(invariants.rows(appliance))


def outcome(client: openai.OpenAI, appliance: Appliance) -> str | None:
    """The finish reason of an answer, or the code of the 503 or 429 in its place."""
    try:
        return ask(client, appliance)
    except openai.APIStatusError as error:
        if error.status_code not in (429, 503):
            raise
        return str(error.code)


def ask(client: openai.OpenAI, appliance: Appliance, tokens: int = 4) -> str | None:
    answer = client.chat.completions.create(
        model=appliance.model,
        messages=[{"role": "user", "content": "Say hello."}],
        max_tokens=tokens,
    )
    return answer.choices[0].finish_reason


class Streaming:
    """A long answer of which the first chunks have arrived."""

    def __init__(self, appliance: Appliance, tokens: int = 1500) -> None:
        self.client = appliance.client(timeout=40)
        raw = self.client.chat.completions.with_raw_response.create(
            model=appliance.model,
            messages=[{"role": "user", "content": "Count from 1 to 1000, one number a line."}],
            max_tokens=tokens,
            temperature=0,
            stream=True,
        )
        self.request = raw.headers["Domicile-Request"]
        self.chunks = raw.parse()
        for _ in range(FIRST_CHUNKS):
            next(self.chunks)

    def hang_up(self) -> None:
        """Close the connection in the middle of the answer."""
        self.chunks.close()
        self.client.close()

    def error(self) -> Exception | None:
        """Read to the end; the error in which it ends, if any."""
        try:
            for _ in self.chunks:
                pass
        except (openai.OpenAIError, httpx.TransportError) as error:
            return error
        finally:
            self.client.close()
        return None


def terminal(appliance: Appliance, request: str) -> list[str]:
    """The types of the terminal events of a request."""
    return [e.type for e in appliance.events(request=request) if e.type in TERMINAL]


def test_requests_of_a_killed_web_process_are_recorded_as_lost_within_30_seconds(
    appliance: Appliance,
):
    streams = [Streaming(appliance) for _ in range(3)]
    appliance.kill("web")
    errors = [stream.error() for stream in streams]
    assert all(isinstance(e, openai.APIConnectionError | httpx.TransportError) for e in errors)
    wait_until(
        lambda: all(terminal(appliance, stream.request) for stream in streams),
        "every request in flight has ended on the record",
        PROMISE,
    )
    assert [terminal(appliance, stream.request) for stream in streams] == [
        ["request.lost"]
    ] * len(streams)


@pytest.mark.parametrize("role", ["worker", "engine"])
def test_an_answer_cut_by_a_killed_process_ends_in_an_error_and_is_recorded_as_failed(
    appliance: Appliance, role: str
):
    stream = Streaming(appliance)
    began = time.monotonic()
    appliance.kill(role)
    error = stream.error()
    assert time.monotonic() - began < 15, "the caller was left waiting"
    assert isinstance(error, openai.APIError)
    assert not isinstance(error, openai.APIConnectionError)
    assert error.code == "engine_unavailable"
    wait_until(lambda: bool(terminal(appliance, stream.request)), "it has ended", 5)
    assert terminal(appliance, stream.request) == ["request.failed"]


def test_a_request_that_waits_for_a_killed_worker_is_answered_by_its_successor_or_refused(
    appliance: Appliance,
):
    appliance.kill("worker")
    with appliance.client() as client:
        assert outcome(client, appliance) in {
            "stop",
            "length",
            "engine_unavailable",
            "no_route",
        }


def test_without_a_broker_the_caller_is_told_and_the_keeper_brings_it_back(
    appliance: Appliance,
):
    stream = Streaming(appliance)
    appliance.kill("broker")
    error = stream.error()
    wait_until(lambda: bool(terminal(appliance, stream.request)), "it has ended", 15)
    if error is None:  # every frame was still at the worker, and came over the new broker
        assert terminal(appliance, stream.request) == ["request.completed"]
    else:
        assert isinstance(error, openai.APIError)
        assert not isinstance(error, openai.APIConnectionError)
        assert terminal(appliance, stream.request) == ["request.failed"]
    with appliance.client() as client:
        seen: set[str | None] = set()
        deadline = time.monotonic() + 30
        while not seen & FINISHED:
            assert time.monotonic() < deadline, f"no answer again, only {seen}"
            seen.add(outcome(client, appliance))
    assert seen - FINISHED <= {"engine_unavailable", "no_route", "overloaded"}


def engine_seconds(appliance: Appliance) -> float:
    """Seconds of computing that the engine has spent."""
    (engine,) = appliance.processes("engine")
    times = engine.cpu_times()
    return float(times.user + times.system)


def test_a_locked_database_refuses_with_503_runs_nothing_and_recovers(appliance: Appliance):
    locked = sqlite3.connect(appliance.data / "db.sqlite3", isolation_level=None)
    with appliance.client(timeout=30) as client, closing(locked):
        locked.execute("BEGIN EXCLUSIVE")
        before = appliance.events()
        spent = engine_seconds(appliance)
        began = time.monotonic()
        with pytest.raises(openai.APIStatusError) as refused:
            ask(client, appliance, tokens=400)
        waited = time.monotonic() - began
        time.sleep(0.5)
        assert engine_seconds(appliance) - spent < 0.1, "the engine ran"
        assert appliance.events() == before
        locked.execute("ROLLBACK")
        assert refused.value.status_code == 503
        assert waited < LOCKED
        error = refused.value.response.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == "record_unavailable"
        assert "nothing was done" in error["message"]
        assert ask(client, appliance) in FINISHED
    request = refused.value.response.headers["Domicile-Request"]
    wait_until(lambda: bool(terminal(appliance, request)), "it has ended", 10)
    events = appliance.events(request=request)
    assert [event.type for event in events] == ["request.admitted", "request.failed"]
    assert events[-1].detail["reason"] == "record_unavailable"
    assert appliance.events()[: len(before)] == before


def test_while_the_notary_is_dead_requests_are_answered_and_later_integrated(
    appliance: Appliance,
):
    appliance.kill("notary")
    with appliance.client() as client:
        assert ask(client, appliance)
    total = len(appliance.events())

    def integrated() -> bool:
        with appliance.database() as connection:
            (leaves,) = connection.execute("SELECT count(*) FROM compliance_leaf").fetchone()
        return bool(leaves >= total)

    wait_until(integrated, "the new notary has integrated every event", 20)


def test_a_caller_that_hangs_up_frees_the_engine_within_a_second(appliance: Appliance):
    stream = Streaming(appliance)
    busy = engine_seconds(appliance)
    time.sleep(0.5)
    assert engine_seconds(appliance) - busy > 0.1, (
        "the engine was not at work, so nothing could be freed"
    )
    stream.hang_up()
    left = time.monotonic()
    last, idle = engine_seconds(appliance), 0
    while idle < 4:
        time.sleep(0.05)
        now = engine_seconds(appliance)
        idle = idle + 1 if now - last < 0.01 else 0
        last = now
        assert time.monotonic() - left < 5, "the engine still works for a caller that is gone"
    freed = time.monotonic() - left - 4 * 0.05
    assert freed < 1.0, f"the engine was freed after {freed:.2f} s"
    wait_until(lambda: bool(terminal(appliance, stream.request)), "it has ended", 5)
    assert terminal(appliance, stream.request) == ["request.cancelled"]

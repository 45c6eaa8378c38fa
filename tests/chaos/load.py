"""Callers with the official client, who note what each answer looked like from outside."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import openai

from tests.chaos.plan import Call, Calls
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE

REFUSAL_PAUSE = 0.2  # seconds after a call that got no answer, so that nobody spins
CALL_TIMEOUT = PATIENCE


@dataclass(frozen=True, slots=True)
class Answer:
    """`ended`: `completed` (every byte of an answer), `left` (the caller hung up), `refused`
    (a status of 400 or more), `failed` (an error within the stream) or `broken` (the
    connection ended). `code` is OpenAI's error code."""

    ended: str
    request: str | None = None
    status: int = 0
    code: str | None = None
    at: float = 0.0  # seconds since the Unix epoch, at the end of the call


class Load:
    """`callers` threads that call until `stop`."""

    def __init__(self, appliance: Appliance, seed: int, callers: int) -> None:
        self.answers: list[Answer] = []
        self.surprises: list[str] = []
        self._appliance = appliance
        self._stop = threading.Event()
        self._begun: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(number, Calls(seed, number)), daemon=True)
            for number in range(callers)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new calls; returns when the last one has ended."""
        self._stop.set()
        for thread in self._threads:
            thread.join(CALL_TIMEOUT * 2)
        assert not any(thread.is_alive() for thread in self._threads), "a call never ended"

    def answered(self, more: int, within: float) -> None:
        """Wait for `more` whole answers; fails after `within` s with what came instead."""
        seen = len(self.answers)

        def enough() -> bool:
            return sum(answer.ended == "completed" for answer in self.answers[seen:]) >= more

        deadline = time.monotonic() + within
        while not enough():
            ends = Counter((a.ended, a.status, a.code) for a in self.answers[seen:])
            assert time.monotonic() < deadline, f"no answers in {within:g} s, but {ends}"
            time.sleep(0.05)

    def oldest_call(self) -> float:
        """When the call that has waited longest began, in seconds since the Unix epoch."""
        return min([time.time(), *list(self._begun.values())])

    def _run(self, number: int, calls: Calls) -> None:
        with self._appliance.client(timeout=CALL_TIMEOUT) as client:
            while not self._stop.is_set():
                self._begun[number] = time.time()
                try:
                    answer = ask(client, self._appliance.model, calls.next())
                except Exception as error:  # noqa: BLE001 - a caller thread must tell, not die
                    self.surprises.append(f"{type(error).__name__}: {error}"[:300])
                    answer = Answer("broken")
                self._begun.pop(number, None)
                self.answers.append(answer)
                if answer.ended in ("refused", "broken"):
                    self._stop.wait(REFUSAL_PAUSE)


def ask(client: openai.OpenAI, model: str, call: Call) -> Answer:
    """Make one call and say how it ended; raises only what the client should never raise."""
    try:
        return _stream(client, model, call) if call.stream else _whole(client, model, call)
    except openai.APIStatusError as error:
        request = error.response.headers.get("Domicile-Request")
        return Answer("refused", request, error.status_code, error.code, time.time())
    except openai.APIConnectionError:  # its time-outs too
        return Answer("broken", at=time.time())


def _arguments(model: str, call: Call) -> dict[str, Any]:
    text = f"Write one sentence with the words {', '.join(call.words)}."
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": call.tokens,
    }


def _whole(client: openai.OpenAI, model: str, call: Call) -> Answer:
    raw = client.chat.completions.with_raw_response.create(**_arguments(model, call))
    request = raw.headers["Domicile-Request"]
    assert raw.parse().choices[0].finish_reason, "an answer without a finish_reason"
    return Answer("completed", request, 200, None, time.time())


def _stream(client: openai.OpenAI, model: str, call: Call) -> Answer:
    raw = client.chat.completions.with_raw_response.create(
        **_arguments(model, call), stream=True
    )
    request = raw.headers["Domicile-Request"]
    finished, chunks = False, 0
    try:
        with raw.parse() as stream:
            for chunk in stream:
                chunks += 1
                finished |= bool(chunk.choices and chunk.choices[0].finish_reason)
                if call.leave_after is not None and chunks >= call.leave_after:
                    return Answer("left", request, 200, None, time.time())
    except openai.APIStatusError:
        raise
    except openai.APIConnectionError:
        return Answer("broken", request, 200, None, time.time())
    except openai.APIError as error:
        return Answer("failed", request, 200, error.code, time.time())
    except httpx.TransportError:  # the client lets these through in the middle of a stream
        return Answer("broken", request, 200, None, time.time())
    ended = "completed" if finished else "broken"
    return Answer(ended, request, 200, None, time.time())

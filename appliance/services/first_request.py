"""Waits until the appliance answers, and asks it something through its public door."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from appliance.services.keeper import StartFailed

QUESTION = "Why is the sky blue? Answer in one sentence."
ANSWER_WITHIN = 60.0  # seconds
LOOK_WITHIN = 5.0

Say = Callable[[str], None]
Address = tuple[str, int]


async def ready(
    address: Address,
    within: float,
    failing: Callable[[], list[str]],
    say: Say,
    closed: Callable[[], str] = lambda: "",
    *,
    nodes_within: float = 0.0,
) -> bool:
    """Return once `/readyz` says so; tells what it waits for; raises `StartFailed`.

    Where only the nodes are not ready, it waits `nodes_within` seconds if that is longer: an
    engine may read weights for many minutes.

    False where only the nodes are not ready and `closed` says in words why that will stay so:
    then there is somebody to open them, for whom the console must run.
    """
    began, told = time.monotonic(), ""
    while lacking := await asyncio.to_thread(_lacking, address):
        words = ", ".join(sorted(lacking))
        if words != told:
            say(f"waiting for {words}")
            told = words
        if [*lacking] == ["nodes"] and (why := closed()):
            say(why)
            return False
        if broken := failing():
            raise StartFailed(
                f"{broken[0]} does not stay up; read logs/{broken[0]}.jsonl in the data folder."
            )
        waited = max(within, nodes_within) if [*lacking] == ["nodes"] else within
        if time.monotonic() > began + waited:
            problems = "; ".join(f"{name}: {word}" for name, word in lacking.items())
            raise StartFailed(f"Not ready after {waited:.0f} s. {problems}.")
        await asyncio.sleep(0.1)
    return True


def _lacking(address: Address) -> dict[str, str]:
    """The checks of `/readyz` that fail; `web` while nothing answers."""
    try:
        _status, body = _exchange(address, "GET", "/readyz", within=LOOK_WITHIN)
        checks: dict[str, str] = json.loads(body)["checks"]
    except (OSError, HTTPException, ValueError, KeyError):
        return {"web": "does not answer yet"}
    return {name: word for name, word in checks.items() if word != "ok"}


async def ask(address: Address, api_key: str, model: str) -> str:
    """The first answer, through everything; raises `StartFailed`."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 40,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    path = "/v1/chat/completions"
    try:
        status, answer = await asyncio.to_thread(
            _exchange, address, "POST", path, body=body, headers=headers, within=ANSWER_WITHIN
        )
    except (OSError, HTTPException) as error:
        raise StartFailed(
            f"The first request got no answer ({type(error).__name__})."
        ) from error
    if status != HTTPStatus.OK:
        raise StartFailed(f"The first request got {status}: {answer.decode()[:300]}")
    content: Any = json.loads(answer)["choices"][0]["message"]["content"]
    return str(content).strip()


def _exchange(
    address: Address,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    within: float,
) -> tuple[int, bytes]:
    """One HTTP request and its whole answer. Knows no proxy: the address is this machine's."""
    content = None if body is None else json.dumps(body)
    with closing(HTTPConnection(*address, timeout=within)) as connection:
        connection.request(method, path, content, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read()

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
SLOTS = (
    "domicile_node_slots{"  # one line in `/metrics` for each model at each node that answers
)

Say = Callable[[str], None]
Address = tuple[str, int]


async def ready(
    address: Address,
    within: float,
    broken: Callable[[], str],
    say: Say,
    closed: Callable[[], str] = lambda: "",
    *,
    nodes_within: float = 0.0,
    model: str = "",
) -> bool:
    """Return once `/readyz` says so; tells what it waits for; raises `StartFailed`.

    Also with what `broken` says, which is why waiting is in vain. With `model`, a node must
    answer with it: others may be up long before.

    Where only the nodes are not ready, it waits `nodes_within` seconds if that is longer: an
    engine may read weights for many minutes.

    False where only the nodes are not ready and `closed` says in words why that will stay so:
    then there is somebody to open them, for whom the console must run.
    """
    began, told = time.monotonic(), ""
    while lacking := await asyncio.to_thread(_lacking, address, model):
        words = ", ".join(sorted(lacking))
        if words != told:
            say(f"waiting for {words}")
            told = words
        if [*lacking] == ["nodes"] and (why := closed()):
            say(why)
            return False
        if why := broken():
            raise StartFailed(why)
        waited = max(within, nodes_within) if [*lacking] == ["nodes"] else within
        if time.monotonic() > began + waited:
            problems = "; ".join(f"{name}: {word}" for name, word in lacking.items())
            raise StartFailed(f"Not ready after {waited:.0f} s. {problems}.")
        await asyncio.sleep(0.1)
    return True


def _lacking(address: Address, model: str) -> dict[str, str]:
    """The checks of `/readyz` that fail; `web` while nothing answers.

    Where all is well but no node answers with `model`, the nodes are not ready either.
    """
    try:
        _status, body = _exchange(address, "GET", "/readyz", within=LOOK_WITHIN)
        checks: dict[str, str] = json.loads(body)["checks"]
    except (OSError, HTTPException, ValueError, KeyError):
        return {"web": "does not answer yet"}
    lacking = {name: word for name, word in checks.items() if word != "ok"}
    if not lacking and model and not _answered(address, model):
        return {"nodes": f"none answers with {model} yet"}
    return lacking


def _answered(address: Address, model: str) -> bool:
    """Whether the gateway knows of a node that answers with it, as its figures say."""
    try:
        _status, body = _exchange(address, "GET", "/metrics", within=LOOK_WITHIN)
    except (OSError, HTTPException):
        return False
    lines = body.decode("utf-8", "replace").splitlines()
    return any(line.startswith(SLOTS) and f'model="{model}"' in line for line in lines)


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

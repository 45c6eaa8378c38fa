"""Waits until the appliance answers, and asks it something through its public door."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx

from appliance.services.keeper import StartFailed

QUESTION = "Why is the sky blue? Answer in one sentence."
ANSWER_WITHIN = 60.0  # seconds

Say = Callable[[str], None]


async def ready(base: str, within: float, failing: Callable[[], list[str]], say: Say) -> None:
    """Return once `/readyz` says so; tells what it waits for; raises `StartFailed`."""
    end, told = time.monotonic() + within, ""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            lacking = await _lacking(client, base)
            if not lacking:
                return
            words = ", ".join(sorted(lacking))
            if words != told:
                say(f"waiting for {words}")
                told = words
            if broken := failing():
                raise StartFailed(
                    f"{broken[0]} does not stay up; read logs/{broken[0]}.jsonl "
                    "in the data folder."
                )
            if time.monotonic() > end:
                problems = "; ".join(f"{name}: {word}" for name, word in lacking.items())
                raise StartFailed(f"Not ready after {within:.0f} s. {problems}.")
            await asyncio.sleep(0.1)


async def _lacking(client: httpx.AsyncClient, base: str) -> dict[str, str]:
    """The checks of `/readyz` that fail; `web` while nothing answers."""
    try:
        answer = await client.get(f"{base}/readyz")
        checks: dict[str, str] = answer.json()["checks"]
    except (httpx.HTTPError, ValueError, KeyError):
        return {"web": "does not answer yet"}
    return {name: word for name, word in checks.items() if word != "ok"}


async def ask(base: str, api_key: str, model: str) -> str:
    """The first answer, through everything; raises `StartFailed`."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 32,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {api_key}"}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_WITHIN) as client:
            answer = await client.post(
                f"{base}/v1/chat/completions", json=body, headers=headers
            )
    except httpx.HTTPError as error:
        raise StartFailed(
            f"The first request got no answer ({type(error).__name__})."
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise StartFailed(f"The first request got {answer.status_code}: {answer.text[:300]}")
    return str(answer.json()["choices"][0]["message"]["content"]).strip()

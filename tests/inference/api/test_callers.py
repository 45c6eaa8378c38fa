"""Who may call, and how much; on every web process."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from collections.abc import Callable

import httpx
import openai
import pytest
from redis import Redis

from inference.api.limits import SLOT_LIFETIME
from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Attempt, Node, unlike
from tests.services.waiting import PATIENCE, until, wait_until

WRONG = {
    "none": None,
    "no scheme": "{key}",
    "another scheme": "Basic {key}",
    "empty": "Bearer",
    "not ours": "Bearer sk-1234567890",
    "short": "Bearer dom_0123456789ab_short",
    "an unknown prefix": "Bearer dom_0123456789ab_" + "A" * 43,
    "the wrong secret": "Bearer {start}" + "A" * 43,
    "one letter more": "Bearer {key}A",
    "not ASCII": "Bearer dom_ä",
}


def models(url: str, key: str) -> httpx.Response:
    with httpx.Client(verify=False, timeout=PATIENCE) as client:  # noqa: S501 - no TLS here
        return client.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"})


def stays(lab: Laboratory, key: str) -> None:
    """The bucket of the requests of `key`'s application neither refills nor lapses."""
    ((identity,),) = lab.sql(
        "SELECT application_id FROM compliance_apikey WHERE prefix = ?", (key[4:16],)
    )
    bucket = f"limit:{{{uuid.UUID(identity)}}}:requests"
    with Redis.from_url(lab.broker.url.replace("redis+socket://", "unix://", 1)) as redis:
        assert redis.hset(bucket, "time", time.time() + 86_400) == 0, "there is a bucket"
        redis.persist(bucket)


def status(url: str, key: str, code: int) -> Callable[[], bool]:
    return lambda: models(url, key).status_code == code


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_key_gets_the_same_answer(lab: Laboratory, name: str):
    header = WRONG[name]
    headers: dict[bytes, bytes] = {}
    if header is not None:
        text = header.format(key=lab.key, start=lab.key[:17])
        headers = {b"Authorization": text.encode()}
    response = lab.http.post(f"{lab.url}/v1/chat/completions", json={}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json() == {
        "error": {
            "message": "The API key is missing, malformed or not known here; "
            "ask your operator for one.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
    }


def test_the_scheme_is_read_in_any_case(lab: Laboratory):
    response = lab.http.get(
        f"{lab.url}/v1/models", headers={"Authorization": f"bearer  {lab.key}"}
    )
    assert response.status_code == 200


def test_an_expired_key_says_so(lab: Laboratory):
    lab.application()
    (identity,) = lab.sql("SELECT id FROM compliance_application ORDER BY created DESC")[0]
    key = lab.issue(identity, expires="2026-01-02 00:00:00")
    response = models(lab.url, key)
    assert response.status_code == 401
    assert "expired" in response.json()["error"]["message"]
    wrong = models(lab.url, key[:-43] + "A" * 43)
    assert "expired" not in wrong.json()["error"]["message"], "only the key's owner learns it"


def test_a_revoked_key_is_refused_by_every_process(lab: Laboratory):
    key = lab.application()
    urls = [gateway.url for gateway in lab.gateways[:2]]
    assert [models(url, key).status_code for url in urls] == [200, 200]
    lab.sql(
        "UPDATE compliance_apikey SET revoked = datetime('now') WHERE prefix = ?", (key[4:16],)
    )
    for url in urls:
        wait_until(status(url, key, 401), "it is refused")
    assert "revoked" in models(urls[0], key).json()["error"]["message"]


def test_a_new_key_works_on_every_process(lab: Laboratory):
    key = lab.application()  # which waits for a moment
    for gateway in lab.gateways[:2]:
        assert models(gateway.url, key).status_code == 200


def test_an_application_that_is_switched_off_is_refused(lab: Laboratory):
    key = lab.application()
    lab.sql(
        "UPDATE compliance_application SET active = 0 WHERE id ="
        " (SELECT application_id FROM compliance_apikey WHERE prefix = ?)",
        (key[4:16],),
    )
    wait_until(status(lab.url, key, 401), "it is refused")


async def test_requests_a_minute_are_limited_over_all_processes(lab: Laboratory, node: Node):
    """The bucket is filled from the future on, so that no slow machine sees it refilled."""
    key = await asyncio.to_thread(lab.application, requests=4)
    urls = [gateway.url for gateway in lab.gateways[:2]] * 2
    answers = []
    for url in urls:
        answers.append(await asyncio.to_thread(lab.post, ask(unlike()), key=key, url=url))
        await asyncio.to_thread(stays, lab, key)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].headers["x-ratelimit-limit-requests"] == "4"
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == list("3210")
    assert answers[0].headers["x-ratelimit-reset-requests"].endswith("s")
    with lab.client(key) as client, pytest.raises(openai.RateLimitError) as raised:
        await asyncio.to_thread(lambda: client.chat.completions.create(**ask(unlike())))
    refused = raised.value.response
    assert raised.value.code == "rate_limit_exceeded"
    assert refused.headers["retry-after"] == "15"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert len(node.attempts) == 4


async def test_tokens_a_minute_are_limited_by_what_was_really_used(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.text("x")
        attempt.finish()
        attempt.receipt(prompt_tokens=400, completion_tokens=500)

    node.script = script
    key = await asyncio.to_thread(lab.application, tokens=1000)
    first = await asyncio.to_thread(lab.post, ask(unlike(), max_tokens=10), key=key)
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    assert int(first.headers["x-ratelimit-remaining-tokens"]) > 900
    second = first
    while second.status_code == 200:  # until what the first has used is written down
        second = await asyncio.to_thread(lab.post, ask(unlike(), max_tokens=200), key=key)
    assert len(node.attempts) < 10
    assert second.status_code == 429
    assert second.json()["error"]["type"] == "tokens"
    assert int(second.headers["x-ratelimit-remaining-tokens"]) < 200
    assert int(second.headers["retry-after"]) >= 1


async def test_requests_at_a_time_are_limited_and_their_slots_come_back(
    lab: Laboratory, node: Node
):
    go = asyncio.Event()

    async def script(attempt: Attempt) -> None:
        attempt.text("x")
        await attempt.beats_until(go)
        attempt.finish()
        attempt.receipt()

    node.script = script
    key = await asyncio.to_thread(lab.application, at_once=2)
    urls = [gateway.url for gateway in lab.gateways[:2]]
    running = [
        asyncio.create_task(asyncio.to_thread(lab.post, ask(unlike()), key=key, url=url))
        for url in urls
    ]
    await until(lambda: len(node.attempts) == 2, "both are asked")
    third = await asyncio.to_thread(lab.post, ask(unlike()), key=key)
    assert third.status_code == 429
    assert third.json()["error"]["type"] == "concurrent_requests"
    go.set()
    assert [(await task).status_code for task in running] == [200, 200]

    async def free() -> bool:
        return (await asyncio.to_thread(lab.post, ask(unlike()), key=key)).status_code == 200

    await until(free, "a slot has come back")


async def test_the_slots_of_a_killed_process_come_back_and_those_of_others_are_kept(
    lab: Laboratory, node: Node
):
    """Three of four are taken in a web process that is then killed (kill -9)."""
    go = asyncio.Event()

    async def script(attempt: Attempt) -> None:
        while not go.is_set():
            attempt.chunks()  # says nothing, but that it is not silent
            await asyncio.sleep(0.5)
        attempt.finish()
        attempt.receipt()

    node.script = script
    key = await asyncio.to_thread(lab.application, at_once=4)
    gateway = await asyncio.to_thread(lab.gateway, "web-9")

    def call(url: str) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(asyncio.to_thread(lab.post, ask(unlike()), key=key, url=url))

    async def refused() -> bool:
        response = await call(lab.url)
        assert response.json()["error"]["type"] == "concurrent_requests"
        return response.status_code == 429

    try:
        lives = call(lab.gateways[1].url)
        lost = [call(gateway.url) for _ in range(3)]
        await until(lambda: len(node.attempts) == 4, "all four are asked")
        assert await refused()
    finally:
        gateway.stop(signal.SIGKILL)
        lab.gateways.remove(gateway)
    killed = time.monotonic()
    ends = await asyncio.gather(*lost, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ends)
    was_refused = await refused()
    if time.monotonic() - killed < SLOT_LIFETIME / 2:  # else the machine was too slow to tell
        assert was_refused, "it had no time to give them back"
    after = []
    for number, url in enumerate((lab.url, lab.gateways[1].url, lab.url)):

        async def taken(count: int = 5 + number, url: str = url) -> bool:
            one = call(url)
            await until(lambda: one.done() or len(node.attempts) == count, "it is answered")
            if not one.done():
                after.append(one)
            return not one.done()

        await until(taken, "a slot has come back", every=0.2)
    assert await refused(), "the slot of the process that lives is taken still"
    go.set()
    assert [(await task).status_code for task in (lives, *after)] == [200] * 4


async def test_more_waiting_than_the_queue_holds_is_refused_at_once(
    lab: Laboratory, node: Node
):
    """32 may wait in each of these processes, which know of one only, and 4 fit the engine.

    One application alone may take three quarters of those 32: 28 in all. A batch may take half.
    """
    go = asyncio.Event()

    async def script(attempt: Attempt) -> None:
        await attempt.beats_until(go)
        attempt.finish()
        attempt.receipt()

    node.script = script
    other = await asyncio.to_thread(lab.application)
    async with lab.async_client() as client, lab.async_client(other) as late:
        calls = [
            asyncio.create_task(client.chat.completions.create(**ask("Same text.")))
            for _ in range(40)
        ]
        await until(
            lambda: len(node.attempts) == 28 and sum(call.done() for call in calls) == 12,
            "28 are asked and 12 are refused",
        )
        with pytest.raises(openai.RateLimitError) as raised:  # the others wait still
            await client.chat.completions.create(**ask("Same text."))
        assert raised.value.code == "overloaded"
        assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60
        with pytest.raises(openai.RateLimitError):  # a batch can wait elsewhere
            await late.chat.completions.create(**ask("Same text.", service_tier="flex"))
        calls.append(asyncio.create_task(late.chat.completions.create(**ask("Same text."))))
        await until(lambda: len(node.attempts) == 29, "another application is let in")
        next(call for call in calls if not call.done()).cancel()
        await until(
            lambda: sum(attempt.cancelled.is_set() for attempt in node.attempts) == 1,
            "the node hears that a caller has gone",
        )
        go.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, openai.RateLimitError) for result in results) == 12
    assert sum(not isinstance(result, BaseException) for result in results) == 28
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 1

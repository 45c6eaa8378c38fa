"""Limits on a real broker: what an answer used is charged, and its slot is held, however long
it took."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from compliance.vocabulary import Application
from inference.api import limits as module
from inference.api.errors import APIError
from inference.api.limits import Limits
from tests.services.valkey import Valkey
from tests.services.waiting import PATIENCE, until

KEY = "limit:{a}:tokens"
SLOTS = "limit:{a}:open"
APPLICATION = Application(
    id="a",
    name="demo",
    purpose="Tests",
    legal_basis="6-1-f",
    ropa_reference="T",
    label_key=bytes(32),
    requests_per_minute=0,
    tokens_per_minute=600,
    concurrent_requests=0,
)


@pytest.fixture(scope="module")
def broker() -> Iterator[Valkey]:
    broker = Valkey()
    yield broker
    broker.close()


@pytest.fixture
async def redis(broker: Valkey) -> AsyncIterator[Redis]:
    redis = Redis.from_url(broker.url.replace("redis+socket://", "unix://", 1))
    await redis.flushall()
    yield redis
    await redis.aclose()


async def used(redis: Redis, tokens: int, *, meanwhile: float) -> Limits:
    """One answer that used so many tokens, and as the broker sees it took so many seconds."""
    limits = Limits(redis)
    taken = await limits.take(APPLICATION, "r", 10)
    if meanwhile > await redis.ttl(KEY):
        await redis.delete(KEY)  # as the broker would by then
    else:
        began = float(await redis.hget(KEY, "time") or 0)
        await redis.hset(KEY, "time", str(began - meanwhile))
    limits.settle(taken, tokens)
    await limits.stop()
    return limits


@pytest.mark.parametrize("meanwhile", [0, 60, 600])
async def test_an_answer_is_charged_in_full_however_long_it_took(redis: Redis, meanwhile):
    began = time.monotonic()
    limits = await used(redis, 3000, meanwhile=meanwhile)
    level = float(await redis.hget(KEY, "level") or 0)
    assert -2400 <= level <= -2400 + 10 * (time.monotonic() - began + 1)
    assert await redis.ttl(KEY) > 300 - (time.monotonic() - began), (
        "forgotten before it is paid"
    )
    with pytest.raises(APIError) as raised:
        await limits.take(APPLICATION, "s", 1)
    assert raised.value.status == 429
    left = int(raised.value.headers["Retry-After"])
    assert 239 - (time.monotonic() - began) < left <= 242


async def test_what_was_taken_too_much_comes_back_up_to_the_bucket_s_size(redis: Redis):
    limits = Limits(redis)
    taken = await limits.take(APPLICATION, "r", 500)
    limits.settle(taken, 1)
    await limits.stop()
    assert 599 <= float(await redis.hget(KEY, "level") or 0) <= 600


PAIR = dataclasses.replace(APPLICATION, tokens_per_minute=0, concurrent_requests=2)


async def takes(limits: Limits, request: str) -> bool:
    try:
        await limits.take(PAIR, request, 1)
    except APIError:
        return False
    return True


async def ends(redis: Redis) -> dict[str, float]:
    """Until when each slot is held, by the broker's clock."""
    found: Any = await redis.zrange(SLOTS, 0, -1, withscores=True)
    return {name.decode(): end for name, end in found}


async def renewed(redis: Redis, before: dict[str, float]) -> bool:
    now = await ends(redis)
    return now.keys() == before.keys() and all(now[name] > before[name] for name in before)


async def test_slots_are_held_while_their_process_lives_and_lapse_with_it(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SLOT_LIFETIME", PATIENCE)
    monkeypatch.setattr(module, "RENEW_INTERVAL", 0.05)
    alive, other = Limits(redis), Limits(redis)
    first = await alive.take(PAIR, "r1", 1)
    await alive.take(PAIR, "r2", 1)
    for _ in range(3):
        before = await ends(redis)
        await until(partial(renewed, redis, before), "both are held for longer")
    with pytest.raises(APIError) as raised:
        await other.take(PAIR, "s", 1)
    assert raised.value.kind == "concurrent_requests"
    alive.settle(first, 1)  # ends in good order
    await until(lambda: takes(other, "s1"), "the slot is free")
    with pytest.raises(APIError):
        await other.take(PAIR, "s2", 1)
    await alive.stop()  # renews no more, as a killed process
    held = await ends(redis)
    await redis.zadd(SLOTS, {"r2": held["r2"] - 2 * PATIENCE})  # as if it was long ago
    await until(lambda: takes(other, "s2"), "the slot has lapsed")
    with pytest.raises(APIError):
        await other.take(PAIR, "s3", 1)
    await other.stop()


async def test_stopping_ends_while_slots_are_being_renewed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    """The broker's client loses a cancellation that meets a reply; no stop may hang then."""
    monkeypatch.setattr(module, "RENEW_INTERVAL", 0)
    for number in range(20):
        limits = Limits(redis)
        taken = await limits.take(PAIR, f"r{number}", 1)
        await asyncio.sleep(0.001 * number)
        async with asyncio.timeout(PATIENCE):
            await limits.stop()
        limits.settle(taken, 1)
        await limits.stop()

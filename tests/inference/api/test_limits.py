"""Token buckets on a real broker: what an answer used is charged, however long it took."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from compliance.vocabulary import Application
from inference.api.errors import APIError
from inference.api.limits import Limits
from tests.services.valkey import Valkey

KEY = "limit:{a}:tokens"
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
    """One answer that used so many tokens, and took so many seconds."""
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
    limits = await used(redis, 3000, meanwhile=meanwhile)
    level = float(await redis.hget(KEY, "level") or 0)
    assert -2400 <= level <= -2390 + 1
    assert await redis.ttl(KEY) > 300, "the debt is not forgotten before it is paid"
    with pytest.raises(APIError) as raised:
        await limits.take(APPLICATION, "s", 1)
    assert raised.value.status == 429
    assert 235 < int(raised.value.headers["Retry-After"]) <= 242


async def test_what_was_taken_too_much_comes_back_up_to_the_bucket_s_size(redis: Redis):
    limits = Limits(redis)
    taken = await limits.take(APPLICATION, "r", 500)
    limits.settle(taken, 1)
    await limits.stop()
    assert 599 <= float(await redis.hget(KEY, "level") or 0) <= 600

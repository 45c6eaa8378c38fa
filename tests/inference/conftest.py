"""What the tests of inference share: one broker and one engine for the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from inference.relay import connect
from tests.services.valkey import Valkey


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A broker; a test that kills it starts it again."""
    broker = Valkey()
    yield broker
    broker.close()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of the broker, which is empty at the start."""
    client = connect(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()

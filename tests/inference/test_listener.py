"""An entry of a stream that nobody can deal with: given up, and what lies behind it read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import DataError, InterfaceError, OperationalError

from inference.listener import Fields, Listener

STREAM = "tried"


class Tried(Listener):
    """Fails at an entry that names a failure."""

    def __init__(self, url: str, failures: dict[bytes, Exception]) -> None:
        super().__init__(STREAM, url, "web-1")
        self.failures = failures
        self.dealt_with: list[bytes] = []
        self.given_up = 0

    def deal_with(self, _broker: Any, fields: Fields) -> None:
        """Note it, or fail."""
        if (failure := self.failures.get(fields[b"said"])) is not None:
            raise failure
        self.dealt_with.append(fields[b"said"])

    def give_up(self) -> None:
        """Count it."""
        self.given_up += 1


@pytest.fixture
def broker(valkey: Any) -> Iterator[Any]:
    with redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as client:
        client.flushall()
        yield client


@pytest.mark.parametrize("failure", [RecursionError(), ValueError(), DataError()], ids=type)
def test_an_entry_that_cannot_be_dealt_with_holds_nothing_up(broker, valkey, failure):
    for said in (b"bad", b"good"):
        broker.xadd(STREAM, {"said": said})
    tried = Tried(valkey.url, {b"bad": failure})
    tried.look(broker)
    assert (tried.given_up, tried.dealt_with) == (1, [b"good"])
    assert not broker.xlen(STREAM)


@pytest.mark.parametrize(
    "failure",
    [OperationalError(), InterfaceError(), redis.TimeoutError(), OSError()],
    ids=type,
)
def test_an_entry_waits_while_the_database_or_the_broker_is_away(broker, valkey, failure):
    broker.xadd(STREAM, {"said": b"bad"})
    tried = Tried(valkey.url, {b"bad": failure})
    with pytest.raises(type(failure)):
        tried.look(broker)
    assert broker.xlen(STREAM) == 1
    assert tried.given_up == 0

"""Which nodes are alive. Each renews the key `node:<name>` in the broker."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings

from inference.routing import NODE_KEY

TIMEOUT = 0.5  # seconds; a page must not wait for a broker that is gone


@dataclass(frozen=True, slots=True)
class Life:
    """What the broker says of the nodes. `told` holds each living node's own words."""

    broker: bool
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, node: str) -> Mapping[str, Any] | None:
        """What `node` says of itself; None where it is silent."""
        return self.told.get(node)

    def since(self, node: str) -> dt.datetime | None:
        """Since when `node` has been alive, if it says so."""
        said = self.told.get(node, {}).get("since")
        return dt.datetime.fromtimestamp(said, dt.UTC) if isinstance(said, int) else None


def look(names: Sequence[str]) -> Life:
    """Ask the broker for the nodes `names`, within a second."""
    url = settings.DOMICILE.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as broker:
            values = broker.mget([NODE_KEY + name for name in names]) if names else []
            if not names:
                broker.ping()
    except redis.RedisError:
        return Life(broker=False)
    told = {
        name: _read(value)
        for name, value in zip(names, values, strict=True)
        if value is not None
    }
    return Life(broker=True, told=told)


def _read(value: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(value)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

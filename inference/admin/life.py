"""Which nodes are alive: each worker of one renews the key `node:<name>/<model>`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings

from inference.models import Model, Placement
from inference.routing import NODE_KEY

TIMEOUT = 0.5  # seconds; a page must not wait for a broker that is gone


@dataclass(frozen=True, slots=True)
class Sign:
    """What the worker of a model says of itself; empty where it cannot be understood."""

    model: str
    says: Mapping[str, Any]

    @property
    def since(self) -> dt.datetime | None:
        """Since when it has been alive, if it says so."""
        said = self.says.get("since")
        return dt.datetime.fromtimestamp(said, dt.UTC) if isinstance(said, int) else None


@dataclass(frozen=True, slots=True)
class Life:
    """What the broker says of the nodes: of each the living workers' own words."""

    broker: bool
    told: Mapping[str, Sequence[Sign]] = field(default_factory=dict)

    def of(self, node: str) -> Sequence[Sign]:
        """What each worker of `node` says, in the order of their models; none: it is silent."""
        return self.told.get(node, ())


def look(names: Sequence[str]) -> Life:
    """Ask the broker for the nodes `names`, within a second.

    There is a worker for each model that a node is to serve, but for adapters, which their
    base's serves.
    """
    placed = Placement.objects.filter(
        node__name__in=names, deployment__model__kind=Model.Kind.MODEL
    )
    model = "deployment__model__name"
    places = list(placed.values_list("node__name", model).order_by(model))
    url = settings.DOMICILE.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as broker:
            keys = [f"{NODE_KEY}{node}/{model}" for node, model in places]
            values = broker.mget(keys) if keys else []
            if not keys:
                broker.ping()
    except redis.RedisError:
        return Life(broker=False)
    told: dict[str, list[Sign]] = {}
    for (node, model), value in zip(places, values, strict=True):
        if value is not None:
            told.setdefault(node, []).append(Sign(model, _read(value)))
    return Life(broker=True, told=told)


def _read(value: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(value)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

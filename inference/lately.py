"""What nodes lately said of their machines, asked of the broker once.

Never asked inside of a transaction: a broker that is slow would hold what others wait for.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import redis
from django.conf import settings

from inference.inventories import fresh
from inference.inventory import KEY, MODELS_MAX, Inventory, InventoryRefused, verified
from inference.models import Node
from inference.placing import Said

TIMEOUT = 0.5  # seconds; who waits for it is a person


def said(nodes: Iterable[Node]) -> dict[str, Said]:
    """By name of the node; without those that are silent or did not sign what lies there."""
    asked = list(nodes)
    if not asked:
        return {}
    url = settings.DOMICILE.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as broker:
            values = broker.mget([KEY + node.name for node in asked])
    except redis.RedisError:
        return {}
    found = {}
    for node, value in zip(asked, values, strict=True):
        inventory = None if value is None else _believed(value, node)
        if inventory is not None:
            found[node.name] = of(inventory)
    return found


def of(inventory: Inventory) -> Said:
    """What of an inventory decides where models are placed."""
    return Said(
        files=frozenset(one.digest for one in inventory.models if one.digest),
        whole=len(inventory.models) < MODELS_MAX,
        engines=frozenset(inventory.engines),
        gpus=tuple(one.memory for one in inventory.gpus),
        memory=inventory.memory,
    )


def _believed(value: bytes, node: Node) -> Inventory | None:
    try:
        inventory = verified(value, node.name, bytes(node.public_key))
    except InventoryRefused:
        return None  # the node's page says so
    return inventory if fresh(inventory, time.time()) else None

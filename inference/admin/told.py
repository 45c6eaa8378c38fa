"""What a node says of its machine (`inference.inventory`), for its page."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

import redis
from django.conf import settings

from inference.admin.life import TIMEOUT
from inference.inventories import fresh
from inference.inventory import KEY, Inventory, InventoryRefused, verified
from inference.models import Node


@dataclass(frozen=True, slots=True)
class Told:
    """The newest that lies in the broker, or why there is nothing to show, in a sentence."""

    inventory: Inventory | None = None
    problem: str = ""

    @property
    def moment(self) -> dt.datetime | None:
        """When the node said it."""
        if self.inventory is None:
            return None
        return dt.datetime.fromtimestamp(self.inventory.time / 1e6, dt.UTC)

    @property
    def old(self) -> bool:
        """Whether it may no longer be so."""
        return self.inventory is not None and not fresh(self.inventory, time.time())


def told(node: Node) -> Told:
    """Ask the broker, within a second, and check the node's signature."""
    url = settings.DOMICILE.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as broker:
            said = broker.get(KEY + node.name)
    except redis.RedisError:
        return Told(problem="The broker does not answer, so nobody knows.")
    if said is None:
        return Told()
    try:
        return Told(verified(said, node.name, bytes(node.public_key)))
    except InventoryRefused as error:
        return Told(problem=f"{error} It is not shown. Somebody may have written it there.")

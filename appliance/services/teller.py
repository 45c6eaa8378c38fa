"""Tells the gateway what this machine is and how it does: `inference.inventory`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.exceptions import RedisError

from appliance.env import Environment
from compliance.audit.keys import KeyUnusable, read_key
from inference import gpus, machine
from inference.admission import public_keys
from inference.inventory import KEY, Inventory, State, sign

TELL = 30.0  # seconds between two inventories where nothing changed
AGAIN = 1.0  # seconds at least between two
LIFE = 86_400  # seconds for which the last one is kept; it says when it was made

_log = structlog.get_logger(__name__)

States = Mapping[str, tuple[State, str]]


class Teller:
    """One node's. Belongs to one event loop; the looking is done in a thread."""

    def __init__(self, environment: Environment, redis: Any) -> None:
        """Raises `KeyUnusable`."""
        self._environment, self._redis = environment, redis
        keys = environment.data / "keys"
        self._gateway = keys / "gateway.pub"
        self._key = Ed25519PrivateKey.from_private_bytes(
            read_key(keys / f"node-{environment.node}.ed25519")
        )
        self._told: States = {}
        self._due = self._again = float("-inf")
        self._failing = False

    async def tell(self, states: States) -> None:
        """Put an inventory into the broker, if one is due or the `states` of models changed."""
        now = time.monotonic()
        if now < self._again or (now < self._due and states == self._told):
            return
        self._again = now + AGAIN
        inventory = await asyncio.to_thread(self.look, states)
        said = sign(inventory, self._key)
        try:
            await self._redis.set(KEY + self._environment.node, said, ex=LIFE)
        except (RedisError, OSError) as error:
            if not self._failing:
                _log.warning("inventory_unsaid", error=type(error).__name__)
            self._failing = True
            return
        self._failing = False
        self._told, self._due = dict(states), time.monotonic() + TELL

    def look(self, states: States) -> Inventory:
        """What there is to tell now."""
        given = self._environment
        try:
            keys = public_keys(self._gateway)
        except KeyUnusable:  # it is being written, or was taken away: no model can be trusted
            keys = []
        seen = gpus.look()
        total, available = machine.memory()
        return Inventory(
            node=given.node,
            site=given.site,
            time=time.time_ns() // 1000,
            cpu=machine.cpu(),
            cores=machine.cores(),
            memory=total,
            available=available,
            driver=seen.driver,
            cuda=seen.cuda,
            gpus=list(seen.gpus),
            engines=machine.engines(given.vllm_python),
            models=machine.models(given.data / "models", keys, states),
        )

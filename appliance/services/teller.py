"""Tells the gateway what this machine is and how it does: `inference.inventory`.

In a thread of its own: a GPU's driver that hangs, as those of sick GPUs do, must keep nobody
from following the list or from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.env import Environment
from compliance.audit.keys import KeyUnusable, read_key
from inference import gpus, machine
from inference.admission import public_keys
from inference.inventory import KEY, Inventory, State, sign

TELL = 30.0  # seconds between two inventories where nothing changed
LOOK = 1.0  # seconds between looks at whether something changed
LIFE = 86_400  # seconds for which the last one is kept; it says when it was made
TIMEOUT = 5.0  # seconds for one command

_log = structlog.get_logger(__name__)

States = Mapping[str, tuple[State, str]]


class Teller:
    """One node's. `states` says how the workers do; it is asked from another thread."""

    def __init__(self, environment: Environment, states: Callable[[], States]) -> None:
        """Raises `KeyUnusable`."""
        self._environment, self._states = environment, states
        self._url = environment.broker_url.replace("redis+socket://", "unix://", 1)
        keys = environment.data / "keys"
        self._gateway = keys / "gateway.pub"
        self._key = Ed25519PrivateKey.from_private_bytes(
            read_key(keys / f"node-{environment.node}.ed25519")
        )
        self._told: States = {}
        self._due = float("-inf")
        self._failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)

    def start(self) -> None:
        """Tell at once and go on."""
        self._thread.start()

    def stop(self) -> None:
        """Tell no more; what hangs is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        with redis.Redis.from_url(
            self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as broker:
            while not self._stop.is_set():
                pause = LOOK
                try:
                    self._tell(broker)
                except Exception:  # noqa: BLE001 - whatever fails is said and tried again
                    _log.exception("inventory_failed")
                    pause = TELL
                self._stop.wait(pause)

    def _tell(self, broker: Any) -> None:
        """Put an inventory into the broker, if one is due or the states of models changed."""
        states = self._states()
        if time.monotonic() < self._due and states == self._told:
            return
        said = sign(self.look(states), self._key)
        try:
            broker.set(KEY + self._environment.node, said, ex=LIFE)
        except (redis.RedisError, OSError) as error:
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

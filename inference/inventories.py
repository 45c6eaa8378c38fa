"""Reads in each web process what the nodes say of their machines (`inventory`).

Each is believed only under its node's signature. What rarely changes (GPUs, driver, engines) is
put on the record whenever it has, by whichever process sees it first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis
import structlog
from django.db import DatabaseError, connection, transaction

from compliance.audit import journal
from compliance.vocabulary import Event
from inference.inventory import FRESH, KEY, Inventory, InventoryRefused, kind, verified
from inference.models import Machine, Node

LOOK = 5.0  # seconds between looks
TIMEOUT = 5.0  # seconds for one command
FUTURE = 300.0  # seconds by which a node's clock may be ahead
CALM = 60 * 1_000_000  # microseconds between two events of one node

_log = structlog.get_logger(__name__)

Keys = Callable[[], Mapping[str, bytes]]
"""The public keys of the nodes that are enrolled, by name."""


class Inventories:
    """A thread that looks at what lies in the broker."""

    def __init__(self, broker_url: str, keys: Keys) -> None:
        self._url = broker_url.replace("redis+socket://", "unix://", 1)
        self._keys = keys
        self._believed: Mapping[str, Inventory] = {}
        self._recorded: dict[str, str] = {}  # the kind that is on the record, by node
        self._refused: Mapping[str, str] = {}  # why what lies there is not believed, by node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inventories", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT)

    def known(self) -> Mapping[str, Inventory]:
        """What nodes said within the last two minutes, by name."""
        now = time.time()
        return {name: one for name, one in self._believed.items() if fresh(one, now)}

    def _run(self) -> None:
        try:
            with redis.Redis.from_url(
                self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            ) as broker:
                self._looked(broker)
                while not self._stop.wait(LOOK):
                    self._looked(broker)
        finally:
            connection.close()

    def _looked(self, broker: Any) -> None:
        """Look once; whatever fails is left for the next look."""
        try:
            self.look(broker)
        except DatabaseError as error:
            _log.warning("inventories_unrecorded", error=type(error).__name__)
            connection.close()
        except (redis.RedisError, OSError):
            return  # the broker is away, which others say
        except Exception as error:  # noqa: BLE001 - whatever fails, it is tried again
            _log.warning("inventories_unread", error=type(error).__name__)
            connection.close()

    def look(self, broker: Any) -> None:
        """Read what each enrolled node says, and record what has changed in kind."""
        keys = self._keys()
        names = sorted(keys)
        said = broker.mget([KEY + name for name in names]) if names else []
        believed: dict[str, Inventory] = {}
        refused: dict[str, str] = {}
        for name, value in zip(names, said, strict=True):
            if value is None:
                continue
            try:
                believed[name] = verified(value, name, keys[name])
            except InventoryRefused as error:
                refused[name] = error.reason
        for name in refused.keys() - self._refused.keys():
            _log.warning("inventory_refused", node=name, reason=refused[name])
        self._believed, self._refused = believed, refused
        for name, inventory in believed.items():
            now = kind(inventory)
            if self._recorded.get(name) != now and recorded(inventory):
                self._recorded[name] = now


def fresh(inventory: Inventory, now: float) -> bool:
    """Whether what a node says is of now; `now` in seconds since the Unix epoch."""
    return -FUTURE <= now - inventory.time / 1e6 <= FRESH


def recorded(inventory: Inventory) -> bool:
    """Whether what the machine is, is on the record: it was, or it is now.

    An inventory that is not newer than the last one recorded was played back, and changes of
    one node that come fast wait for a minute.
    """
    moment = time.time_ns() // 1000
    with transaction.atomic():
        node = Node.objects.select_for_update(of=("self",), no_key=True)
        row = node.select_related("site").filter(name=inventory.node).first()
        if row is None or row.site.name != inventory.site:
            return False
        known, fresh = Machine.objects.get_or_create(
            node=row, defaults={"kind": "", "time": 0, "recorded": 0}
        )
        if known.kind == kind(inventory):
            return True
        early = not fresh and moment - known.recorded < CALM
        if early or inventory.time <= known.time or inventory.time > moment + FUTURE * 1e6:
            return False
        known.kind, known.time, known.recorded = kind(inventory), inventory.time, moment
        known.save()
        journal.record("console", [Event("node.inventory", moment, _detail(inventory))])
    return True


def _detail(inventory: Inventory) -> dict[str, Any]:
    return {
        "node": inventory.node,
        "site": inventory.site,
        "cpu": f"{inventory.cpu}, {inventory.cores} cores",
        "driver": inventory.driver,
        "cuda": inventory.cuda,
        "gpus": [
            {"name": one.name, "uuid": one.uuid, "memory": one.memory, "problems": one.problems}
            for one in inventory.gpus
        ],
        "engines": dict(sorted(inventory.engines.items())),
    }

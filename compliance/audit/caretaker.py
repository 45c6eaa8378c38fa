"""Removes kept content when its time is over, and completes erasures that a crash cut short.

A thread of each web process: they alone hold the vault, because they keep content in it and
show it, and no other process should get its keys for this. The vault's lock lets one work.
"""

from __future__ import annotations

import logging
import threading
import time

import django.db
from django.db import connection

from compliance.audit import erasure
from compliance.audit.keys import KeyUnusable
from compliance.audit.keystore import VaultUnreadable

LOOK = 60.0  # seconds between looks for erasures that were cut short
EXPIRE = 3_600.0  # seconds between removals: each one renews the keys of the buckets concerned
STOP_TIMEOUT = 10.0  # seconds; what is under way then is completed at the next start

_log = logging.getLogger(__name__)


class Caretaker:
    """The thread. `start` it once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)
        self._applied = False
        self._expired = float("-inf")

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except (django.db.Error, OSError, KeyUnusable, VaultUnreadable) as error:
                _log.error("The vault waits: %s", type(error).__name__)
            finally:
                connection.close()
            self._stop.wait(LOOK)

    def _look(self) -> None:
        if not self._applied:  # the database may be an older one than the vault's list
            erasure.reapply(source="console")
            self._applied = True
        erasure.recover(source="console")
        if time.monotonic() - self._expired >= EXPIRE:
            erasure.expire(source="console")
            self._expired = time.monotonic()

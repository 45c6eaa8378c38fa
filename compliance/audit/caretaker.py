"""Carries out erasures that were asked for, and removes kept content when its time is over.

Only the process `records` does this by itself: one process, so that nobody has to agree with
others on whose turn it is. Commands may erase beside it; the vault's lock lets one work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

from compliance.audit import asking, erasure
from compliance.audit.keys import KeyUnusable
from compliance.audit.keystore import VaultUnreadable
from compliance.models import Erasure

SOURCE = "console"  # the journal that it records in: the one of those who ask
EXPIRE = 3_600.0  # seconds between removals: each one renews the keys of the buckets concerned

_log = logging.getLogger(__name__)

# Shared by the children of one worker; no lock, which a killed child might hold for ever.
_applied, _expired = RawValue("b", 0), RawValue("d", float("-inf"))


def carry_out(pk: int) -> None:
    """Carry out the erasure `pk`, unless it is done or unknown; why it cannot is on its row."""
    if Erasure.objects.filter(pk=pk, state=Erasure.State.ASKED).exists():
        _tried(lambda: erasure.carry_out(pk, source=SOURCE))


def look() -> None:
    """Take up what was left, and remove what is past its time."""
    _tried(_look)


def _look() -> None:
    if not _applied.value:  # the database may be an older one than the vault's list
        erasure.reapply(source=SOURCE)
        _applied.value = 1
    erasure.recover(source=SOURCE)
    if time.monotonic() - _expired.value >= EXPIRE:
        erasure.expire(source=SOURCE)
        _expired.value = time.monotonic()


def _tried(work: Callable[[], object]) -> None:
    try:
        work()
    except (OSError, KeyUnusable, VaultUnreadable) as error:
        _log.error("The vault waits: %s", type(error).__name__)
        asking.stalled(str(error))

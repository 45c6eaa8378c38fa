"""One notary leads; others stand by.

PostgreSQL: a session's advisory lock, gone with its connection. SQLite: flock(2) on a file
beside the database, gone with the process. Either may be lost without notice, so what a leader
does is fenced besides (see `notary`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import django.db
from django.db import connection

from compliance.audit.holding import held

LOCK = 0x444F4D4943494C45  # "DOMICILE": PostgreSQL's advisory locks are 64-bit numbers
STANDBY = 0.5  # seconds between attempts


@contextmanager
def leadership(stop: threading.Event) -> Iterator[bool]:
    """Wait to lead; false if stopped before. Belongs to the calling thread's connection."""
    if connection.vendor == "postgresql":
        with _advisory_lock(stop) as leads:
            yield leads
    else:
        beside = Path(f"{connection.settings_dict['NAME']}-notary")
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        with held(descriptor, again=lambda: not stop.wait(STANDBY)) as leads:
            yield leads


@contextmanager
def _advisory_lock(stop: threading.Event) -> Iterator[bool]:
    while not _ask("SELECT pg_try_advisory_lock(%s)"):
        if stop.wait(STANDBY):
            yield False
            return
    try:
        yield True
    finally:
        with suppress(django.db.Error):
            _ask("SELECT pg_advisory_unlock(%s)")


def _ask(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK])
        return bool(cursor.fetchone()[0])

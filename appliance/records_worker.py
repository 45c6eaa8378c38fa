"""Joins Celery's worker `records` to Django and to ours. Imported by that worker only."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import structlog
from celery import signals

from appliance import logging
from appliance.records import environment, publish

SWEEP = 10.0  # seconds between two looks for work that nobody does
ALIVE = environment.run / "records.alive"
"""Touched after each look that the broker took, for health checks."""

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
django.setup()  # before `compliance.tasks` is imported, and before the child is forked

from compliance import background, tasks  # noqa: E402

_log = structlog.get_logger(__name__)
_ended = threading.Event()


def _configure_log(**_: Any) -> None:
    logging.configure({"level": environment.log_level, "source": environment.source})


def _sweep() -> None:
    """Ask the child for a sweep: this process forks, so it must hold no database connection."""
    while not _ended.is_set():
        try:
            publish(background.SWEEP, expires=SWEEP)
            touch(ALIVE)
        except Exception as error:  # noqa: BLE001 - the broker is away; it comes back
            _log.warning("sweep_not_sent", kind=type(error).__name__)
        _ended.wait(SWEEP)


def touch(path: Path) -> None:
    """Move the file's time to now."""
    with suppress(OSError):  # it informs; nothing depends on it
        path.touch(mode=0o600)


def _begin(**_: Any) -> None:
    threading.Thread(target=_sweep, name="sweep", daemon=True).start()


def _drain(**_: Any) -> None:
    tasks.stop()
    _ended.set()


def _end(**_: Any) -> None:
    ALIVE.unlink(missing_ok=True)


signals.setup_logging.connect(_configure_log)
signals.worker_ready.connect(_begin)
signals.worker_shutting_down.connect(_drain)
signals.worker_shutdown.connect(_end)

"""How work reaches the process `records`: a row says what is to be done, this that it waits.

Nothing depends on the word: that process also looks for rows by itself, and at its start.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

EXPORT, ERASE, SIMULATE, SWEEP = (
    f"compliance.tasks.{name}" for name in ("export", "erase", "simulate", "sweep")
)

log = structlog.get_logger(__name__)

_publish: list[Callable[[str, int], None]] = []


def provide(publish: Callable[[str, int], None]) -> None:
    """How a task reaches the worker: its name and the row. Without it, rows are found later."""
    _publish[:] = [publish]


def tell(task: str, pk: int) -> None:
    """Say that a row waits, once it is committed; never fails."""
    for publish in _publish:
        try:
            publish(task, pk)
        except Exception as error:  # noqa: BLE001 - the row is there, and the sweep finds it
            log.warning("work_not_announced", kind=type(error).__name__)

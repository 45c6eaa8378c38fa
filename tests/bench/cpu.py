"""Processor time of a running appliance, by the role of its processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

import psutil

from tests.services.appliance import role_of


def seconds(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """User and system seconds since each process began, per role.

    Children that ended are counted with the process that waited for them. The kernel counts
    in ticks of 10 ms, so a figure needs a window of seconds.
    """
    spent: dict[str, float] = defaultdict(float)
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            spent[role_of(process) or "other"] += (
                times.user + times.system + times.children_user + times.children_system
            )
    return dict(spent)

"""`make up` as a newcomer waits for it: from the command to the first answer, and again.

The baseline is what the interpreter needs to load Django with the appliance's settings, which
every one of its processes pays.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.table import Cell, table
from tests.services.appliance import BASE, Appliance

AIM_FIRST, AIM_SECOND = 60.0, 10.0  # seconds


def started() -> str:
    """Seconds to readiness, and the CPU seconds of the whole tree up to then."""
    rows: list[list[Cell]] = [["loading Django alone", *_django()]]
    with tempfile.TemporaryDirectory() as folder:
        appliance = Appliance(Path(folder) / "data")
        for name in ("first start", "second start"):
            began = time.monotonic()
            appliance.start()
            seconds = time.monotonic() - began
            rows.append([name, seconds, sum(map(_spent, appliance.family()))])
            appliance.stop()
    title = (
        "Start, from the command to readiness, downloads done "
        f"(aims: first ≤ {AIM_FIRST:g} s, second ≤ {AIM_SECOND:g} s)"
    )
    return table(title, ["", "seconds", "CPU seconds"], rows)


def _django() -> tuple[float, float]:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=BASE, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.monotonic() - began, spent


def _spent(process: psutil.Process) -> float:
    """CPU seconds of a process and of those of its children that have ended."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0

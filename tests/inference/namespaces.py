"""Starts `tests.inference.enclosed` in network namespaces, and says where there are none."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.inference import enclosed
from tests.services.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
RIGHTS = "-n" if os.geteuid() == 0 else "-rn"
TIMEOUT = 120.0  # seconds


def become(port: int) -> tuple[str, ...]:
    """A prefix to a command: it gets nothing but loopback, and on `port` somebody if any."""
    return (
        "unshare",
        RIGHTS,
        sys.executable,
        "-m",
        "tests.inference.enclosed",
        "become",
        str(port),
    )


def inside(how: str) -> dict[str, Any]:
    """What the canary says in a namespace prepared as `how`."""
    code, printed, error = _run(how)
    assert code == 0, error[-2000:]
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def need(what: str) -> None:
    """Skip, aloud, where this machine refuses `namespace` or `filter`."""
    said = refusal(what)
    if said:
        pytest.skip(f"NOT TESTED: the canary in its own {what}, which is refused here: {said}")


@functools.cache
def refusal(what: str) -> str:
    """Why a `namespace` with both families, or a `filter` in one, cannot be had; else empty."""
    for tool in ("unshare", "ip"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    code, _printed, error = _run(f"able {what}")
    return (error.strip().splitlines() or ["it ended without a word"])[-1][:200] if code else ""


def _run(how: str) -> tuple[int, str, str]:
    process = subprocess.Popen(
        ["unshare", RIGHTS, sys.executable, "-m", "tests.inference.enclosed", how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed, error = process.communicate(timeout=TIMEOUT)
        return process.returncode, printed, error
    finally:
        process.kill()
        process.communicate()
        _ungroup(process.pid)


def _ungroup(process: int) -> None:
    """Take away the group of a process that was ended before it did so itself."""
    with suppress(OSError):
        group = enclosed.group_of(process)
        if group.exists():
            wait_until(lambda: not group.joinpath("cgroup.procs").read_text(), "it is empty")
            group.rmdir()

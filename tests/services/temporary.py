"""Where tests put what goes with them: in memory where there is enough of it, else on the disk.

Databases, logs and brokers are made by the thousand, and each commit of each of them waits for
the disk. What tests see of durability is that processes are killed, which no file notices.
Whoever sets TMPDIR has said where, and finds there what a failed test has left.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system of the kernel's, in memory
NAME = "dmt-"  # short: sockets lie below it, whose paths have 107 bytes
ENOUGH = 12 << 30  # bytes; a whole run leaves less than a quarter of it
LIMITS = (  # of the container that this may be; the second is that of older kernels
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def in_memory() -> None:
    """Let temporary files, those of the processes started here too, be in memory if they can.

    They go with this process.
    """
    if "TMPDIR" in os.environ or _free() < ENOUGH:
        return
    for left in MEMORY.glob(f"{NAME}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(NAME).split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)  # of a run that was killed
    folder = tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=MEMORY)
    Path(folder).chmod(0o711)  # PostgreSQL runs as somebody else
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None  # it is asked for anew
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _free() -> int:
    """Bytes that may be filled there; 0 where there is no such file system, or nothing runs."""
    with suppress(OSError):
        if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:  # PostgreSQL's programs are copied there
            return 0
    bounds = [psutil.virtual_memory().available]
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # "max" is none
            bounds.append(int(limit.read_text()))
    with suppress(OSError):
        return min(*bounds, shutil.disk_usage(MEMORY).free)
    return 0

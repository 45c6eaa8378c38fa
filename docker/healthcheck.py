# ruff: noqa: INP001 - a script, not part of a package
"""Exits 0 if this container does its work: `healthcheck.py web | worker | notary | records`.

Standard library only, so that a check every ten seconds costs little.

    web      GET /livez on DOMICILE_PORT answers 200
    worker   there is an engine's socket in DOMICILE_RUN, and each answers GET /health with 200
    records  the worker of exports has sent its last sweep within half a minute
    notary   a checkpoint has been signed (how far it lags, the gateway's /readyz says)
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATIENCE = 4.0  # seconds; the container's own limit is five
SILENT = 30.0  # seconds without a sign of life


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def web() -> bool:
    """Whether the gateway answers."""
    port = int(os.environ.get("DOMICILE_PORT", "8000"))
    return _answers(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), "/livez")


def worker() -> bool:
    """Whether every engine answers."""
    sockets = sorted(Path(os.environ["DOMICILE_RUN"]).glob("engine-*.sock"))
    return bool(sockets) and all(_answers(UnixConnection(path), "/health") for path in sockets)


def notary() -> bool:
    """Whether there is a checkpoint."""
    return Path(os.environ["DOMICILE_DATA"], "log", "checkpoint").is_file()


def records() -> bool:
    """Whether the worker of exports said lately that it lives."""
    try:
        said = Path(os.environ["DOMICILE_RUN"], "records.alive").stat().st_mtime
    except OSError:
        return False
    return abs(time.time() - said) < SILENT


CHECKS: Mapping[str, Callable[[], bool]] = {
    "web": web,
    "worker": worker,
    "notary": notary,
    "records": records,
}

if __name__ == "__main__":
    sys.exit(not CHECKS[sys.argv[1]]())

"""The program of one worker: as `up` starts it, and as a node's supervisor does."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from appliance.env import BASE, Environment
from appliance.services.keeper import Program

NOT_BEGUN = 3
"""Exit code of a worker that could not begin: an engine may take minutes to fail at it."""

REFUSED = 4
"""Exit code of a worker whose model's files are not those registered: only others help."""


DRAIN = 60.0  # seconds it gets: 30 to finish what runs, the rest for its engine to end


def inherited(environment: Environment) -> dict[str, str]:
    """The environment of every process: this one's, and where everything lies."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "appliance.settings",
        "DOMICILE_DATA": str(environment.data),
        "DOMICILE_RUN": str(environment.run),
        "PYTHONUNBUFFERED": "1",
    }


def answers(path: Path) -> bool:
    """Whether the engine that listens on the Unix socket `path` is ready; within 1 s a step."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(b"GET /health HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
            with HTTPResponse(client) as response:
                response.begin()
                return response.status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False


def worker(
    name: str,
    environment: Mapping[str, str],
    confine: str,
    *,
    drain: float = 10.0,
    listens: Path | None = None,
) -> Program:
    """A worker of what `environment` says, as `DOMICILE_MODEL`; `drain` is in seconds.

    `listens` is the socket of its engine, which goes with it: who is killed leaves it there.
    """

    def ended(_pid: int) -> None:
        if listens is not None:
            with suppress(OSError):
                listens.unlink()

    return Program(
        name,
        [
            *(sys.executable, "-m", "celery", "-q", "-A", "appliance.celery", "worker"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        environment=environment,
        folder=BASE,
        drain=drain,
        confine=confine,
        hopeless=frozenset({REFUSED}),
        unready=frozenset({NOT_BEGUN}),
        ended=ended,
    )

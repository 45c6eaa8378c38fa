"""Calls to the few addresses that the operator allows: witnesses, and an authority on time.

Nothing else is ever called. Where the appliance's processes have no network (`make up`), a call
goes through a passage: a Unix socket, behind which a process without keys and without the
record passes bytes on to that one address (`services/passage.py`). TLS is between here and the
witness either way. A redirection is not followed.
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from compliance.audit.asker import Reply

PATIENCE = 10.0  # seconds for each step of a call
DEADLINE = 60.0  # seconds for the whole of it, however slowly the bytes come
ANSWER_MAX = 64 * 1024  # bytes
PORTS = {"http": 80, "https": 443}
TYPE = "text/plain; charset=utf-8"


def socket_of(folder: Path, host: str, port: int) -> Path:
    """Where the passage to an address listens."""
    mark = hashlib.sha256(f"{host}:{port}".encode()).hexdigest()[:12]
    return folder / f"to-{mark}.sock"


def place_of(address: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


class Calls:
    """Calls addresses below those `allowed`, and those in `only`; through `passages`, if given.

    A call that is not over after `deadline` seconds fails. What is sent is of the type `kind`.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        passages: Path | None = None,
        deadline: float = DEADLINE,
        *,
        only: Sequence[str] = (),
        kind: str = TYPE,
    ) -> None:
        self._allowed = tuple(allowed)
        self._passages = passages
        self._deadline = deadline
        self._only, self._kind = tuple(only), kind

    def __call__(self, method: str, url: str, body: bytes = b"") -> Reply:
        """Send `body`; raises OSError."""
        below = any(url.startswith(f"{one}/") for one in self._allowed)
        if not below and url not in self._only:
            raise PermissionError(
                "this appliance may not call that address (DOMICILE_WITNESSES, DOMICILE_TSA)"
            )
        parts = urlsplit(url)
        host, port = place_of(url)
        with self._wire(host, port) as wire, ended_after(self._deadline, wire):
            connection = _connection(parts, wire)
            try:
                headers = {"Content-Type": self._kind} if body else {}
                connection.request(method, parts.path or "/", body or None, headers)
                answer = connection.getresponse()
                data = answer.read(ANSWER_MAX + 1)
            except http.client.HTTPException as error:
                raise ConnectionError(
                    f"it does not speak HTTP ({type(error).__name__})"
                ) from error
            finally:
                connection.close()
        if len(data) > ANSWER_MAX:
            raise ConnectionError("its answer is longer than any that is asked for")
        return Reply(answer.status, answer.headers.get("Content-Type", ""), data)

    def _wire(self, host: str, port: int) -> socket.socket:
        if self._passages is None:
            return socket.create_connection((host, port), PATIENCE)
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(PATIENCE)
        try:
            wire.connect(str(socket_of(self._passages, host, port)))
        except OSError:
            wire.close()
            raise
        return wire


@contextmanager
def ended_after(seconds: float, wire: socket.socket) -> Iterator[None]:
    """Shut `wire` down if what is done with it takes longer; raises `TimeoutError` then."""
    # TLS takes the socket out of `wire` with its number; a second number is shut down as well.
    with wire.dup() as same:
        late = threading.Event()

        def end() -> None:
            late.set()
            with suppress(OSError):
                same.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        words = f"it has not answered in full after {seconds:g} seconds"
        try:
            yield
        except OSError as error:
            if late.is_set():
                raise TimeoutError(words) from error
            raise
        finally:
            timer.cancel()
            timer.join()
        if late.is_set():  # an answer that was cut off may look whole
            raise TimeoutError(words)


def _connection(parts: SplitResult, wire: socket.socket) -> http.client.HTTPConnection:
    host, port = place_of(parts.geturl())
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    if parts.scheme == "https":
        wire = ssl.create_default_context().wrap_socket(wire, server_hostname=host)
    connection.sock = wire
    return connection

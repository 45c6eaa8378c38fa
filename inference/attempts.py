"""One attempt to reach an address, and what came of it.

Of each one of four things comes out:

    reached       something answered, be it by a refusal of its own: the way out is open
    refused       a filter on this machine refused it (EPERM, EACCES)
    unreachable   the kernel has no route, device or kind of socket for it
    unanswered    it was sent, and nothing came back in time: weaker than the two above, since
                  a lost answer looks the same

Standard library only. Threads, not asyncio: a name's resolution blocks as long as it likes.
"""

from __future__ import annotations

import errno
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TIMEOUT = 2.0  # seconds for one try
PATIENCE = 5.0  # seconds for all of them, which run side by side

REACHED, REFUSED, UNREACHABLE, UNANSWERED = "reached", "refused", "unreachable", "unanswered"
_ANSWERS = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN})
_POLICY = frozenset({errno.EPERM, errno.EACCES})
_QUERY = struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack(">HH", 2, 1)
"""All of a query of DNS but its number: recursion desired; who serves the root (NS, IN)?"""
_ASKED = b"GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Try:
    """One try: `how` is tcp, udp, name or http; `error` says how it ended, in a word or two."""

    how: str
    to: str
    outcome: str
    error: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A try that is to be made; `how` as in `Try`."""

    how: str
    host: str
    port: int

    @property
    def to(self) -> str:
        """The place, for people."""
        if self.how == "name":
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def attempted(plans: Sequence[Plan]) -> tuple[Try, ...]:
    """Each in a thread of its own; nobody waits for any longer than `PATIENCE`."""
    ended: dict[Plan, tuple[str, str]] = {}

    def attempt(plan: Plan) -> None:
        try:
            ended[plan] = _KINDS[plan.how](plan.host, plan.port)
        except OSError as error:
            ended[plan] = _judged(error.errno or 0, at_once=True)

    threads = [
        threading.Thread(target=attempt, args=(plan,), name="canary", daemon=True)
        for plan in plans
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = (UNANSWERED, "no answer in time")
    return tuple(Try(plan.how, plan.to, *ended.get(plan, late)) for plan in plans)


def _judged(code: int, *, at_once: bool) -> tuple[str, str]:
    """An error number as an outcome. One that comes late is no word of this kernel's."""
    name = errno.errorcode.get(code, str(code))
    if code in _ANSWERS:
        return REACHED, name
    if code in _POLICY:
        return REFUSED, name
    return (UNREACHABLE if at_once else UNANSWERED), name


def _resolved(host: str, port: int, kind: socket.SocketKind) -> tuple[int, tuple[str, int]]:
    """Family and address of `host`; raises OSError."""
    family, _kind, _protocol, _name, address = socket.getaddrinfo(host, port, type=kind)[0]
    return family, (str(address[0]), int(address[1]))


def _tcp(host: str, port: int) -> tuple[str, str]:
    """Whether a connection comes about, or is refused by the other side."""
    connection, (outcome, error) = _connected(host, port)
    if connection is not None:
        connection.close()
    return outcome, error


def _connected(host: str, port: int) -> tuple[socket.socket | None, tuple[str, str]]:
    try:
        family, address = _resolved(host, port, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return None, (UNANSWERED, _unnamed(error))
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    code, at_once = connection.connect_ex(address), True
    if code == errno.EINPROGRESS:
        at_once = False
        if not _writable(connection):
            connection.close()
            return None, (UNANSWERED, "no answer in time")
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        connection.close()
        return None, _judged(code, at_once=at_once)
    return connection, (REACHED, "connected")


def _writable(connection: socket.socket) -> bool:
    waiting = select.poll()  # select() takes no descriptor above 1,023
    waiting.register(connection, select.POLLOUT)
    return bool(waiting.poll(TIMEOUT * 1000))


def _udp(host: str, port: int) -> tuple[str, str]:
    """Whether a query of DNS is answered, or its port is said to be closed."""
    family, address = _resolved(host, port, socket.SOCK_DGRAM)
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect(address)
        asking.send(secrets.token_bytes(2) + _QUERY)
        asking.settimeout(TIMEOUT)
        try:
            asking.recv(512)
        except TimeoutError:
            return UNANSWERED, "no answer in time"
        except OSError as error:
            return _judged(error.errno or 0, at_once=False)
    return REACHED, "answered"


def _name(host: str, port: int) -> tuple[str, str]:
    """Whether somebody knows the name; nobody inside should."""
    try:
        _resolved(host, port, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return UNANSWERED, _unnamed(error)
    return REACHED, "resolved"


def _unnamed(error: socket.gaierror) -> str:
    codes = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
    return codes.get(error.errno, "unresolved")


def _http(host: str, port: int) -> tuple[str, str]:
    """Whether the proxy is there. What it then says of an address that nobody has is told.

    Where it was taken away and only its variable is left, nobody is there to pass anything on.
    """
    connection, (outcome, error) = _connected(host, port)
    if connection is None:
        return (UNREACHABLE, "no proxy there") if outcome == REACHED else (outcome, error)
    with connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.sendall(_ASKED)
            status = connection.recv(64).split(b" ")[1:2]
        except OSError:
            status = []
    said = status[0][:3] if status else b""
    return REACHED, f"answered {said.decode()}" if said.isdigit() else "connected"


_KINDS: Mapping[str, Callable[[str, int], tuple[str, str]]] = {
    "tcp": _tcp,
    "udp": _udp,
    "name": _name,
    "http": _http,
}

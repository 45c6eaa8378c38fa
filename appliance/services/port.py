"""The address that callers use, taken before anything else starts."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path

BACKLOG = 2048
HIGHEST = 65_535
LISTENING_STATE = "0A"  # /proc/net/tcp: TCP_LISTEN


class PortTaken(Exception):
    """The address cannot be listened on. The message says why and what to do."""


def take(host: str, port: int) -> socket.socket:
    """A listening socket that children may inherit; raises `PortTaken`.

    It stays open while web processes come and go, so callers wait instead of being refused.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host.strip("[]"), port))
        taken.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        taken.close()
        raise PortTaken(_why(host, port, error)) from error
    taken.setblocking(False)
    return taken


def _why(host: str, port: int, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        by = holder(port)
        who = f" by process {by}" if by else ""
        return (
            f"Port {port} of {host} is taken{who}. Stop that program, or choose another port: "
            f"DOMICILE_PORT={port + 1 if port < HIGHEST else 8001} make up"
        )
    if number == errno.EACCES:
        return (
            f"Port {port} needs more rights than this user has; choose one above 1023 with "
            "DOMICILE_PORT."
        )
    return f"{host} port {port} cannot be listened on: {error}. Check DOMICILE_HOST."


def holder(port: int) -> int | None:
    """The process that listens on `port`, where this user may see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING_STATE and int(fields[1].rsplit(":")[-1], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            for descriptor in folder.iterdir():
                if str(descriptor.readlink()) in inodes:
                    return int(folder.parent.name)
    return None

"""Which layers keep data from leaving on this machine, as the kernel and systemd say.

Only what is in force now is reported; what cannot be seen from here is called unknown, and
what is no layer (a firewall rule by address, a Python hook) is not mentioned.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from appliance.env import Environment
from appliance.services import child

PROC = Path("/proc")
NO_ROUTES = "only a loopback device"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. `holds` is None where it cannot be seen from here."""

    name: str
    holds: bool | None
    text: str


def available() -> str:
    """How `child.py` can take the network away here: `network`, `user`, or `no`."""
    for how in ("network", "user"):
        tried = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), how, "/bin/true"],
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return how
    return "no"


def database_is_local(environment: Environment) -> bool:
    """Whether the database is a file or answers on a Unix socket."""
    parts = urlsplit(environment.database_url)
    host = (parts.hostname or "").lower()
    return parts.scheme == "sqlite" or not host or host.startswith("%2f")


def broker_is_local(environment: Environment) -> bool:
    """Whether the broker answers on a Unix socket."""
    return urlsplit(environment.broker_url).scheme in ("redis+socket", "unix")


def of_process(pid: int) -> list[Layer]:
    """The layers around one process."""
    return [_namespace(pid), _systemd(pid), _seccomp(pid)]


def _namespace(pid: int) -> Layer:
    name = "network namespace"
    try:
        devices = PROC.joinpath(str(pid), "net", "dev").read_text().splitlines()[2:]
        names = {line.split(":")[0].strip() for line in devices}
        routes = PROC.joinpath(str(pid), "net", "route").read_text().splitlines()[1:]
        away = [line for line in routes if line.split()[0] != "lo"]
    except OSError:
        return Layer(name, None, "not visible to this user")
    if names <= {"lo"}:
        return Layer(name, True, NO_ROUTES)
    if not any(line.split()[1] == "00000000" for line in away) and away:
        return Layer(name, True, f"no way out of {', '.join(sorted(names - {'lo'}))}'s network")
    if not away:
        return Layer(name, True, "no route")
    return Layer(name, False, f"shares {', '.join(sorted(names - {'lo'}))} with the machine")


def _systemd(pid: int) -> Layer:
    name = "systemd IPAddressDeny"
    with suppress(OSError, IndexError, subprocess.SubprocessError):
        group = PROC.joinpath(str(pid), "cgroup").read_text().strip().rsplit(":", 1)[1]
        unit = next((p for p in reversed(group.split("/")) if p.endswith(".service")), None)
        systemctl = shutil.which("systemctl")
        if unit is None or systemctl is None:
            return Layer(name, False, "not run as a systemd unit")
        shown = subprocess.run(  # noqa: S603 - the unit's name comes from the kernel
            [systemctl, "show", "-p", "IPAddressDeny", "--value", "--", unit],
            capture_output=True,
            text=True,
            timeout=3,
            check=False,
        ).stdout.split()
        everything = "0.0.0.0/0" in shown and "::/0" in shown
        return Layer(name, everything, f"{unit}: {' '.join(shown) or 'nothing denied'}")
    return Layer(name, None, "not visible to this user")


def _seccomp(pid: int) -> Layer:
    name = "seccomp"
    modes = {"0": (False, "off"), "1": (True, "strict"), "2": (True, "a filter is loaded")}
    try:
        status = PROC.joinpath(str(pid), "status").read_text()
    except OSError:
        return Layer(name, None, "not visible to this user")
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    holds, text = modes.get(found.get("Seccomp", "").strip(), (None, "the kernel does not say"))
    return Layer(name, holds, f"{text}; it bounds kinds of sockets, not addresses")

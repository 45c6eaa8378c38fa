"""Which layers can keep data from leaving on this machine, and which processes can have them.

What is in force around a process, `inference.confinement` sees; what is no layer (a firewall
rule by address, a Python hook) is not mentioned.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

from appliance.env import Environment
from appliance.services import child
from inference.confinement import ONLY_LOOPBACK, Layer, of_process

__all__ = [
    "ONLY_LOOPBACK",
    "Layer",
    "available",
    "broker_is_local",
    "database_is_local",
    "of_process",
]


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

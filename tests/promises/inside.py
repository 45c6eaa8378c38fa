"""Runs the whole flow where the only network is a loopback device, and tells what happened.

`unshare -rn python -m tests.promises.inside DATA TRACE`: starts an appliance under strace,
makes one completion and one stream, looks at the console, stops it, and prints JSON.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path

import httpx

from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # netdevice(7)
OUTSIDE = ("192.0.2.1", 443)  # TEST-NET-1, RFC 5737
CALLS = "network,io_uring_setup"


def loopback_up() -> None:
    """What `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def outside() -> str:
    """The error with which a connection to an outside address fails here."""
    try:
        socket.create_connection(OUTSIDE, timeout=1).close()
    except OSError as error:
        return str(error.strerror)
    return "connected"


def main() -> None:
    """As above."""
    data, trace = Path(sys.argv[1]), Path(sys.argv[2])
    loopback_up()
    strace = ("strace", "-f", "-ff", "--seccomp-bpf", "-qq", "-s", "0", "-o", str(trace))
    found: dict[str, object] = {
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "outside": outside(),
    }
    # libuv hands some of its work to io_uring, which no trace of system calls can look into: it
    # is told that this kernel has none, and makes the calls itself.
    watch = ("-e", f"trace={CALLS}", "-e", "inject=io_uring_setup:error=ENOSYS")
    with Appliance(data, prefix=(*strace, *watch)) as appliance:
        arguments = {
            "model": appliance.model,
            "messages": [{"role": "user", "content": "Say hello to Peter Hansen in Berlin."}],
            "max_tokens": 12,
        }
        with appliance.client() as client:
            whole = client.chat.completions.create(**arguments)  # type: ignore[call-overload]
            found["finish"] = whole.choices[0].finish_reason
            stream = client.chat.completions.create(**arguments, stream=True)  # type: ignore[call-overload]
            found["chunks"] = sum(1 for _ in stream)
        console = httpx.get(f"{appliance.url}/console/login/", timeout=PATIENCE)
        found["console"] = console.status_code
        found["processes"] = len(appliance.family())
    print(json.dumps(found))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()

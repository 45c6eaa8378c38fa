"""Runs the canary in a network namespace of its own, prepared in one of several ways.

`unshare -n python -m tests.inference.enclosed HOW`: prepares what HOW names, runs the canary,
prints as JSON what it says, and to whom packets left by the one device that could carry some
away (`way0`, which leads nowhere). With `become PORT COMMAND…` it becomes that command instead,
beside somebody who answers on that port of loopback, unless it is 0.
"""

from __future__ import annotations

import ctypes
import dataclasses
import ipaddress
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from inference import attempts, canary
from tests.services.waiting import PATIENCE

ANSWERED = "192.0.2.1"
OWN, OTHER = "2001:db8:9::5/64", "2a00:9::5/64"  # such as others too can reach
ALL, LAST = 0x0003, 0x88B5  # kinds of frames (linux/if_ether.h)
CGROUPS = Path("/sys/fs/cgroup")
BPF = {"x86_64": 321, "aarch64": 280}  # number of the system call bpf(2)
PROG_LOAD, PROG_ATTACH, CGROUP_SKB, EGRESS = 5, 8, 8, 1  # linux/bpf.h


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def device(*routes: str) -> None:
    """A device that is up, with addresses of a private network, and these routes.

    What is sent by it comes out of `end0`, where `left` looks. It asks nobody for an address
    of hardware, so that a packet leaves whether somebody is there or not.
    """
    ip("link", "add", "way0", "type", "veth", "peer", "name", "end0")
    ip("addr", "add", "10.9.0.5/24", "dev", "way0")
    ip("-6", "addr", "add", "fd09::5/64", "dev", "way0", "nodad")
    ip("link", "set", "end0", "up")
    ip("link", "set", "way0", "arp", "off", "up")
    for route in routes:
        family = "-6" if ":" in route else "-4"
        way = () if route.startswith("unreachable") else ("dev", "way0")
        ip(family, "route", "add", *route.split(), *way)


class Wire:
    """Looks at all that leaves by `way0`, from here on."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        if Path("/proc/sys/net/ipv4/conf/end0").exists():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))
            self._socket.bind(("end0", ALL))

    def left(self) -> list[str]:
        """To whom something left, but for what the kernel itself says to its neighbours.

        Looks until a frame arrives that is sent last, which no filter by address sees.
        """
        found: set[str] = set()
        if self._socket is None:
            return []
        self._socket.settimeout(PATIENCE)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as last:
            last.sendto(b"last", ("way0", LAST, 0, 0, b"\xff" * 6))
        kind = 0
        while kind != LAST:
            packet, (_device, kind, *_rest) = self._socket.recvfrom(2048)
            if kind == 0x0800:
                found.add(str(ipaddress.ip_address(packet[16:20])))
            elif kind == 0x86DD:
                found.add(str(ipaddress.ip_address(packet[24:40])))
        return sorted(one for one in found if not ipaddress.ip_address(one).is_multicast)


def listener(kind: socket.SocketKind, address: tuple[str, int]) -> None:
    """Somebody who answers there, for as long as this process runs."""
    listening = socket.socket(socket.AF_INET, kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)

    def serve() -> None:
        if kind == socket.SOCK_DGRAM:
            _, caller = listening.recvfrom(512)
            listening.sendto(b"here", caller)
            return
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.recv(512)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    if kind == socket.SOCK_STREAM:
        listening.listen()
    threading.Thread(target=serve, daemon=True).start()


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, 128)
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(BPF[platform.machine()], command, buffer, 128)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


DENY = (  # of IPv4 only what goes to 127.0.0.0/8 passes, and nothing else
    (0xBF, 0x16, 0, 0),  # r6 = the packet
    (0x61, 0x62, 16, 0),  # r2 = its protocol
    (0xB7, 0x00, 0, 0),  # r0 = 0: refuse
    (0x55, 0x02, 10, socket.htons(0x0800)),  # not IPv4: exit
    (0xBF, 0x61, 0, 0),
    (0xB7, 0x02, 0, 16),  # where the destination stands
    (0xBF, 0xA3, 0, 0),
    (0x07, 0x03, 0, -8),
    (0xB7, 0x04, 0, 1),
    (0x85, 0x00, 0, 26),  # bpf_skb_load_bytes
    (0x71, 0xA1, -8, 0),  # r1 = the destination's first byte
    (0xB7, 0x00, 0, 1),  # r0 = 1: pass
    (0x15, 0x01, 1, 127),
    (0xB7, 0x00, 0, 0),
    (0x95, 0x00, 0, 0),  # exit
)


DENY4 = (*DENY[:2], (0xB7, 0x00, 0, 1), *DENY[3:])  # and what is not IPv4 passes
IPV4, IPV6 = (0x0800, 16), (0x86DD, 24)  # protocol, where the destination stands

Program = tuple[tuple[int, int, int, int], ...]


def refusing(family: tuple[int, int], *networks: str) -> Program:
    """Refuses what goes to these networks, each told by three bytes, and nothing else."""
    starts = [ipaddress.ip_network(one).network_address.packed[:3] for one in networks]
    return (
        *DENY[:2],
        (0xB7, 0x00, 0, 1),  # r0 = 1: pass
        (0x55, 0x02, 10 + len(starts), socket.htons(family[0])),  # of another family: exit
        (0xBF, 0x61, 0, 0),
        (0xB7, 0x02, 0, family[1]),
        (0xBF, 0xA3, 0, 0),
        (0x07, 0x03, 0, -8),
        (0xB7, 0x04, 0, 4),
        (0x85, 0x00, 0, 26),  # bpf_skb_load_bytes
        (0x61, 0xA1, -8, 0),  # r1 = the destination's first four bytes,
        (0x57, 0x01, 0, 0xFFFFFF if sys.byteorder == "little" else -256),  # of them three
        (0xB7, 0x00, 0, 0),
        *(
            (0x15, 0x01, len(starts) - number, int.from_bytes(start + b"\0", sys.byteorder))
            for number, start in enumerate(starts)
        ),
        (0xB7, 0x00, 0, 1),
        (0x95, 0x00, 0, 0),
    )


def denied(group: Path, instructions: Program) -> None:
    """Filter what the group sends; by `DENY` as systemd does for IPAddressDeny=any."""
    program = b"".join(struct.pack("<BBhi", *instruction) for instruction in instructions)
    code = ctypes.create_string_buffer(program)
    licence = ctypes.create_string_buffer(b"GPL")
    loaded = _bpf(
        PROG_LOAD,
        struct.pack(
            "<IIQQIIQII16sII",
            CGROUP_SKB,
            len(program) // 8,
            ctypes.addressof(code),
            ctypes.addressof(licence),
            *(0, 0, 0, 0, 0, b"", 0),
            EGRESS,
        ),
    )
    folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    _bpf(PROG_ATTACH, struct.pack("<IIII", folder, loaded, EGRESS, 0))


def unified() -> Path | None:
    """Where the cgroups of version 2 lie."""
    for path in (CGROUPS, CGROUPS / "unified"):
        if (path / "cgroup.procs").exists() and (path / "cgroup.controllers").exists():
            return path
    return None


def group_of(process: int) -> Path:
    """The group of a process that filters itself; raises OSError where there can be none."""
    top = unified()
    if top is None:
        raise OSError("no cgroups of version 2")
    return top / f"domicile-test-{process}"


def filtered(instructions: Program, *routes: str, own: str = "") -> Callable[[], None]:
    """With these routes, and an address besides, in a group of its own that is filtered."""

    def prepared() -> None:
        device(*routes)
        if own:
            ip("-6", "addr", "add", own, "dev", "way0", "nodad")
        group = group_of(os.getpid())
        group.mkdir()
        try:
            denied(group, instructions)
            (group / "cgroup.procs").write_text(str(os.getpid()))
            attempts.TIMEOUT = 0.2  # TCP is dropped without a word: each try takes all of it
            say()
        finally:
            (group.parent / "cgroup.procs").write_text(str(os.getpid()))
            group.rmdir()

    return prepared


def answered(kind: socket.SocketKind, port: int) -> Callable[[], None]:
    def prepared() -> None:
        ip("addr", "add", f"{ANSWERED}/32", "dev", "lo")
        listener(kind, (ANSWERED, port))
        say()

    return prepared


def say(hosts: str = "", proxies: tuple[canary.Host, ...] = ()) -> None:
    wire = Wire()
    found = canary.run(canary.hosts(hosts), proxies)
    told = dataclasses.asdict(found) | {"reached": found.reached, "left": wire.left()}
    print(json.dumps(told))  # noqa: T201 - what the test reads


def proxied() -> None:
    listener(socket.SOCK_STREAM, ("127.0.0.1", 3128))
    say(proxies=(("127.0.0.1", 3128), ("127.0.0.1", 3129)))


def seen() -> None:
    """That `Wire` sees what leaves."""
    device("default", "::/0")
    wire = Wire()
    for address in ("192.0.2.9", "2001:db8::9"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sending:
            sending.sendto(b"x", (address, canary.DNS))
    print(json.dumps({"left": wire.left()}))  # noqa: T201


def routed(*routes: str) -> Callable[[], None]:
    def prepared() -> None:
        device(*routes)
        say()

    return prepared


def tabled(table: str) -> Callable[[], None]:
    """A route outward in another table than the main one, and a rule that names it."""

    def prepared() -> None:
        device()
        ip("route", "add", "8.8.0.0/16", "dev", "way0", "table", table)
        ip("rule", "add", "to", "8.8.0.0/16", "lookup", table)
        say()

    return prepared


def deaf() -> None:
    """A way out, and no loopback on which a filter could be met."""
    device("default")
    ip("link", "set", "lo", "down")
    say()


def able(*, filtering: bool = False) -> None:
    """Ends without an error where the ways below can be prepared."""
    device("default", "::/0")
    if filtering:
        group = group_of(os.getpid())
        group.mkdir()
        try:
            denied(group, DENY)
        finally:
            group.rmdir()


WAYS: dict[str, Callable[[], None]] = {
    "able namespace": able,
    "able filter": lambda: able(filtering=True),
    "alone": lambda: say("canary.example.org:443,198.51.100.7:99"),
    "tcp": answered(socket.SOCK_STREAM, canary.HTTPS),
    "udp": answered(socket.SOCK_DGRAM, canary.DNS),
    "proxied": proxied,
    "internal": routed(),
    "default": routed("default"),
    "default6": routed("::/0"),
    "halves": routed("0.0.0.0/1", "128.0.0.0/1"),
    "elsewhere": routed("8.8.0.0/16"),
    "table": tabled("52"),
    "local": tabled("local"),
    "filtered": filtered(DENY, "default", "::/0", own=OWN),
    "documentation": filtered(
        refusing(IPV4, "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), "default"
    ),
    "one family": filtered(DENY4, "default", "::/0", "unreachable 2001:db8::/32", own=OTHER),
    "private": filtered(refusing(IPV6, "fd09::/24"), "::/0"),
    "neighbours": filtered(refusing(IPV6, "2001:d00::/24"), "::/0", own=OWN),
    "deaf": deaf,
    "seen": seen,
}


def neighbour(port: int) -> None:
    """Somebody who answers on loopback while this process lives, whatever it becomes."""
    parent = os.getpid()
    listening = socket.create_server(("127.0.0.1", port))
    if os.fork():
        listening.close()
        return
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    while os.getppid() == parent:
        connection, _ = listening.accept()
        connection.close()
    os._exit(0)


if __name__ == "__main__":
    ip("link", "set", "lo", "up")
    if sys.argv[1] == "become":
        if sys.argv[2] != "0":
            neighbour(int(sys.argv[2]))
        os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - as its caller says
    WAYS[sys.argv[1]]()

"""What keeps the packets of a process from leaving this machine, as the kernel says.

Two views. `of_process` is for whoever looks from outside, `doctor`: what /proc and systemd say
of a process. `enclosure` is for a process that asks of itself whether anything it sends could
leave, before its canary sends anything. It asks without sending a packet that could:

    devices     a network namespace with a loopback device and no other: nothing can leave
    routes      no route leads out of private networks, and the kernel finds none to the
                addresses in question (connect() of a datagram socket looks the route up only)
    filter      a datagram to such an address, on a socket tied to the loopback device, is
                refused (EPERM): by systemd's IPAddressDeny or another filter that goes by
                address. Were it not refused, it would end in the loopback device.

What cannot be seen so, a NetworkPolicy of Kubernetes or a firewall on the way, is no enclosure
here: to find out would be to send.
"""

from __future__ import annotations

import errno
import ipaddress
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ONLY_LOOPBACK = "only a loopback device"
LOOPBACK = "lo"
NOWHERE = 9  # port "discard": nothing that is sent there is meant for anybody
REJECT, LOCAL = 0x0200, 0x80000000  # flags of a route: refuses; to an address of our own
WORDS_MAX = 6  # routes or addresses that a text names
INNER = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
        *("fc00::/7", "fe80::/10", "ff00::/8", "::1/128"),
    )
)
"""Networks that no router of the internet passes on (RFC 1918, 6598, 4193, …)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. `holds` is None where it cannot be seen from here."""

    name: str
    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Whether what this process sends to outside addresses stays here.

    `layers` names what holds it, of `devices`, `routes` and `filter`; none where nothing was
    seen to.
    """

    layers: tuple[str, ...]
    text: str

    @property
    def holds(self) -> bool:
        """Whether a packet to an outside address cannot leave."""
        return bool(self.layers)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a process's packets can go: its devices, and its routes that are not loopback."""

    devices: frozenset[str]
    routes: tuple[tuple[Network, str], ...]  # with the device

    @property
    def outward(self) -> list[str]:
        """The routes that lead out of private networks."""
        return [
            f"{network} on {device}" for network, device in self.routes if not _inner(network)
        ]


def of_process(pid: int) -> list[Layer]:
    """The layers around one process."""
    return [_network(pid), _systemd(pid), _seccomp(pid)]


def ways(process: int | str) -> Ways:
    """Of a process id, or `self`; raises OSError where it is not visible.

    The kernel shows here its main routing table only; of others `enclosure` asks it.
    """
    net = PROC / str(process) / "net"
    devices = {
        line.split(":")[0].strip() for line in (net / "dev").read_text().splitlines()[2:]
    }
    return Ways(frozenset(devices), (*_routes4(net / "route"), *_routes6(net / "ipv6_route")))


def _routes4(path: Path) -> Iterator[tuple[Network, str]]:
    for line in path.read_text().splitlines()[1:]:
        device, destination, _gateway, flags, *_rest = fields = line.split()
        if device == LOOPBACK or int(flags, 16) & REJECT:
            continue
        base, mask = (_address4(text) for text in (destination, fields[7]))
        yield ipaddress.IPv4Network(f"{base}/{mask}", strict=False), device


def _address4(text: str) -> ipaddress.IPv4Address:
    """The kernel prints the address as a number of the machine's own byte order."""
    return ipaddress.IPv4Address(struct.pack("=I", int(text, 16)))


def _routes6(path: Path) -> Iterator[tuple[Network, str]]:
    with suppress(FileNotFoundError):  # a kernel without IPv6
        for line in path.read_text().splitlines():
            base, prefix, *_rest, flags, device = line.split()
            if device != LOOPBACK and not int(flags, 16) & (REJECT | LOCAL):
                address = ipaddress.IPv6Address(bytes.fromhex(base))
                yield ipaddress.IPv6Network((address, int(prefix, 16)), strict=False), device


def _inner(network: Network) -> bool:
    return any(
        network.version == one.version and network.subnet_of(one)  # type: ignore[arg-type]
        for one in INNER
    )


def _few(words: Sequence[str]) -> str:
    more = len(words) - WORDS_MAX
    return ", ".join(words[:WORDS_MAX]) + (f" and {more} more" if more > 0 else "")


def _network(pid: int) -> Layer:
    name = "network namespace"
    try:
        found = ways(pid)
    except (OSError, ValueError):
        return Layer(name, None, "not visible to this user")
    others = sorted(found.devices - {LOOPBACK})
    if not others:
        return Layer(name, True, ONLY_LOOPBACK)
    if not found.routes:
        return Layer(name, True, "no route")
    if not found.outward:
        return Layer(name, True, f"no way out of the network of {_few(others)}")
    return Layer(name, False, f"a way out: {_few(found.outward)}")


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


def enclosure(addresses: Sequence[str]) -> Enclosure:
    """Whether a packet of this process to any of the outside `addresses` would stay here.

    Sends nothing that could leave. Needs every address to be held by some layer.
    """
    try:
        found = ways("self")
    except (OSError, ValueError) as error:
        return Enclosure((), f"its own devices and routes cannot be read: {error}")
    others = sorted(found.devices - {LOOPBACK})
    if not others:
        return Enclosure(("devices",), ONLY_LOOPBACK)
    routed = [address for address in addresses if _routed(address)]
    if not routed and not found.outward:
        return Enclosure(("routes",), f"no route out of the network of {_few(others)}")
    held = [address for address in routed if _filtered(address)]
    if routed and held == routed:
        layers = ("filter",) if len(routed) == len(addresses) else ("routes", "filter")
        return Enclosure(layers, "a packet filter refuses outside addresses")
    free = [address for address in routed if address not in held]
    return Enclosure((), f"a way out: {_few(free or found.outward)}")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _routed(address: str) -> bool:
    """Whether the kernel knows a way to `address`; nothing is sent."""
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as asking:
            asking.connect((address, NOWHERE))
    except OSError:
        return False
    return True


def _filtered(address: str) -> bool:
    """Whether a filter refuses what is sent to `address`; what is sent cannot leave."""
    if _family(address) == socket.AF_INET:
        return _refused(address, tied=True)
    # IPv6 finds no route on a loopback device. What is sent to an address of our own is
    # delivered here; a filter that denies any address but this machine's refuses it too.
    own = _own_address(address)
    return own is not None and _refused(own, tied=False)


def _refused(address: str, *, tied: bool) -> bool:
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as sending:
            if tied:
                device = LOOPBACK.encode() + b"\0"
                sending.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            try:
                sending.sendto(b"", (address, NOWHERE))
            except OSError as error:
                return error.errno in (errno.EPERM, errno.EACCES)
    except OSError:  # no such sockets, or none may be tied to a device: nothing was learnt
        return False
    return False


def _own_address(towards: str) -> str | None:
    """The address from which this machine would send to `towards`; None for loopback's."""
    try:
        with socket.socket(_family(towards), socket.SOCK_DGRAM) as asking:
            asking.connect((towards, NOWHERE))
            own = str(asking.getsockname()[0])
    except OSError:
        return None
    return None if ipaddress.ip_address(own).is_loopback else own

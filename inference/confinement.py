"""What keeps the packets of a process from leaving this machine, as the kernel says.

Two views. `of_process` is for whoever looks from outside, `doctor`: what /proc and systemd say
of a process. `enclosure` is for a process that asks of itself whether anything it sends could
leave, before its canary sends anything. It asks without sending a packet that could:

    devices     a network namespace with a loopback device and no other: nothing can leave
    routes      no route in any table leads out of private networks, and the kernel finds none
                to the addresses in question (connect() of a datagram socket looks it up only)
    filter      what is sent to such an address is refused (EPERM), and so is what is sent to
                others, by chance, to which the routes lead: by systemd's IPAddressDeny or
                another filter that goes by address (`filters`)

What cannot be seen so, a NetworkPolicy of Kubernetes or a firewall on the way, is no enclosure
here: to find out would be to send.
"""

from __future__ import annotations

import ipaddress
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inference.filters import LOOPBACK, Network, by_chance, inner, refused, routed

PROC = Path("/proc")
ONLY_LOOPBACK = "only a loopback device"
REJECT, LOCAL = 0x0200, 0x80000000  # flags of a route: refuses; to an address of our own
STAYING = frozenset({"LOCAL", "BROADCAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW"})
"""Kinds of routes by which nothing leaves a network (net/ipv4/fib_trie.c)."""
WORDS_MAX = 6  # routes or addresses that a text names


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
    routes: tuple[tuple[Network, str], ...]  # with where it stands: "on eth0", "in table 52"

    @property
    def outward(self) -> list[tuple[Network, str]]:
        """The routes that lead out of private networks."""
        return [route for route in self.routes if not inner(route[0])]

    @property
    def words(self) -> list[str]:
        """Of the routes outward, for people."""
        return [f"{network} {where}" for network, where in self.outward]


def of_process(pid: int) -> list[Layer]:
    """The layers around one process."""
    return [_network(pid), _systemd(pid), _seccomp(pid)]


def ways(process: int | str) -> Ways:
    """Of a process id, or `self`; raises OSError or ValueError where it is not visible.

    Of every routing table, whether a rule names it now or not.
    """
    net = PROC / str(process) / "net"
    devices = frozenset(
        line.split(":")[0].strip() for line in (net / "dev").read_text().splitlines()[2:]
    )
    if devices <= {LOOPBACK}:
        return Ways(devices, ())
    return Ways(devices, (*_routes4(net), *_routes6(net / "ipv6_route")))


def _routes4(net: Path) -> Iterator[tuple[Network, str]]:
    """Of the main table with their devices; of every other whatever may lead away."""
    main: set[ipaddress.IPv4Network] = set()
    for line in (net / "route").read_text().splitlines()[1:]:
        device, destination, _gateway, flags, *_rest = fields = line.split()
        base, mask = (_address4(text) for text in (destination, fields[7]))
        network = ipaddress.IPv4Network(f"{base}/{mask}", strict=False)
        main.add(network)
        if device != LOOPBACK and not int(flags, 16) & REJECT:
            yield network, f"on {device}"
    for network, table in _tables4((net / "fib_trie").read_text()):
        if network not in main or table not in ("Main", "Local"):
            yield network, f"in table {table}"


def _tables4(trie: str) -> Iterator[tuple[ipaddress.IPv4Network, str]]:
    """The routes of every table; a table is followed by addresses, these by their prefixes.

    Main and local tables are one, and shown twice, where no rule was ever made.
    """
    table = base = ""
    for line in trie.splitlines():
        words = line.split()
        if not line.startswith(" "):
            table = line.rstrip(":").removeprefix("Id ")
        elif words[0] == "|--":
            base = words[1]
        elif words[0].startswith("/") and words[2] not in STAYING:
            yield ipaddress.IPv4Network(base + words[0], strict=False), table


def _address4(text: str) -> ipaddress.IPv4Address:
    """The kernel prints the address as a number of the machine's own byte order."""
    return ipaddress.IPv4Address(struct.pack("=I", int(text, 16)))


def _routes6(path: Path) -> Iterator[tuple[Network, str]]:
    """Every table: of IPv6 the kernel shows all in one."""
    with suppress(FileNotFoundError):  # a kernel without IPv6
        for line in path.read_text().splitlines():
            base, prefix, *_rest, flags, device = line.split()
            if device != LOOPBACK and not int(flags, 16) & (REJECT | LOCAL):
                address = ipaddress.IPv6Address(bytes.fromhex(base))
                network = ipaddress.IPv6Network((address, int(prefix, 16)), strict=False)
                yield network, f"on {device}"


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
    return Layer(name, False, f"a way out: {_few(found.words)}")


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
    known = [address for address in addresses if routed(address)]
    if not known and not found.outward:
        return Enclosure(("routes",), f"no route out of the network of {_few(others)}")
    asked = (*known, *by_chance(network for network, _where in found.outward))
    if all(refused(address) for address in asked):
        layers = ("filter",) if len(known) == len(addresses) else ("routes", "filter")
        return Enclosure(layers, "a packet filter refuses outside addresses")
    return Enclosure((), f"a way out: {_few(found.words or known)}")

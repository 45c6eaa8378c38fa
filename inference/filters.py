"""Whether a packet filter of this machine refuses what this process would send outside.

Asked without sending anything that could leave:

    IPv4    a datagram on a socket tied to the loopback device, where it ends if nobody
            refuses it
    IPv6    finds no route on that device. In its place a datagram to an address of this
            machine that others too could reach, which is delivered here, and one to a group
            that the kernel passes on by no device (ff01::/16, RFC 4291). Who refuses both is
            taken to refuse every address.

A filter that refuses some outside addresses is none: so addresses by chance are asked for,
of each route that leads outward and of all that anybody on the internet may have.
"""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
from collections.abc import Iterable

NOWHERE = 9  # port "discard": nothing that is sent there is meant for anybody
LOOPBACK = "lo"
EACH_FAMILY = 16  # addresses by chance of each family that has a route outward
ROUTES_MAX = 256  # routes of which an address is asked for; of more, as many by chance
DRAWN_MAX = 100  # draws for an address that anybody may have
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
_EVERYWHERE: dict[int, Network] = {
    4: ipaddress.ip_network("0.0.0.0/0"),
    6: ipaddress.ip_network("2000::/3"),  # all that is given to anybody (RFC 4291)
}
_chance = secrets.SystemRandom()


def inner(network: Network) -> bool:
    """Whether no router of the internet passes on what goes to any of its addresses."""
    return any(
        network.version == one.version and network.subnet_of(one)  # type: ignore[arg-type]
        for one in INNER
    )


def by_chance(outward: Iterable[Network]) -> tuple[str, ...]:
    """An address of each of these networks, and several of everywhere by each family."""
    networks = list(outward)
    versions = sorted({network.version for network in networks})
    if len(networks) > ROUTES_MAX:
        networks = _chance.sample(networks, ROUTES_MAX)
    everywhere = [_EVERYWHERE[version] for version in versions for _ in range(EACH_FAMILY)]
    return tuple(_ordinary(network) for network in (*networks, *everywhere))


def _ordinary(network: Network) -> str:
    """An address in it, one that anybody may have if one is found."""
    everywhere = _EVERYWHERE[network.version]
    if everywhere.subnet_of(network):  # type: ignore[arg-type]
        network = everywhere
    for _ in range(DRAWN_MAX):
        address = network[_chance.randrange(network.num_addresses)]
        if address.is_global and not (address.is_multicast or address.is_reserved):
            break
    return str(address)


def routed(address: str) -> bool:
    """Whether the kernel knows a way to `address`; nothing is sent."""
    return _source(address) is not None


def refused(address: str) -> bool:
    """Whether a filter refuses what is sent to `address`; what is sent cannot leave."""
    if ":" not in address:
        return _forbidden(address, tied=True)
    own = _source(address)
    if own is None or inner(ipaddress.ip_network(own)):  # tells of private networks only
        return False
    nobody = str(ipaddress.IPv6Address((0xFF01 << 112) | secrets.randbits(64)))
    return _forbidden(own, tied=False) and _forbidden(nobody, tied=False)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _source(towards: str) -> str | None:
    """The address from which this machine would send to `towards`; None where it cannot."""
    try:
        with socket.socket(_family(towards), socket.SOCK_DGRAM) as asking:
            asking.connect((towards, NOWHERE))
            return str(asking.getsockname()[0])
    except OSError:
        return None


def _forbidden(address: str, *, tied: bool) -> bool:
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as sending:
            if tied:
                device = LOOPBACK.encode() + b"\0"
                sending.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
                # Else the kernel itself refuses addresses of broadcast, by the same error.
                sending.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            try:
                sending.sendto(b"", (address, NOWHERE))
            except OSError as error:
                return error.errno in (errno.EPERM, errno.EACCES)
    except OSError:  # no such sockets, or none may be tied to a device: nothing was learnt
        return False
    return False

"""The egress canary: tries to get out, from inside the confinement of the worker that runs it.

It tries addresses that nobody has (documentation prefixes, RFC 5737 and 3849), the operator's
own canary hosts, and whatever proxies the environment names; by TCP, by UDP with a query of
DNS, by a name's resolution, by HTTP through a proxy (`attempts`). Only where a layer is seen to
be in force that keeps packets here (`confinement.enclosure`): elsewhere nothing is tried, and
it says so.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from inference.attempts import REACHED, Plan, Try, attempted
from inference.confinement import Enclosure, enclosure

PREFIXES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
HTTPS, DNS = 443, 53
HOSTS_MAX = 8
PROXIES_MAX = 4
TRIES_MAX = 2 * 2 * len(PREFIXES) + 3 * HOSTS_MAX + PROXIES_MAX
HOSTS_FILE = Path("/etc/hosts")

Host = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: `verdict` is confined, escaped or unconfined (nothing was tried)."""

    verdict: str
    enclosure: Enclosure
    tries: tuple[Try, ...] = ()

    @property
    def reached(self) -> list[str]:
        """The tries that got out, as in `tcp 192.0.2.1:443`."""
        return [f"{one.how} {one.to}" for one in self.tries if one.outcome == REACHED]


class HostRefused(Exception):
    """Text that is no list of hosts and ports. The message says what it may be."""


def hosts(text: str) -> tuple[Host, ...]:
    """`host:port` with commas between, at most eight; raises `HostRefused`."""
    found = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        try:
            parts = urlsplit(f"//{one}")
            well = parts.hostname and parts.port and not (parts.path or parts.query)
        except ValueError:
            well = False
        if not well or "@" in one:
            raise HostRefused(
                f"{one[:80]!r} is no host with a port, as in canary.example.org:443 or"
                " [2001:db8::1]:443."
            )
        found.append((str(parts.hostname), int(parts.port or 0)))
    if len(found) > HOSTS_MAX:
        raise HostRefused(f"There are {len(found)} hosts; at most {HOSTS_MAX} are tried.")
    return tuple(found)


def proxies(variables: Mapping[str, str] = os.environ) -> tuple[Host, ...]:
    """The proxies that the environment names, without user and password; at most four."""
    found: dict[Host, None] = {}
    for name in PROXIES:
        for value in (variables.get(name, ""), variables.get(name.upper(), "")):
            try:
                parts = urlsplit(value if "://" in value else f"//{value}")
                if parts.hostname:
                    found[parts.hostname, parts.port or 80] = None
            except ValueError:
                continue
    return tuple(found)[:PROXIES_MAX]


def addresses() -> tuple[str, ...]:
    """Of each documentation prefix the first address and one by chance."""
    found = []
    for prefix in PREFIXES:
        network = ipaddress.ip_network(prefix)
        chance = 2 + secrets.randbelow(min(network.num_addresses, 2**32) - 3)
        found += [str(network[1]), str(network[chance])]
    return tuple(found)


def run(given: Sequence[Host] = (), through: Sequence[Host] = ()) -> Outcome:
    """Try all of it, where that is safe. Takes at most `PATIENCE` seconds."""
    outside = addresses()
    around = enclosure(outside)
    if not around.holds:
        return Outcome("unconfined", around)
    plans = [plan for address in outside for plan in _direct(address, HTTPS, DNS)]
    plans += [plan for host in given[:HOSTS_MAX] for plan in _of_host(*host)]
    plans += [Plan("http", *proxy) for proxy in through[:PROXIES_MAX]]
    tries = attempted(plans)
    got_out = any(one.outcome == REACHED for one in tries)
    return Outcome("escaped" if got_out else "confined", around, tries)


def _direct(address: str, tcp: int, udp: int) -> list[Plan]:
    return [Plan("tcp", address, tcp), Plan("udp", address, udp)]


def _of_host(host: str, port: int) -> list[Plan]:
    """A host given by name is looked up too: a query that is passed on is a way out."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        known = _from_file(host)
        if not known:
            return [Plan("name", host, port), Plan("tcp", host, port)]
        return _direct(known, port, port)
    return _direct(host, port, port)


def _from_file(host: str) -> str:
    """The address that this machine's own file gives to a name, if any."""
    try:
        lines = HOSTS_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if host in (name.lower() for name in names):
            return address
    return ""

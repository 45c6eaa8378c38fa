"""The canary tries only where nothing can leave, and tells what it reached and what it did not.

Every run is in a network namespace of its own; what leaves it is seen on a wire there.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from inference import attempts, canary, confinement
from tests.inference.namespaces import inside, need


@pytest.fixture
def namespace():
    need("namespace")


@pytest.fixture
def filtering(namespace):
    need("filter")


def outcomes(told: dict[str, Any]) -> set[str]:
    return {one["outcome"] for one in told["tries"]}


@pytest.mark.usefixtures("namespace")
def test_where_only_loopback_exists_it_tries_everything_and_reaches_nothing():
    told = inside("alone")
    assert (told["verdict"], told["enclosure"]["layers"]) == ("confined", ["devices"])
    tried = {(one["how"], one["to"]) for one in told["tries"]}
    for address in ("192.0.2.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]"):
        assert {("tcp", f"{address}:443"), ("udp", f"{address}:53")} <= tried
    assert ("name", "canary.example.org") in tried
    assert {("tcp", "198.51.100.7:99"), ("udp", "198.51.100.7:99")} <= tried
    assert len(tried) == 20
    assert outcomes(told) == {"unreachable", "unanswered"}  # nobody resolves the name
    assert {one["error"] for one in told["tries"] if one["how"] == "tcp"} <= {
        *("ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EAI_AGAIN", "EAI_NONAME"),
        "no answer in time",
    }


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    ("how", "reached"),
    [
        ("tcp", "tcp 192.0.2.1:443"),
        ("udp", "udp 192.0.2.1:53"),
        ("proxied", "http 127.0.0.1:3128"),
    ],
)
def test_whoever_answers_outside_is_a_way_out(how, reached):
    told = inside(how)
    assert told["verdict"] == "escaped"
    assert reached in told["reached"]


@pytest.mark.usefixtures("namespace")
def test_a_proxy_that_is_named_and_not_there_is_no_way_out():
    assert "http 127.0.0.1:3129" not in inside("proxied")["reached"]


@pytest.mark.usefixtures("namespace")
def test_the_wire_sees_what_leaves():
    assert inside("seen")["left"] == ["192.0.2.9", "2001:db8::9"]


@pytest.mark.usefixtures("namespace")
def test_a_network_without_a_route_out_is_an_enclosure():
    told = inside("internal")
    assert (told["verdict"], told["enclosure"]["layers"]) == ("confined", ["routes"])
    assert len(told["tries"]) == 16
    assert outcomes(told) == {"unreachable"}
    assert told["left"] == []


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    "how", ["default", "default6", "halves", "elsewhere", "table", "local", "deaf"]
)
def test_where_there_is_any_way_out_nothing_is_tried_and_nothing_leaves(how):
    held_by_nothing(inside(how))


@pytest.mark.usefixtures("filtering")
@pytest.mark.parametrize("how", ["documentation", "one family", "private", "neighbours"])
def test_a_filter_that_refuses_only_some_outside_addresses_is_no_enclosure(how):
    held_by_nothing(inside(how))


def held_by_nothing(told: dict[str, Any]) -> None:
    assert (told["verdict"], told["enclosure"]["layers"]) == ("unconfined", [])
    assert told["enclosure"]["text"].startswith("a way out: ")
    assert told["tries"] == told["left"] == []


@pytest.mark.usefixtures("filtering")
def test_a_filter_of_the_kernel_on_the_group_of_processes_is_an_enclosure():
    told = inside("filtered")
    assert (told["verdict"], told["enclosure"]["layers"]) == ("confined", ["filter"])
    found = {(one["how"], one["outcome"]) for one in told["tries"]}
    assert found == {("udp", "refused"), ("tcp", "unanswered")}
    assert told["left"] == []


def test_each_run_tries_another_address_of_every_prefix():
    several = [canary.addresses() for _ in range(20)]
    assert all(one[::2] == several[0][::2] for one in several)
    assert len({one[1::2] for one in several}) > 1
    assert max(len(one) for one in several) == 2 * len(canary.PREFIXES)


def test_all_tries_together_are_bounded(monkeypatch):
    never = 60.0
    monkeypatch.setattr(attempts, "PATIENCE", 0.05)
    monkeypatch.setattr(attempts, "TIMEOUT", never)
    plans = [attempts.Plan("silent", "192.0.2.1", number) for number in range(40)]
    waiting = threading.Event()
    monkeypatch.setitem(
        attempts._KINDS, "silent", lambda _host, _port: (str(waiting.wait(never)), "")
    )
    found = attempts.attempted(plans)
    waiting.set()
    assert {one.outcome for one in found} == {"unanswered"}
    assert len(found) == 40


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("canary.example.org:443", (("canary.example.org", 443),)),
        ("10.0.0.1:53, [2001:db8::1]:443", (("10.0.0.1", 53), ("2001:db8::1", 443))),
    ],
)
def test_canary_hosts_are_read(text, found):
    assert canary.hosts(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "canary.example.org",
        "https://x.org:443",
        "x:0",
        "x:99999",
        "u:p@x:80",
        "x:80/path",
        ":80",
    ],
)
def test_what_is_no_host_with_a_port_is_refused(text):
    with pytest.raises(canary.HostRefused, match="host with a port"):
        canary.hosts(text)


def test_more_hosts_than_a_run_may_try_are_refused():
    with pytest.raises(canary.HostRefused, match="at most 8"):
        canary.hosts(",".join(f"10.0.0.{n}:80" for n in range(9)))


def test_proxies_are_taken_from_every_variable_without_their_password():
    given = {
        "http_proxy": "http://user:hunter2@proxy.example.org:3128",
        "HTTPS_PROXY": "proxy.example.org:3128",
        "all_proxy": "socks5://10.0.0.9:1080",
        "FTP_PROXY": "http://[broken",
        "no_proxy": "localhost",
    }
    assert canary.proxies(given) == (("proxy.example.org", 3128), ("10.0.0.9", 1080))


HEADER = "Inter-|   Receive\n face |bytes\n"
ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ZERO = "0" * 32


def process(
    folder: Path, devices: str, routes: str = "", routes6: str = "", trie: str = ""
) -> Path:
    """What the kernel shows of process 7."""
    net = folder / "7" / "net"
    net.mkdir(parents=True)
    lines = "".join(f"{name}: 0 0\n" for name in devices.split())
    net.joinpath("dev").write_text(HEADER + lines)
    net.joinpath("route").write_text(ROUTES + routes)
    net.joinpath("ipv6_route").write_text(routes6)
    net.joinpath("fib_trie").write_text(trie + TABLES)
    return folder


PRIVATE = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
DEFAULT = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
DEFAULT6 = f"{ZERO} 00 {ZERO} 00 fe80{ZERO[4:]} 00000400 3 0 00000003     eth0\n"
REFUSING6 = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 1 0 00200200       lo\n"
OWN6 = f"20010db8{ZERO[8:]} 80 {ZERO} 00 {ZERO} 00000000 4 0 80200001     eth0\n"


TABLES = """Local:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 127.255.255.255
        /32 link BROADCAST
"""
VPN = """Id 52:
  +-- 8.0.0.0/7 2 0 2
     |-- 8.8.0.0
        /16 link UNICAST
     |-- 9.9.0.0
        /16 universe UNREACHABLE
"""


@pytest.mark.parametrize(
    ("shown", "holds", "text"),
    [
        (("lo",), True, "only a loopback device"),
        (("lo ifb0",), True, "no route"),
        (("lo eth0", PRIVATE, REFUSING6 + OWN6), True, "no way out of the network of eth0"),
        (("lo eth0", PRIVATE + DEFAULT), False, "a way out: 0.0.0.0/0 on eth0"),
        (("lo eth0", PRIVATE, DEFAULT6), False, "a way out: ::/0 on eth0"),
        (("lo eth0", PRIVATE, "", VPN), False, "a way out: 8.8.0.0/16 in table 52"),
    ],
)
def test_doctor_sees_a_way_out_by_either_family_and_in_every_table(
    tmp_path, monkeypatch, shown, holds, text
):
    monkeypatch.setattr(confinement, "PROC", process(tmp_path, *shown))
    layer = confinement.of_process(7)[0]
    assert (layer.holds, layer.text) == (holds, text)

"""P1: the whole flow where nothing but loopback exists, watched by the kernel's trace.

The appliance and everything it starts run under `strace -f`: it sees what any library,
thread or child asks of the kernel, which a hook in Python does not.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from inference import canary
from tests.services.appliance import BASE

FAMILY = re.compile(r"sa_family=(\w+)")
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
SOCKET = re.compile(r"socket\((\w+), ([\w|]+)")
REFUSED = " = -1 ENETUNREACH (Network is unreachable)"
LOCAL = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}
# AF_NETLINK talks to the kernel: libc asks it for the machine's own addresses.
# AF_UNSPEC in connect() undoes an earlier connect() of a datagram socket.


@dataclass(frozen=True, slots=True)
class Seen:
    """What happened inside, and each process's system calls on sockets."""

    told: dict[str, Any]
    calls: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    for tool in ("strace", "unshare"):
        if shutil.which(tool) is None:
            pytest.skip(f"NOT TESTED: that nothing leaves. It needs {tool}.")
    folder = tmp_path_factory.mktemp("isolated")
    trace = folder / "trace"
    rights = "-n" if os.geteuid() == 0 else "-rn"
    result = subprocess.run(
        ["unshare", rights, sys.executable, "-m", "tests.promises.inside",
         str(folder / "data"), str(trace)],
        cwd=BASE, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    calls = [
        line
        for path in sorted(folder.glob("trace.*"))
        for line in path.read_text(errors="replace").splitlines()
    ]
    return Seen(json.loads(result.stdout.splitlines()[-1]), calls)


def test_the_whole_flow_works_where_only_loopback_exists(seen: Seen):
    assert seen.told["interfaces"] == ["lo"]
    assert seen.told["outside"] == "Network is unreachable"
    assert seen.told["finish"] in ("stop", "length")
    assert seen.told["chunks"] > 3
    assert seen.told["console"] == 200
    assert seen.told["processes"] >= 7  # up, broker, notary, worker, engine, web, detector


def outside(call: str) -> bool:
    """Whether a system call names an address that is neither local nor loopback."""
    family = FAMILY.search(call)
    if family is None or family[1] in LOCAL:
        return False
    address = ADDRESS.search(call)
    if address is None:
        return True
    return not ipaddress.ip_address(address[1] or address[2]).is_loopback


def tried(call: str) -> bool:
    """Whether a call is a try of the node's canary, and the kernel refused it.

    It names addresses that nobody has; from here there is no way to them.
    """
    address = ADDRESS.search(call)
    if address is None or not call.startswith("connect("):
        return False
    found = ipaddress.ip_address(address[1] or address[2])
    nobodys = any(found in ipaddress.ip_network(prefix) for prefix in canary.PREFIXES)
    return nobodys and call.endswith(REFUSED)


def test_no_process_names_an_address_outside_loopback_and_unix_sockets(seen: Seen):
    assert len(seen.calls) > 500, "the trace is too short to have seen the flow"
    assert any("127.0.0.1" in call for call in seen.calls), "the trace saw no loopback address"
    assert [call for call in seen.calls if outside(call) and not tried(call)] == []


def test_the_canary_tried_to_get_out_and_the_kernel_refused_each_try(seen: Seen):
    tries = [call for call in seen.calls if tried(call)]
    assert len(tries) >= 16
    assert {prefix for prefix in ("192.0.2.1", "2001:db8::1") if prefix in "".join(tries)} == {
        "192.0.2.1",
        "2001:db8::1",
    }


def test_no_process_opens_a_socket_of_another_kind(seen: Seen):
    kinds = {match.groups() for call in seen.calls if (match := SOCKET.search(call))}
    assert {family for family, _ in kinds} <= {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}
    assert not [kind for kind in kinds if "SOCK_RAW" in kind[1] and kind[0] != "AF_NETLINK"]
    rings = [call for call in seen.calls if call.startswith("io_uring_setup")]
    assert [ring for ring in rings if "ENOSYS" not in ring] == [], "the trace missed calls"


def _call(name: str, family: str, address: str) -> str:
    return f"{name}(3, {{sa_family={family}, {address}}}, 28) = 0"


@pytest.mark.parametrize(
    ("call", "leaves"),
    [
        (_call("connect", "AF_INET", 'sin_addr=inet_addr("192.0.2.1")'), True),
        (_call("sendto", "AF_INET", 'sin_addr=inet_addr("10.0.0.1")'), True),
        (_call("bind", "AF_INET", 'sin_addr=inet_addr("0.0.0.0")'), True),
        (_call("bind", "AF_INET", 'sin_addr=inet_addr("127.0.0.1")'), False),
        (_call("connect", "AF_INET6", 'inet_pton(AF_INET6, "2001:db8::1", &sin)'), True),
        (_call("connect", "AF_INET6", 'inet_pton(AF_INET6, "::1", &sin)'), False),
        (_call("connect", "AF_PACKET", "sll_protocol=0"), True),
        (_call("connect", "AF_UNIX", 'sun_path="/run/broker.sock"'), False),
    ],
)
def test_the_judgement_of_a_call_is_right(call: str, leaves: bool):
    assert outside(call) is leaves


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ('connect(9, {sa_family=AF_INET, sin_addr=inet_addr("192.0.2.9")}, 16)', True),
        ('connect(9, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::9", &s)}, 28)', True),
        ('connect(9, {sa_family=AF_INET, sin_addr=inet_addr("8.8.8.8")}, 16)', False),
        (
            'sendto(9, "", 0, 0, {sa_family=AF_INET, sin_addr=inet_addr("192.0.2.9")}, 16)',
            False,
        ),
    ],
)
def test_only_a_refused_try_of_nobodys_address_is_the_canarys(call: str, refused: bool):
    assert tried(f"{call}{REFUSED}") is refused
    assert not tried(f"{call} = -1 EINPROGRESS (Operation now in progress)")
    assert not tried(f"{call} = 0")

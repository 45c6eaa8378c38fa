"""Containers, units and NetworkPolicies let the same roles talk to each other, no others."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from tests.docker.test_compose import project
from tests.docker.test_units import UNITS, values
from tests.docker.tool import DOCKER, load

__all__ = ["project"]

reach = load("reach")
TABLE: Mapping[str, Any] = reach.read()
POLICIES = DOCKER / "kubernetes" / "network-policies.yaml"
OUTSIDE = "outside"
UNIT_OF = {"web": "web@", "notary": "notary", "records": "records", "worker": "worker"}
SERVER = {"postgres": "postgresql.service", "broker": "valkey-server.service"}
SECRET = {"postgres": "database_url", "broker": "broker_url"}

Allowed = set[tuple[str, str, int]]


def wanted() -> Allowed:
    """Caller, called and port of every connection that the table allows."""
    found = {(name, to, port) for name, role in TABLE.items() for to, port in role.to.items()}
    outside = {
        (OUTSIDE, name, role.from_outside)
        for name, role in TABLE.items()
        if role.from_outside is not None
    }
    return found | outside


def listeners() -> set[str]:
    return {called for _, called, _ in wanted()}


# --- Containers ---------------------------------------------------------------------------


def faults_of_networks(project: Mapping[str, Any]) -> list[str]:
    """Where containers can reach each other and the table knows nothing of it, or cannot.

    A network knows no direction and no port: who listens is reached by all who share one.
    """
    pairs = {frozenset(pair[:2]) for pair in wanted() if OUTSIDE not in pair}
    members: dict[str, set[str]] = {}
    for name, service in project["services"].items():
        for network in service["networks"]:
            members.setdefault(network, set()).add(name)
    together = {
        frozenset((one, other))
        for these in members.values()
        for one in these
        for other in these
        if one < other
    }
    idle = {pair for pair in together if not pair & listeners()}
    found = [f"share a network: {sorted(pair)}" for pair in together - pairs - idle]
    found += [f"share no network: {sorted(pair)}" for pair in pairs - together]
    return found


def test_containers_share_networks_as_the_table_says(project):
    assert set(project["services"]) == set(TABLE)
    assert faults_of_networks(project) == []


@pytest.mark.parametrize(
    ("service", "networks"),
    [
        ("worker", ["relay-web"]),  # it would reach the gateway
        ("worker", ["relay", "record"]),
        ("records", ["record-web", "relay"]),
        ("web", ["hall", "relay-web"]),  # it would not reach the database
        ("entrance", ["door", "hall", "outside"]),
        ("tls", ["door", "hall", "relay"]),
    ],
)
def test_a_container_on_a_wrong_network_is_seen(project, service, networks):
    changed = copy.deepcopy(project)
    changed["services"][service]["networks"] = dict.fromkeys(networks)
    assert faults_of_networks(changed) != []


def test_each_server_listens_where_the_table_says(project):
    ports = {name: port for _, name, port in wanted()}
    assert project["services"]["web"]["environment"]["DOMICILE_PORT"] == str(ports["web"])
    assert f"bind :{ports['tls']} " in (DOCKER / "tls" / "haproxy.cfg").read_text()
    assert f" web:{ports['web']} " in (DOCKER / "tls" / "haproxy.cfg").read_text()
    assert f" tls:{ports['tls']} " in (DOCKER / "entrance" / "haproxy.cfg").read_text()
    assert f"\nport {ports['broker']}\n" in (DOCKER / "broker" / "valkey.conf").read_text()
    secrets = (DOCKER / "secrets.sh").read_text()
    assert set(re.findall(r"@postgres:(\d+)", secrets)) == {str(ports["postgres"])}
    assert set(re.findall(r"@broker:(\d+)", secrets)) == {str(ports["broker"])}
    (published,) = project["services"]["entrance"]["ports"]
    assert published["target"] == TABLE["entrance"].from_outside


def test_who_has_a_servers_password_may_call_it_and_nobody_else(project):
    for name, service in project["services"].items():
        secrets = {secret["source"] for secret in service.get("secrets", [])}
        for server, secret in SECRET.items():
            has = any(one.startswith(secret) for one in secrets)
            has = has or (name == "roles" and server == "postgres")  # by the owner's password
            assert has is (server in TABLE[name].to), f"{name}: {server}"


# --- Units --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", UNIT_OF)
def test_a_unit_reaches_this_machine_only_and_waits_for_what_it_calls(role):
    (unit,) = (one for one in UNITS if one.name == f"domicile-{UNIT_OF[role]}.service")
    assert values(unit, "IPAddressDeny") == ["any"]
    assert values(unit, "IPAddressAllow") == ["localhost"]
    after = set(values(unit, "After")) & set(SERVER.values())
    assert after == {SERVER[name] for name in TABLE[role].to}
    given = {one.split(":")[0] for one in values(unit, "LoadCredential")}
    assert given == {SECRET[name] for name in TABLE[role].to}


def test_every_unit_is_of_a_role_of_the_table():
    assert {f"domicile-{name}.service" for name in UNIT_OF.values()} == {u.name for u in UNITS}


# --- NetworkPolicies ----------------------------------------------------------------------


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(POLICIES.read_text()))


def allowed(policies: list[dict[str, Any]]) -> Allowed:
    """What a network plugin lets pass: ports of 1 to 65535 where a rule names none.

    A connection passes if the caller's pod may send it and the called one's receive it; a pod
    that no policy selects may do everything.
    """
    names = [*TABLE, OUTSIDE]
    ports = {port for _, _, port in wanted()} | {53, 443}
    return {
        (caller, called, port)
        for caller in names
        for called in names
        for port in ports
        if caller != called
        and _passes(policies, caller, called, port, ("Egress", "to"))
        and _passes(policies, called, caller, port, ("Ingress", "from"))
    }


def _passes(
    policies: list[dict[str, Any]], pod: str, peer: str, port: int, way: tuple[str, str]
) -> bool:
    kind, member = way
    if pod == OUTSIDE:
        return True
    mine = [
        one["spec"]
        for one in policies
        if kind in one["spec"]["policyTypes"] and _selects(one["spec"]["podSelector"], pod)
    ]
    rules = [rule for spec in mine for rule in spec.get(kind.lower(), [])]
    return not mine or any(
        _names(rule.get(member, []), peer) and _opens(rule.get("ports", []), port)
        for rule in rules
    )


def _selects(selector: Mapping[str, Any], pod: str) -> bool:
    return all(
        (label, value) == (reach.ROLE, pod)
        for label, value in selector.get("matchLabels", {}).items()
    )


def _names(peers: list[dict[str, Any]], peer: str) -> bool:
    return not peers or any(
        "ipBlock" in one or (peer != OUTSIDE and _selects(one["podSelector"], peer))
        for one in peers
    )


def _opens(ports: list[dict[str, Any]], port: int) -> bool:
    return not ports or any(one["port"] == port for one in ports)


def test_the_network_policies_are_written_from_the_table():
    assert POLICIES.read_text() == "---\n".join(reach.policies(TABLE)), (
        "python docker/reach.py > docker/kubernetes/network-policies.yaml"
    )


def test_the_network_policies_let_pass_what_the_table_allows_and_nothing_else():
    policies = documents()
    assert {one["kind"] for one in policies} == {"NetworkPolicy"}
    assert {one["metadata"]["namespace"] for one in policies} == {"domicile"}
    assert allowed(policies) == wanted()


def _of(policies: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (one["spec"] for one in policies if one["metadata"]["name"] == name)
    spec: dict[str, Any] = found
    return spec


PLANTED: Mapping[str, Callable[[list[dict[str, Any]]], object]] = {
    "egress to anybody": lambda all_: _of(all_, "worker")["egress"].append({}),
    "name servers": lambda all_: _of(all_, "worker")["egress"].append(
        {"ports": [{"port": 53}]}
    ),
    "an address outside": lambda all_: _of(all_, "web")["egress"].append(
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}
    ),
    "no port named": lambda all_: [
        rule.pop("ports")
        for name, kind in (("notary", "egress"), ("postgres", "ingress"))
        for rule in _of(all_, name)[kind]
    ],
    "ingress only": lambda all_: [one["spec"].update(policyTypes=["Ingress"]) for one in all_],
    "a way less": lambda all_: _of(all_, "tls")["egress"].clear(),
    "another role": lambda all_: _of(all_, "worker")["podSelector"]["matchLabels"].update(
        {reach.ROLE: "web"}
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_in_the_network_policies_is_seen(fault):
    policies = documents()
    PLANTED[fault](policies)
    assert allowed(policies) != wanted()


def test_a_table_that_names_a_stranger_or_another_member_is_refused(tmp_path):
    table = tmp_path / "reach.toml"
    for text in ('[web]\nto = ["nobody:1"]\n', "[web]\nto = []\nports = [1]\n", "[web]\n"):
        table.write_text(text)
        with pytest.raises(reach.ReachRefused):
            reach.read(table)

# ruff: noqa: INP001 - a script, not part of a package
"""Writes the NetworkPolicies of Kubernetes from reach.toml: who may talk to whom.

    python docker/reach.py > docker/kubernetes/network-policies.yaml

Standard library only. Everything is denied first, in both directions; then each role gets what
the table gives it. There is no rule for name servers: who may ask one can carry data out in
its questions. Give the roles addresses, as in `DOMICILE_DATABASE_URL`, or `hostAliases`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROLE = "domicile.example/role"
"""The label by which a pod says which role it is."""

HEAD = f"""\
# Written by docker/reach.py from docker/reach.toml; change that and write this anew.
#
# For the namespace `domicile`, in which nothing else should run. Each pod has the label
# {ROLE}. They hold only where the cluster's network plugin enforces NetworkPolicies;
# some do not, and none says so.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: nothing
  namespace: domicile
spec:
  podSelector: {{}}
  policyTypes: [Ingress, Egress]
"""
OF_A_ROLE = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}
  namespace: domicile
spec:
  podSelector:
    matchLabels: {{{label}: {name}}}
  policyTypes: [Ingress, Egress]
"""


@dataclass(frozen=True, slots=True)
class Role:
    """Whom a role may call, by name and port; the port on which callers outside reach it."""

    to: Mapping[str, int]
    from_outside: int | None = None


class ReachRefused(Exception):
    """The table says what cannot be. The message names the role."""


def read(path: Path = HERE / "reach.toml") -> Mapping[str, Role]:
    """The table, by role; raises `ReachRefused`."""
    found = {}
    for name, given in tomllib.loads(path.read_text()).items():
        if set(given) - {"to", "from_outside"} or "to" not in given:
            raise ReachRefused(f"{name} has other members than `to` and `from_outside`.")
        called = [one.partition(":") for one in given["to"]]
        to = {role: int(port) for role, _, port in called}
        found[name] = Role(to, given.get("from_outside"))
    for name, role in found.items():
        if strangers := set(role.to) - set(found):
            raise ReachRefused(f"{name} may call {', '.join(strangers)}, which is no role.")
    return found


def policies(reach: Mapping[str, Role]) -> Iterator[str]:
    """The documents, one for each role, after the one that denies everything."""
    yield HEAD
    for name, role in reach.items():
        callers = {one: other.to[name] for one, other in reach.items() if name in other.to}
        rules = (
            *_rules("ingress", "from", callers, role.from_outside),
            *_rules("egress", "to", role.to),
        )
        yield OF_A_ROLE.format(label=ROLE, name=name) + "".join(rules)


def _rules(
    kind: str, member: str, peers: Mapping[str, int], anybody: int | None = None
) -> Iterator[str]:
    if not peers and anybody is None:
        yield f"  {kind}: []\n"
        return
    yield f"  {kind}:\n"
    for peer, port in peers.items():
        yield (
            f"    - {member}:\n        - podSelector:\n            matchLabels: "
            f"{{{ROLE}: {peer}}}\n      ports: [{{protocol: TCP, port: {port}}}]\n"
        )
    if anybody is not None:
        yield f"    - ports: [{{protocol: TCP, port: {anybody}}}]\n"


def main() -> None:
    """Print them."""
    sys.stdout.write("---\n".join(policies(read())))


if __name__ == "__main__":
    main()

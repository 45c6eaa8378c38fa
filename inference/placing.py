"""Which nodes of a site are to serve a model. Pure: nothing is asked or stored here.

What is placed stays where it still can be, so that a change moves as little as possible. What
is missing is filled with the nodes that are the surest and have the least to do. The same
facts always give the same nodes, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from inference.room import Need, room


class Chance(IntEnum):
    """How sure it is that a node can serve a model, from the surest on."""

    SURE = 0
    UNKNOWN = 1  # the node says nothing, or has no GPU for a model that asks for one
    NONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A deployment. `among` are the nodes that serve an adapter's base; None: any will do."""

    digest: str
    engine: str
    replicas: int
    need: Need
    among: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a node lately said of itself. Memory in bytes.

    `files` are the digests of models that lie there; not `whole` where there may be more.
    """

    files: frozenset[str]
    whole: bool = True
    engines: frozenset[str] = frozenset()
    gpus: tuple[int, ...] = ()
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A node of the site.

    `serves` is what other models placed there take, by name. `said` is None where the node is
    silent, or does not say what lies there.
    """

    name: str
    open: bool = True
    said: Said | None = None
    serves: Mapping[str, Need] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A node that serves it now; not `active`: a person keeps it from that.

    `named`: a person names it in this moment, so of too many it stays before all others.
    """

    node: str
    pinned: bool = False
    active: bool = True
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Names of nodes. `missing` replicas can be placed nowhere."""

    stay: tuple[str, ...]
    add: tuple[str, ...]
    drop: tuple[str, ...]
    missing: int


def plan(wanted: Wanted, placed: Iterable[Placed], machines: Iterable[Machine]) -> Plan:
    """What is to serve, given what does. `machines` are all nodes of the deployment's site."""
    known = {one.name: one for one in machines}
    held = [one for one in placed if one.active]
    kept_off = {one.node for one in placed if not one.active}
    valid = [one for one in held if one.pinned or _may_stay(wanted, known.get(one.node))]
    best = sorted(valid, key=lambda one: _surplus_order(wanted, one, known.get(one.node)))
    stay = {one.node for one in best[: wanted.replicas]}
    free = [
        one
        for name, one in known.items()
        if name not in stay | kept_off and chance(wanted, one) < Chance.NONE
    ]
    free.sort(key=lambda one: (chance(wanted, one), len(one.serves), one.name))
    add = [one.name for one in free[: wanted.replicas - len(stay)]]
    return Plan(
        stay=tuple(sorted(stay)),
        add=tuple(sorted(add)),
        drop=tuple(sorted({one.node for one in held} - stay)),
        missing=wanted.replicas - len(stay) - len(add),
    )


def chance(wanted: Wanted, machine: Machine) -> Chance:
    """Whether a node that does not serve it yet could."""
    if not machine.open or not _beside_base(wanted, machine):
        return Chance.NONE
    said = machine.said
    if said is None:
        return Chance.UNKNOWN
    if said.engines and wanted.engine not in said.engines:
        return Chance.NONE
    fits = room(wanted.need, machine.serves.values(), said.gpus, said.memory)
    if fits is False:
        return Chance.NONE
    files = _files(wanted, machine)
    return max(files, Chance.SURE if fits else Chance.UNKNOWN)


def lacking(
    wanted: Wanted, placed: Iterable[Placed], machines: Iterable[Machine], site: str
) -> str:
    """Why replicas are missing, and what helps, as the end of a sentence; empty: none is."""
    here = list(placed)
    if plan(wanted, here, machines := list(machines)).missing <= 0:
        return ""
    taken = {one.node for one in here}
    rest = [one for one in machines if one.name not in taken]
    node = f"no {'other ' if taken else ''}node of {site}"
    if not rest:
        return f"{site} has no {'other ' if taken else ''}node{_but(here)}"
    rest = [one for one in rest if one.open]
    if not rest:
        return f"{node} is open for requests"
    rest = [one for one in rest if _beside_base(wanted, one)]
    if not rest:
        return f"{node} serves the model that it is an adapter of"
    rest = [one for one in rest if _files(wanted, one) < Chance.NONE]
    if not rest:
        return f"{node} has the files; bring them with `models place`"
    return f"{node} that has the files has room for it and its engine"


def idle(
    wanted: Wanted, placed: Iterable[Placed], machines: Iterable[Machine]
) -> dict[str, str]:
    """Why nodes that it is placed on do not serve it, in words after a node's name."""
    known = {one.name: one for one in machines}
    found = {}
    for name in sorted(one.node for one in placed if one.active):
        machine = known.get(name)
        if machine is None or not machine.open:
            found[name] = "is closed or switched off"
        elif not _beside_base(wanted, machine):
            found[name] = "does not serve the model that it is an adapter of"
        elif _files(wanted, machine) is Chance.NONE:
            found[name] = "says that its files are not there"
    return found


def _but(placed: Iterable[Placed]) -> str:
    kept_off = ", ".join(sorted(one.node for one in placed if not one.active))
    if not kept_off:
        return "; enrol one"
    return (
        f", and a person keeps {kept_off} from it; activate the placement in the console, or "
        "enrol a node"
    )


def _beside_base(wanted: Wanted, machine: Machine) -> bool:
    return wanted.among is None or machine.name in wanted.among


def _files(wanted: Wanted, machine: Machine) -> Chance:
    """Whether its files lie on a node, as the node says."""
    if machine.said is None:
        return Chance.UNKNOWN
    if wanted.digest in machine.said.files:
        return Chance.SURE
    return Chance.NONE if machine.said.whole else Chance.UNKNOWN


def _may_stay(wanted: Wanted, machine: Machine | None) -> bool:
    """Room is not asked: it was there, or the operator sees that it is not."""
    return (
        machine is not None
        and machine.open
        and _beside_base(wanted, machine)
        and _files(wanted, machine) < Chance.NONE
    )


def _surplus_order(
    wanted: Wanted, placed: Placed, machine: Machine | None
) -> tuple[bool, bool, Chance, int, str]:
    """What stays comes first: where a person wants it, the files are, and little else is."""
    files, busy = Chance.NONE, 0
    if machine is not None and machine.open:
        files, busy = _files(wanted, machine), len(machine.serves)
    return not placed.named, not placed.pinned, files, busy, placed.node

"""What a run of chaos does, all of it decided by one seed before anything starts."""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass

ROLES = ("web", "node", "worker", "engine", "notary", "broker")
PAUSE = (0.1, 1.5)  # seconds
IN_RECOVERY = 0.25  # share of the kills that do not wait for the appliance to answer again
KILLS = 10  # each role once at least; `make soak` has the long form
SOAK_KILLS = 200
SEED = 2  # of each short run: what was green once shall not be red by another draw


@dataclass(frozen=True, slots=True)
class Kill:
    """`kill -9` of a process of `role`.

    It comes `delay` seconds after the appliance answered calls again, or, where it does not
    wait for that, after the process killed before was replaced: in the midst of its recovery.
    """

    role: str
    delay: float
    recovered: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the load. The client hangs up after `leave_after` chunks, if at all."""

    words: tuple[str, ...]
    tokens: int
    stream: bool
    leave_after: int | None


WORDS = ("harbour", "lantern", "meadow", "granite", "violin", "orchard", "compass", "thimble")


def seed() -> int:
    """`DOMICILE_SEED`, which replays a run, or the one of all short runs."""
    return _given(SEED)


def fresh_seed() -> int:
    """`DOMICILE_SEED`, which replays a run, or another each time, as long runs have it."""
    return _given(secrets.randbelow(2**32))


def _given(otherwise: int) -> int:
    given = os.environ.get("DOMICILE_SEED", "")
    return int(given) if given else otherwise


def kills(seed: int, count: int) -> list[Kill]:
    """`count` kills; each run of six touches every role once, in a random order."""
    source = random.Random(f"{seed}/kills")
    order: list[str] = []
    while len(order) < count:
        order += source.sample(ROLES, len(ROLES))
    return [
        Kill(role, round(source.uniform(*PAUSE), 3), source.random() >= IN_RECOVERY)
        for role in order[:count]
    ]


class Calls:
    """The endless sequence of calls that caller number `caller` makes."""

    def __init__(self, seed: int, caller: int) -> None:
        self._source = random.Random(f"{seed}/calls/{caller}")

    def next(self) -> Call:
        source = self._source
        stream = source.random() < 0.6
        leaves = stream and source.random() < 0.2
        return Call(
            words=tuple(source.sample(WORDS, 3)),
            tokens=source.choice((1, 4, 12, 24)),
            stream=stream,
            leave_after=source.randint(1, 4) if leaves else None,
        )

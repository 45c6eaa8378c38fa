"""From what people signed to the version that counts: pure, so that anybody can do it again.

The chain begins with the one version that the installer signed. After a version comes the one
that names its digest as `previous`, whose signatures hold, and whose time has come: one that
two people signed, or one that one person signed and that only tightens. Of two that would take
the same place, the earlier does, and the later is overtaken for good: a version approved for
tomorrow does not undo what was tightened today.

Anything that claims to count and does not hold is a fault, and with a fault nothing counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from compliance.policy.rules import Policy, PolicyRefused, parse
from compliance.policy.tightening import tightens
from compliance.versions.certificates import Certified, Key, certified
from compliance.versions.hearing import Row, Unheard, Version, hear
from compliance.versions.statements import plain

PROPOSED = "proposed"
SCHEDULED = "scheduled"
ACTIVE = "active"
SUPERSEDED = "superseded"
DECLINED = "declined"
WITHDRAWN = "withdrawn"
OVERTAKEN = "overtaken"

SKEW = 300 * 1_000_000  # µs that the clocks of an appliance's machines may differ by


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that counts, or will. `by` are the people who signed, none for the installer's.

    `since_us` is in microseconds since the Unix epoch, as all times here.
    """

    policy: Policy
    number: int
    digest: str
    since_us: int
    recall: bool
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """When a version decided: in [from_us, until_us).

    `recalled_us` is the first later time at which a version with `recall` began: from then on
    tickets of this one that were not started are decided anew.
    """

    digest: str
    from_us: int
    until_us: int | None
    recalled_us: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds at a time. With `faults` there is no `active`, and nothing may be decided.

    `states` says by number how each version stands; `keys` are the keys that count, by
    fingerprint; `two_people` is whether a version that two people signed counts or is
    scheduled; `chain` are the versions that counted, oldest first.
    """

    active: Loaded | None = None
    scheduled: Loaded | None = None
    faults: tuple[str, ...] = ()
    next_change_us: int | None = None
    in_force: tuple[InForce, ...] = ()
    states: Mapping[int, str] = field(default_factory=dict)
    keys: Mapping[str, Certified] = field(default_factory=dict)
    two_people: bool = False
    chain: tuple[Version, ...] = ()

    @property
    def recovered(self) -> tuple[Certified, ...]:
        """The keys that the installer certified to recover from a loss."""
        return tuple(key for key in self.keys.values() if key.recovered)


@lru_cache(maxsize=256)
def parsed(document: str) -> Policy:
    """The policy in a version's document; raises `PolicyRefused`."""
    return parse(document)


def standing(rows: Sequence[Row], keys: Sequence[Key], installer: str, now: int) -> Standing:
    """What counts at `now` (µs since the Unix epoch). `installer` is its public key in hex."""
    trusted, faults = certified(keys, installer)
    walk = _Walk(now, list(faults), trusted)
    for row in sorted(rows, key=lambda row: row.number):
        try:
            walk.versions.append(hear(row, trusted, installer))
        except Unheard as error:
            walk.faults.append(f"Policy version {row.number} {error}.")
    walk.begin()
    walk.go()
    walk.strangers()
    walk.compare()
    active = walk.loaded(walk.reached[-1]) if walk.reached else None
    scheduled = walk.loaded(walk.ahead) if walk.ahead else None
    faulty = bool(walk.faults)
    return Standing(
        active=None if faulty else active,
        scheduled=None if faulty else scheduled,
        faults=tuple(map(plain, walk.faults)),
        next_change_us=walk.ahead.since if walk.ahead else None,
        in_force=() if faulty else _in_force(walk.reached),
        states={one.row.number: walk.state(one) for one in walk.versions},
        keys=trusted,
        two_people=any(len(one.by) > 1 for one in (*walk.reached, walk.ahead) if one),
        chain=tuple(walk.reached),
    )


@dataclass(slots=True)
class _Walk:
    """The chain as far as it was followed. `allowed` is None until two people have signed."""

    now: int
    faults: list[str]
    keys: Mapping[str, Certified]
    versions: list[Version] = field(default_factory=list)
    reached: list[Version] = field(default_factory=list)
    ahead: Version | None = None
    overtaken: set[int] = field(default_factory=set)
    allowed: frozenset[str] | None = None

    def begin(self) -> None:
        """Find the version that the installer signed."""
        first = [one for one in self.versions if one.installed]
        if len(first) == 1:
            self.reached = first
        else:
            self.faults.append(
                "No policy version is signed by the installer; run manage.py setup, or restore "
                "the database from your backup."
                if not first
                else "More than one policy version is signed by the installer."
            )

    def go(self) -> None:
        """Follow the chain to where it is now."""
        while self.reached:
            last = self.reached[-1]
            claims = [one for one in self.versions if one.claims and _after(one, last)]
            claims.sort(key=lambda one: (one.since, one.tightens, one.row.number))
            for kind in (False, True):
                if sum(one.tightens is kind for one in claims) > 1:
                    self.faults.append(
                        f"Policy version {last.row.number} has more than one successor."
                    )
                    return
            due = [one for one in claims if one.since is not None and one.since <= self.now]
            if not due:
                self.ahead = next(iter(claims), None)
                return
            self.overtaken |= {one.row.number for one in claims if one is not due[0]}
            if not self._sound(last, due[0]) or not self._later(due[0], claims):
                return
            self.reached.append(due[0])
            if self.allowed is None and len(due[0].by) > 1:
                self.allowed = due[0].bootstrap

    def _later(self, one: Version, claims: Sequence[Version]) -> bool:
        """Whether `one`, if one person signed it, was signed after what it overtakes.

        Nobody approves what was overtaken, so else its time is not when it was signed.
        """
        if one.tightens and one.since is not None:
            for other in claims:
                if other.approved is not None and other.approved > one.since:
                    self.faults.append(
                        f"Policy version {one.row.number} tightens from a time before version "
                        f"{other.row.number}, whose place it would take, was approved."
                    )
                    return False
        return True

    def strangers(self) -> None:
        """Find keys that the installer certified later as it does at the beginning."""
        if self.allowed is None:
            return
        for key in self.keys.values():
            if key.root and key.root not in self.allowed:
                self.faults.append(
                    f"The approval key of {key.person} rests on a certificate of the "
                    "installer's that the first approval by two people did not name."
                )

    def _coming(self) -> _Walk:
        """The chain as a machine whose clock is ahead may have it already.

        No further: who decides by an older version because the own clock was set back must
        not take what is written of the newer one for usual.
        """
        coming = _Walk(self.now + SKEW, [], self.keys, self.versions, [*self.reached])
        coming.overtaken, coming.allowed = set(self.overtaken), self.allowed
        coming.go()
        return coming

    def _sound(self, last: Version, one: Version) -> bool:
        """Whether `one` may follow `last`; a fault where not."""
        words = ""
        if one.since is None or last.since is None or one.since < last.since:
            words = "begins before the version that it follows"
        elif self.allowed is not None and not one.roots <= self.allowed:
            words = "is signed by a key that the first approval by two people did not name"
        elif one.tightens:
            try:
                why = tightens(parsed(last.row.document), parsed(one.row.document)) or ""
            except PolicyRefused as error:
                why = str(error)
            why = why.removesuffix(".")
            words = f"is signed by one person and does not only tighten: {why}" if why else ""
        if words:
            self.faults.append(f"Policy version {one.row.number} {words}.")
        return not words

    def compare(self) -> None:
        """Hold what the columns claim, and what was approved, against the chain."""
        if self.faults:
            return
        coming = self._coming()
        known = {one.row.number for one in coming.reached} | coming.overtaken
        if self.ahead is not None:
            known.add(self.ahead.row.number)
        ends = {one.row.number: after.since for one, after in pairwise(coming.reached)}
        counted = {one.row.number: one.since for one in coming.reached}
        for one in self.versions:
            row, number = one.row, one.row.number
            if one.claims and number not in known:
                self.faults.append(f"Policy version {number} follows none that counted.")
            if row.activated is not None and row.activated != counted.get(number):
                self.faults.append(f"Policy version {number} was never activated then.")
            if row.retired is not None and row.retired != ends.get(number):
                self.faults.append(f"Policy version {number} was never retired then.")

    def loaded(self, version: Version) -> Loaded | None:
        """With its policy; None, and a fault, where that cannot be read."""
        row = version.row
        try:
            policy = parsed(row.document)
            if policy.version != row.number or policy.digest != row.digest:
                raise PolicyRefused("it is not the version that it says, or not canonical")  # noqa: TRY301
        except PolicyRefused as error:
            self.faults.append(f"Policy version {row.number} cannot be read: {error}.")
            return None
        since = version.since or 0
        return Loaded(policy, row.number, row.digest, since, version.recall, version.by)

    def state(self, version: Version) -> str:
        """How a version stands, in one word."""
        number = version.row.number
        if version.withdrawn:
            return WITHDRAWN
        if self.reached and version is self.reached[-1]:
            return ACTIVE
        if version in self.reached:
            return SUPERSEDED
        if version is self.ahead:
            return SCHEDULED
        if number in self.overtaken:
            return OVERTAKEN
        return DECLINED if version.declined else PROPOSED


def _after(one: Version, last: Version) -> bool:
    return one.previous == last.row.digest


def _in_force(reached: Sequence[Version]) -> tuple[InForce, ...]:
    found: list[InForce] = []
    until: int | None = None
    recalled: int | None = None
    for one in reversed(reached):
        found.append(InForce(one.row.digest, one.since or 0, until, recalled))
        until = one.since
        recalled = one.since if one.recall else recalled
    return tuple(reversed(found))

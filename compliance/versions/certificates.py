"""Whose keys may sign what, and since when.

A key counts from the time that its certificate names until it is revoked. A certificate is
signed by the installer key, or by another person's key that may approve. The installer
certifies two kinds: those of the beginning, which count only while no version was approved by
two people, or if that first approval names them; and recoveries, which give a reason and raise
an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.versions.statements import (
    APPROVAL_KEY,
    INSTALLER,
    StatementInvalid,
    fingerprint,
    read,
    signed,
)

PROPOSE, APPROVE = "propose", "approve"
DEEPEST = 100  # keys between a certificate and one that was looked at: rows can be made at will


@dataclass(frozen=True, slots=True)
class Key:
    """A row of `ApprovalKey`. `owner` is the user name of its person now."""

    owner: str
    role: str
    public_key: str  # hex
    statement: str
    signature: str
    revoked: int | None  # µs since the Unix epoch

    @property
    def waiting(self) -> bool:
        """Whether nobody has certified it yet."""
        return not self.statement and not self.signature


@dataclass(frozen=True, slots=True)
class Certified:
    """A key that somebody vouches for. It may sign at times in [since, until).

    `root` is the fingerprint of the key that the installer certified at the beginning, from
    which its certificates come; empty where they come from a recovery.
    """

    person: str
    role: str
    public_key: str
    since: int
    until: int | None
    root: str
    recovered: str = ""  # the reason, where the installer certified it later

    def held_at(self, time: int) -> bool:
        """Whether it may sign at `time`."""
        return self.since <= time and (self.until is None or time < self.until)


class _Invalid(Exception):
    """A certificate does not hold. The message says why."""


def certified(
    keys: Sequence[Key], installer: str
) -> tuple[Mapping[str, Certified], tuple[str, ...]]:
    """The keys that count, by fingerprint, and what is wrong with others, in words.

    `installer` is the installer's public key in hex. Keys that wait are neither.
    """
    rows: dict[str, Key] = {}
    faults: list[str] = []
    for key in keys:
        try:
            rows[fingerprint(key.public_key)] = key
        except ValueError:
            faults.append(f"The approval key of {key.owner} is not a key.")
    found: dict[str, Certified | None] = {}
    for mark, key in rows.items():
        if key.waiting:
            continue
        try:
            _certify(mark, rows, found, installer, frozenset())
        except _Invalid as error:
            faults.append(f"The certificate of {key.owner}'s approval key {error}.")
    holding = {mark: one for mark, one in found.items() if one is not None}
    return holding, tuple(faults)


def _certify(
    mark: str,
    rows: Mapping[str, Key],
    found: dict[str, Certified | None],
    installer: str,
    above: frozenset[str],
) -> Certified:
    """The key of this fingerprint; raises `_Invalid`. In `found` None is one that raised it."""
    known = found.get(mark)
    if known is not None:
        return known
    key = rows.get(mark)
    if key is None or key.waiting or mark in found:
        raise _Invalid("is signed by a key that nobody certified")
    if mark in above:
        raise _Invalid("comes back to itself")
    if len(above) >= DEEPEST:
        raise _Invalid("comes from others by too many endorsements")
    said = _said(key)
    by = said["certified_by"]
    root = ""
    if by == INSTALLER:
        signer = installer
        root = "" if said["reason"] else mark
    else:
        try:
            endorser = _certify(by, rows, found, installer, above | {mark})
        except _Invalid:
            found.setdefault(by)
            raise
        if endorser.role != APPROVE or endorser.person == key.owner:
            raise _Invalid("is signed by somebody who may not endorse it")
        if not endorser.held_at(said["time"]):
            raise _Invalid("was signed when its endorser's key did not count")
        signer, root = endorser.public_key, endorser.root
    if not signed(APPROVAL_KEY, key.statement, key.signature, signer):
        raise _Invalid("is not signed by whom it names")
    one = Certified(
        person=key.owner,
        role=key.role,
        public_key=key.public_key,
        since=said["time"],
        until=key.revoked,
        root=root,
        recovered=said["reason"] if by == INSTALLER else "",
    )
    found[mark] = one
    return one


def _said(key: Key) -> Mapping[str, Any]:
    try:
        said = read(APPROVAL_KEY, key.statement)
    except StatementInvalid as error:
        raise _Invalid(f"cannot be read: {error}") from error
    named = (said["person"], said["role"], said["public_key"])
    if named != (key.owner, key.role, key.public_key):
        raise _Invalid("is of another person, role or key")
    return said

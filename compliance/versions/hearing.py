"""What people signed about one version, as far as it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compliance.versions import statements
from compliance.versions.certificates import APPROVE, PROPOSE, Certified
from compliance.versions.statements import (
    APPROVAL,
    DECLINE,
    INSTALLED,
    PROPOSAL,
    TIGHTENING,
    WITHDRAWAL,
)

AHEAD_MAX = 366 * 86_400 * 1_000_000  # µs: how far ahead of its approval a version may begin


@dataclass(frozen=True, slots=True)
class Said:
    """A row of `PolicySignature`."""

    kind: str
    statement: str
    signature: str  # hex


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `PolicyVersion` and what was said about it. Times in µs since the Unix epoch."""

    number: int
    document: str
    digest: str
    activated: int | None
    retired: int | None
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A version whose every statement holds.

    `since` is from when it asks to count, None while nobody approved it; `previous` is the
    digest of the version that it takes the place of; `by` are the people who signed for it.
    `approved` is when two people had signed; None for what took one signature, or waits.
    """

    row: Row
    since: int | None
    previous: str
    by: tuple[str, ...]
    recall: bool = False
    approved: int | None = None
    installed: bool = False
    tightens: bool = False
    withdrawn: bool = False
    declined: bool = False
    bootstrap: frozenset[str] = frozenset()  # fingerprints that its approval names
    roots: frozenset[str] = frozenset()  # of the keys that signed for it

    @property
    def claims(self) -> bool:
        """Whether it asks to count after another."""
        return self.since is not None and not self.installed and not self.withdrawn


class Unheard(Exception):
    """A statement does not hold. The message says which, and why."""


_SIGNERS: Mapping[str, frozenset[str]] = {
    PROPOSAL: frozenset({PROPOSE}),
    APPROVAL: frozenset({APPROVE}),
    TIGHTENING: frozenset({PROPOSE, APPROVE}),
    WITHDRAWAL: frozenset({PROPOSE, APPROVE}),
}
"""The roles whose keys may sign each kind."""


def hear(row: Row, keys: Mapping[str, Certified], installer: str) -> Version:
    """The version in a row; raises `Unheard`. `keys` by fingerprint; `installer` in hex."""
    if hashlib.sha256(row.document.encode()).hexdigest() != row.digest:
        raise Unheard("is not the document that its digest names")
    said = {one.kind: one for one in row.said}
    if len(said) != len(row.said):
        raise Unheard("says the same thing twice")
    if strange := sorted({*said} - statements.ABOUT_VERSIONS):
        raise Unheard(f"has a statement of the kind {strange[0]!r}, which nobody knows")
    heard = {kind: _members(row, one, keys, installer) for kind, one in said.items()}
    starts = [kind for kind in (INSTALLED, PROPOSAL, TIGHTENING) if kind in heard]
    if len(starts) != 1:
        raise Unheard("is signed by nobody" if not starts else "claims to be two things")
    if starts[0] != PROPOSAL and APPROVAL in heard:
        raise Unheard("has an approval, and no proposal that it could be of")
    version = _STARTS[starts[0]](row, heard, said)
    return _ended(version, heard, keys)


def _members(
    row: Row, one: Said, keys: Mapping[str, Certified], installer: str
) -> Mapping[str, Any]:
    try:
        members = statements.read(one.kind, one.statement)
    except statements.StatementInvalid as error:
        raise Unheard(f"has a {one.kind} that cannot be read: {error}") from error
    if (members["digest"], members["number"]) != (row.digest, row.number):
        raise Unheard(f"has the {one.kind} of another version")
    if one.kind == DECLINE:
        return members
    signer = installer
    if one.kind != INSTALLED:
        key = keys.get(members["key"])
        if key is None or key.person != members["person"]:
            raise Unheard(f"has a {one.kind} by a key that nobody certified for its person")
        if key.role not in _SIGNERS[one.kind]:
            raise Unheard(f"has a {one.kind} by a key that is certified for something else")
        if not key.held_at(members["time"]):
            raise Unheard(f"has a {one.kind} by a key that did not count when it was signed")
        signer = key.public_key
    if not statements.signed(one.kind, one.statement, one.signature, signer):
        raise Unheard(f"has a {one.kind} with a signature that does not hold")
    return members


def _from_installer(
    row: Row, heard: Mapping[str, Mapping[str, Any]], _said: Mapping[str, Said]
) -> Version:
    since = heard[INSTALLED]["time"]
    return Version(row, since, "", (), installed=True)


def _from_proposal(
    row: Row, heard: Mapping[str, Mapping[str, Any]], said: Mapping[str, Said]
) -> Version:
    proposal, approval = heard[PROPOSAL], heard.get(APPROVAL)
    if approval is None:
        return Version(row, None, proposal["previous"], (proposal["person"],))
    if approval["proposal"] != statements.digest(said[PROPOSAL].statement):
        raise Unheard("has an approval of another proposal")
    if approval["person"] == proposal["person"]:
        raise Unheard("is proposed and approved by one person")
    begun = (proposal["time"], approval["time"], approval["active_from"])
    if begun != tuple(sorted(begun)) or begun[2] - begun[1] > AHEAD_MAX:
        raise Unheard("begins before it was approved, or more than a year after")
    return Version(
        row,
        since=approval["active_from"],
        previous=proposal["previous"],
        by=(proposal["person"], approval["person"]),
        recall=approval["recall"],
        approved=approval["time"],
        bootstrap=frozenset(approval["bootstrap"]),
    )


def _from_tightening(
    row: Row, heard: Mapping[str, Mapping[str, Any]], _said: Mapping[str, Said]
) -> Version:
    said = heard[TIGHTENING]
    return Version(
        row,
        since=said["time"],
        previous=said["previous"],
        by=(said["person"],),
        recall=said["recall"],
        tightens=True,
    )


_STARTS = {
    INSTALLED: _from_installer,
    PROPOSAL: _from_proposal,
    TIGHTENING: _from_tightening,
}


def _ended(
    version: Version, heard: Mapping[str, Mapping[str, Any]], keys: Mapping[str, Certified]
) -> Version:
    """The same, with its end, where there is one, and whose certificates it rests on."""
    withdrawal = heard.get(WITHDRAWAL)
    if withdrawal is not None:
        if version.installed or version.tightens:
            raise Unheard("has a withdrawal, and is none that could be withdrawn")
        if version.since is not None and withdrawal["time"] >= version.since:
            raise Unheard("was withdrawn after it began")
        if version.approved is not None and withdrawal["time"] < version.approved:
            raise Unheard("is said to have been withdrawn before it was approved")
    signers = (heard[kind] for kind in (PROPOSAL, APPROVAL, TIGHTENING) if kind in heard)
    return replace(
        version,
        withdrawn=withdrawal is not None,
        declined=DECLINE in heard,
        roots=frozenset(keys[one["key"]].root for one in signers) - {""},
    )

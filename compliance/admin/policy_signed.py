"""Who signed what of a version, and how it stands by that."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compliance.models import PolicySignature, PolicyVersion
from compliance.versions import load
from compliance.versions.chain import Standing

Kind = PolicySignature.Kind
SAID: Mapping[str, str] = {
    Kind.INSTALLED: "Signed by the installer",
    Kind.PROPOSAL: "Proposed",
    Kind.APPROVAL: "Approved",
    Kind.TIGHTENING: "Tightened by one person",
    Kind.WITHDRAWAL: "Withdrawn",
    Kind.DECLINE: "Declined",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One statement about a version, in words; `fields` are those of the statement."""

    kind: str
    words: str
    person: str
    time: dt.datetime | None
    note: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A version as lists show it."""

    version: PolicyVersion
    state: str
    said: list[Said]

    @property
    def from_time(self) -> dt.datetime | None:
        """From when an approved one counts."""
        approved = next((one for one in self.said if one.kind == Kind.APPROVAL), None)
        return moment(approved.fields.get("active_from")) if approved else None

    @property
    def recall(self) -> bool:
        """Whether requests that have not begun are decided anew when it becomes active."""
        return any(one.fields.get("recall") is True for one in self.said)

    @property
    def by_installer(self) -> bool:
        """Whether no person has signed it."""
        return {one.kind for one in self.said} == {Kind.INSTALLED}


def standing() -> Standing:
    """What counts now, by the signatures."""
    return load.standing(heed=True)


def state(version: PolicyVersion, now: Standing) -> str:
    """In one word; what no signature speaks for is not valid."""
    return str(now.states.get(version.number, "not valid"))


def row(version: PolicyVersion, now: Standing) -> Row:
    """A version with what was signed of it, in the order of signing."""
    return Row(version, state(version, now), said(version))


def active_row(now: Standing) -> Row | None:
    """The version that requests are decided by; None where there is none."""
    if now.active is None:
        return None
    version = PolicyVersion.objects.filter(number=now.active.number).first()
    return row(version, now) if version else None


def active() -> PolicyVersion | None:
    """The version by which requests are decided now; None where nothing counts."""
    found = active_row(standing())
    return found.version if found else None


def said(version: PolicyVersion) -> list[Said]:
    """Every statement about a version, in the order of signing."""
    return [_read(one) for one in version.signatures.all()]


def proposer(version: PolicyVersion) -> str:
    """Who proposed it; empty where nobody did."""
    found = (one.person for one in said(version) if one.kind == Kind.PROPOSAL)
    return next(found, "")


def moment(microseconds: Any) -> dt.datetime | None:
    """A time of a statement."""
    if not isinstance(microseconds, int):
        return None
    try:
        return dt.datetime.fromtimestamp(microseconds / 1_000_000, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _read(signature: PolicySignature) -> Said:
    try:
        fields = json.loads(signature.statement)
    except ValueError:
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    return Said(
        signature.kind,
        SAID.get(signature.kind, signature.kind),
        str(fields.get("person", "")),
        moment(fields.get("time")),
        str(fields.get("note") or fields.get("reason") or ""),
        fields,
    )

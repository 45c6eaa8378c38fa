"""What the notary does about the policy: notes since when a version counts, and cries wolf.

That a version counts is no doing of the notary's, who only writes it down; requests are decided
by it as soon as its time has come, whether or not the notary runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from django.db import transaction

from compliance.audit import alarms, journal
from compliance.audit.changes import recorded
from compliance.models import Alarm, ApprovalKey, PolicyVersion, Revision
from compliance.versions import load, statements
from compliance.versions.certificates import Certified
from compliance.versions.chain import Standing, parsed
from compliance.versions.hearing import Version
from compliance.versions.install import moment
from compliance.versions.statements import APPROVAL, TIGHTENING
from compliance.vocabulary import Event

EVERY = 10.0  # seconds after which it looks though nothing moved: triggers may be gone
SHOWN = 20  # faults that an event names
_NOTARY = "notary"


class PolicyWatch:
    """Belongs to the notary's thread; `data` is its data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._revision = -1
        self._looked = float("-inf")
        self._next_change: int | None = None

    def look(self) -> None:
        """Look, if anything may have changed since the last time."""
        revision = Revision.objects.values_list("number", flat=True).first() or 0
        now = time.monotonic()
        due = self._next_change is not None and _now() >= self._next_change
        if revision == self._revision and not due and now - self._looked < EVERY:
            return
        found = load.standing(self._data, keep=True)
        tell(found)
        self._revision, self._looked = revision, now
        self._next_change = found.next_change_us


def tell(found: Standing) -> None:
    """Record what was found and is not on the record yet."""
    if found.faults:
        _forged(found.faults)
        return
    _sound()
    for key in found.recovered:
        _recovered(key)
    for before, version in pairwise(found.chain):
        if version.row.activated is None:
            _activated(before, version)


def _forged(faults: Sequence[str]) -> None:
    words = " ".join(faults[:SHOWN])
    newest = Alarm.objects.filter(kind=alarms.FORGED).first()
    if newest is not None and newest.ended is None and newest.words == words:
        return
    with transaction.atomic():
        alarms.raise_(alarms.FORGED, "", words)
        _record(alarms.FORGED, {"faults": list(faults[:SHOWN])})


def _sound() -> None:
    if alarms.standing(alarms.FORGED):
        with transaction.atomic():
            alarms.end(alarms.FORGED)
            _record("policy.sound", {})


def _recovered(key: Certified) -> None:
    """Raise the alarm that goes with a recovery, where whoever did it raised none."""
    mark = statements.fingerprint(key.public_key)
    if Alarm.objects.filter(kind=alarms.RECOVERED, subject=mark[:16]).exists():
        return
    row = ApprovalKey.objects.only("statement", "signature").get(public_key=key.public_key)
    detail = {
        "actor": _NOTARY,
        "person": key.person,
        "role": key.role,
        "public_key": key.public_key,
        "fingerprint": mark,
        "reason": key.recovered,
        "statement": row.statement,
        "signature": row.signature,
    }
    words = f"{key.person}'s key to {key.role} was certified by the installer key."
    with transaction.atomic():
        alarms.raise_(alarms.RECOVERED, mark[:16], words)
        _record(alarms.RECOVERED, detail)


def _activated(before: Version, version: Version) -> None:
    """Note that `version` took the place of `before`, and when."""
    assert version.since is not None  # noqa: S101 - it is in the chain
    since, row = version.since, version.row
    said = {one.kind: one for one in row.said}
    proof = said.get(APPROVAL) or said[TIGHTENING]
    detail = {
        "actor": _NOTARY,
        "policy": {
            "name": parsed(row.document).name,
            "version": row.number,
            "digest": row.digest,
        },
        "since": since,
        "statement": proof.statement,
        "signature": proof.signature,
    }
    versions = PolicyVersion.objects.filter(number__in=[before.row.number, row.number])
    with recorded():
        versions.filter(number=before.row.number, retired=None).update(retired=moment(since))
        written = versions.filter(number=row.number, activated=None)
        if written.update(activated=moment(since)):
            event = Event("policy.activated", _now(), detail)
            journal.record(_NOTARY, [event], list(versions))


def _record(kind: str, detail: Mapping[str, object]) -> None:
    journal.record(_NOTARY, [Event(kind, _now(), detail)])


def _now() -> int:
    return time.time_ns() // 1_000

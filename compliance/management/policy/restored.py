"""`manage.py policy restored`: an older policy is meant, as after a restore."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import OutputWrapper
from django.db import transaction

from compliance.audit import journal
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.person import actor
from compliance.versions import Refused, load
from compliance.versions.acting import insist_on_text
from compliance.versions.chain import Standing
from compliance.versions.floor import Floor, FloorUnusable, Seen, marks
from compliance.versions.install import moment
from compliance.vocabulary import Event

HELP = "say that the database was set back on purpose; its policy counts again then"


def add_arguments(parser: ArgumentParser) -> None:
    """Why."""
    parser.add_argument("--reason", required=True, help="why; goes on the record")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Record it, and forget what was seen in this data folder."""
    try:
        reason = insist_on_text("reason", options["reason"], "why with --reason")
    except Refused as refused:
        out.write(refused.message)
        return IMPOSSIBLE
    found = load.standing()
    if found.active is None:
        out.write(f"The policy is not sound even so: {found.faults[0]}")
        return UNSOUND
    contradicted = load.standing(heed=True).faults
    floor = Floor(Path(settings.DOMICILE.data))
    lost: int | None = None
    try:
        seen = floor.seen()
        lost = len(seen.marks - marks(load.read_rows(), load.read_keys()))
    except FloorUnusable:
        seen = Seen()  # that it cannot be read is a reason to forget it
    detail = {
        "actor": actor(),
        "reason": reason,
        "policy": {
            "name": found.active.policy.name,
            "version": found.active.number,
            "digest": found.active.digest,
        },
        "last_seen": seen.number,
        "gone": lost,
    }
    with transaction.atomic():
        event = Event("policy.restored", time.time_ns() // 1_000, detail)
        journal.record("command", [event])
    floor.clear()
    if not contradicted:
        out.write("Nothing that was seen here was missing from the database.")
    out.write(f"Version {found.active.number} counts, by {floor.path.parent}.")
    for line in (*_over(seen, found), *_gone(lost), *_back(seen, found)):
        out.write(line)
    return SOUND


def _over(seen: Seen, found: Standing) -> Iterator[str]:
    if seen.number and seen.digest not in {one.row.digest for one in found.chain}:
        yield f"Version {seen.number} counted here before, and counts no more."


def _gone(lost: int | None) -> Iterator[str]:
    if lost is None:
        yield (
            "What was seen here cannot be read, so how much is gone is not known. If the "
            "database is older, withdraw and revoke again what the log's events say "
            "(policy.withdrawn, approval_key.revoked)."
        )
        return
    if lost:
        yield (
            f"{lost} signatures, certificates or revocations that were seen here are not in "
            "this database. What was withdrawn or revoked since the backup is so no more: "
            "withdraw and revoke again. The log has the events (policy.withdrawn, "
            "approval_key.revoked)."
        )


def _back(seen: Seen, found: Standing) -> Iterator[str]:
    """The versions that count by this, and had not counted here, or will."""
    for one in found.chain if seen.number else ():
        since = one.since or 0
        if since > seen.since:
            yield (
                f"Version {one.row.number} began {moment(since):%Y-%m-%d %H:%M} UTC, and was "
                "not seen to count here before: was it withdrawn?"
            )
    if (ahead := found.scheduled) is not None:
        yield (
            f"Version {ahead.number} begins {moment(ahead.since_us):%Y-%m-%d %H:%M} UTC; "
            "withdraw it before then if it is not meant."
        )

"""`manage.py policy restored`: an older policy is meant, as after a restore."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Mapping
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
from compliance.versions.floor import Floor, FloorUnusable, Seen
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
    floor = Floor(Path(settings.DOMICILE.data))
    try:
        seen = floor.seen()
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
    }
    with transaction.atomic():
        event = Event("policy.restored", time.time_ns() // 1_000, detail)
        journal.record("command", [event])
    floor.clear()
    out.write(f"Version {found.active.number} counts, by {floor.path.parent}.")
    return SOUND

"""`manage.py audit prune`."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.audit import retention
from compliance.audit.retention import RetentionUnclear
from compliance.management.audit import IMPOSSIBLE, SOUND

HELP = "remove the details that are due now, as the notary does once a day"


def add_arguments(parser: ArgumentParser) -> None:
    """Whether to do it or only to say it."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is due, change nothing"
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Prune, or say what would go."""
    now = dt.datetime.now(dt.UTC)
    try:
        for rule in retention.rules(now):
            out.write(f"{rule.words} Due: those of before {rule.before.date()}.")
        if options["dry_run"]:
            out.write(_would(now))
        else:
            out.write(_did(now))
    except RetentionUnclear as error:
        out.write(str(error))
        return IMPOSSIBLE
    return SOUND


def _would(now: dt.datetime) -> str:
    plans = retention.due(now)
    due = sum(plan.count for plan in plans)
    left = sum(plan.left for plan in plans)
    more = f", and {left} that an earlier run announced" if left else ""
    return f"{due} details are due{more}. Nothing was removed."


def _did(now: dt.datetime) -> str:
    run = retention.prune_run(now)
    lines = [
        f"{made.count} details before {made.before.date()} in entries {made.begin} to "
        f"{made.end - 1}, counted through all generations."
        for made in run.made
    ]
    lines.append(f"{run.removed} details were removed. The entries of the log stay.")
    return "\n".join(lines)

"""The configuration that a kind of process runs with, on the record when it has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from compliance.audit import journal
from compliance.audit.entry import canonical
from compliance.models import Configuration
from compliance.vocabulary import Event

LOADED = "configuration.loaded"


def loaded(source: str, process: str, values: Mapping[str, Any]) -> bool:
    """Record `values` unless they are what `process` recorded last; whether it was.

    `source` is a journal. Values hold no secrets: strings, integers, booleans, lists.
    """
    document = canonical(dict(values)).decode()
    with transaction.atomic():
        row, fresh = Configuration.objects.select_for_update().get_or_create(
            process=process, defaults={"document": "", "recorded": datetime.now(UTC)}
        )
        if row.document == document:
            return False
        before = {} if fresh else _read(row.document)
        row.document, row.recorded = document, datetime.now(UTC)
        row.save()
        names = sorted(
            name for name in {*before, *values} if before.get(name) != values.get(name)
        )
        detail = {
            "process": process,
            "values": dict(values),
            "changed": [] if fresh else names,
        }
        journal.record(source, [Event(LOADED, time.time_ns() // 1000, detail)])
    return True


def _read(document: str) -> dict[str, Any]:
    """What was recorded last; nothing where that cannot be read, so that all of it is new."""
    try:
        said = json.loads(document)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

"""What `/readyz` asks, on the real parts."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone

from appliance.health import _asked, record
from compliance.audit.writer import Writer
from compliance.models import WriterEpoch
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.database


def test_a_writer_that_was_fenced_is_not_well(database):
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    try:
        mine = WriterEpoch.objects.filter(source="web-1")
        wait_until(mine.exists, "the epoch is open", 20)
        assert asyncio.run(_asked(record(writer))) is None
        mine.update(closed=timezone.now())
        wait_until(lambda: bool(writer.closed), "the writer sees it at its next lease", 20)
        assert "lost its place" in str(asyncio.run(_asked(record(writer))))
    finally:
        writer.stop()

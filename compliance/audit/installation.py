"""What a database needs beyond its tables before anything can be recorded in it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.audit import triggers
from compliance.audit.keystore import BUCKETS
from compliance.audit.merkle import EMPTY_ROOT
from compliance.models import ContentBucket, LogHead, Revision, WriterEpoch

JOURNALS = ("command", "console", "notary")


def install(**_signal: Any) -> None:
    """Create the triggers anew and the rows of which there is one; receives `post_migrate`."""
    triggers.install()
    with transaction.atomic():
        LogHead.objects.get_or_create(id=1, defaults={"root": EMPTY_ROOT})
        Revision.objects.get_or_create(id=1)
        ContentBucket.objects.bulk_create(
            (ContentBucket(number=number) for number in range(BUCKETS)), ignore_conflicts=True
        )
        for source in JOURNALS:
            WriterEpoch.objects.get_or_create(
                source=source, epoch=1, defaults={"opened": timezone.now()}
            )

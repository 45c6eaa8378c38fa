"""The file of an export: durable before it is on record, and gone if it does not get there.

An event `evidence.exported` must not stand for a file that never was, nor a file lie about of
which the record says nothing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import django.db
from django.db import connection, transaction

from compliance.audit import journal
from compliance.audit.files import sync
from compliance.audit.storage import Fate, fate
from compliance.models import Event as StoredEvent
from compliance.models import WriterEpoch
from compliance.vocabulary import Event

SOURCE, RECORDED = "command", "evidence.exported"
PATIENCE = 10  # seconds
RECENT = 100  # exports among which one that was just recorded is


class ExportImpossible(Exception):
    """The evidence cannot be made. The message says why and what to do."""


@contextmanager
def created(path: Path) -> Iterator[IO[bytes]]:
    """A new file, durable after the block, that only its owner may read; gone if it fails.

    Evidence holds label keys and details. Nothing that exists is replaced: it may be evidence
    that cannot be made a second time.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ExportImpossible(
            f"{path} exists already and was left as it is; choose another name, or remove it."
        ) from error
    except OSError as error:
        raise ExportImpossible(
            f"{path} cannot be written: {error.strerror}; choose another folder."
        ) from error
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ExportImpossible(_unwritten(path, error)) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _unwritten(path: Path, error: OSError) -> str:
    if error.filename is not None and Path(error.filename) != path:
        return (
            f"{error.filename}: {error.strerror}. {path} was removed again; nothing recorded."
        )
    remedy = "choose another folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free some of the disk, or choose a folder on another one"
    return (
        f"{path} could not be written to its end: {error.strerror}. What there was of it is "
        f"removed and nothing was recorded; {remedy}, and export again."
    )


def record(
    path: Path,
    digest: str,
    about: Mapping[str, Any],
    also: Sequence[Event] = (),
    kind: str = RECORDED,
) -> None:
    """Put the file at `path`, durable by now, on record, or remove it.

    `digest` is the SHA-256 of its manifest; `also` are events that stand or fall
    with it, which is of type `kind`. Raises `ExportImpossible`.
    """
    event = Event(kind, time.time_ns() // 1000, {**about, "manifest": digest})
    try:
        with transaction.atomic():
            journal.record(SOURCE, [*also, event])
    except django.db.Error as error:
        if fate(error) is Fate.UNKNOWN and _is_recorded(path, digest, kind):
            return
        path.unlink(missing_ok=True)
        why = type(error).__name__ if fate(error) is Fate.UNKNOWN else fate(error).value
        raise ExportImpossible(
            f"The export could not be recorded, so {path} was removed again: {why} "
            "Run `manage.py doctor`, and export again."
        ) from error
    except BaseException:
        if not _is_recorded(path, digest, kind):
            path.unlink(missing_ok=True)
        raise


def _is_recorded(path: Path, digest: str, kind: str) -> bool:
    """Whether the export is on record although recording it ended in an error.

    The journal's row stays locked until a transaction that may still be under way is over; it
    is waited for, but not for ever.
    """
    connection.close()
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            WriterEpoch.objects.select_for_update().get(source=SOURCE, epoch=journal.EPOCH)
            last = StoredEvent.objects.filter(source=SOURCE, type=kind).order_by("-seq")
            return any(digest.encode() in bytes(one.detail or b"") for one in last[:RECENT])
    except django.db.Error as error:
        raise ExportImpossible(
            f"The database went away while the export was being recorded: whether it is on "
            f"record is not known, so {path} was left, and is whole. Once the database is "
            f"back, look for an event {RECORDED} with the manifest {digest}. If there is none, "
            "remove the file, and export again."
        ) from error

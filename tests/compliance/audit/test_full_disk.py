"""A file system of some megabytes, filled to its last byte under a working writer."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connection

from compliance.audit.writer import Writer
from compliance.models import Event, WriterEpoch
from compliance.vocabulary import RecordUnavailable
from tests.compliance.audit.events import admitted, completed, event, request_id
from tests.conftest import _use
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.database
FULL = "disk is full"


@contextmanager
def small_disk(folder, size, **options):
    """A file system of `size` mounted at `folder`."""
    folder.mkdir()
    given = ",".join(f"{name}={value}" for name, value in {"size": size, **options}.items())
    command = ["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("NOT TESTED: a full disk. It needs the right to mount a file system.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(database, tmp_path):
    """A small disk with what the writer writes to, in the database of Django's connection."""
    if database.vendor == "postgresql":
        with tempfile.TemporaryDirectory(prefix="dmc-full-") as name:
            Path(name).chmod(0o711)  # the server runs as another user
            yield from _tablespace(Path(name) / "small")
        return
    with small_disk(tmp_path / "small", "6m") as folder:
        shutil.copy(database.name, folder / "db.sqlite3")
        with _use(str(folder / "db.sqlite3")):
            yield folder


def _tablespace(folder):
    """The table of events on a small disk, the server's own log not: it stops without room."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        owner = Path(cursor.fetchone()[0]).stat()
    name = f"small_{os.getpid()}"
    with small_disk(folder, "6m", uid=owner.st_uid, gid=owner.st_gid, mode="0711"):
        place = folder / "events"
        place.mkdir(mode=0o700)
        os.chown(place, owner.st_uid, owner.st_gid)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
            cursor.execute(f"ALTER TABLE compliance_event SET TABLESPACE {name}")
        try:
            yield folder
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE compliance_event SET TABLESPACE pg_default")
                cursor.execute(f"DROP TABLESPACE {name}")


@pytest.fixture
def fenced():
    return threading.Event()


@pytest.fixture
def writer(disk, fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)  # so: refused at once
    writer.start()
    writer.append_sync([event("a.first")])
    yield writer
    writer.stop()


@contextmanager
def filled(folder):
    """Not one byte more fits until the block ends."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


def refused(writer):
    """Begin requests until one is refused; why."""
    for _ in range(200):  # what was freed within the database's files takes some
        try:
            writer.append_sync([admitted(), event("a.long", text="x" * 4000)])
        except RecordUnavailable as error:
            return str(error)
    raise AssertionError("the disk is not full")


def assert_nothing_is_missing(fenced):
    rows = list(Event.objects.filter(source="web-1").order_by("seq"))
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert WriterEpoch.objects.get(source="web-1").closed is None
    assert not fenced.is_set()


def test_what_would_begin_is_refused_at_once_and_says_why(disk, writer, fenced):
    with filled(disk):
        for _ in range(3):
            assert FULL in refused(writer)  # and not "within 120 s": it did not wait
    writer.append_sync([admitted()])
    assert_nothing_is_missing(fenced)


def test_what_ends_is_kept_and_what_begins_meanwhile_is_refused_at_once(disk, writer, fenced):
    requests = [request_id() for _ in range(40)]
    writer.append_sync([admitted(request) for request in requests])

    def end(request):
        with suppress(RecordUnavailable):  # it comes late, and is kept
            writer.append_sync([event("request.failed", request, text="x" * 4000)])

    with filled(disk):
        refused(writer)
        threads = [threading.Thread(target=end, args=(one,)) for one in requests]
        for thread in threads:
            thread.start()
        time.sleep(1.5)  # until the writer pauses longest between its attempts
        for _ in range(5):
            assert FULL in refused(writer)  # and not "within 120 s": it did not wait
        kept = Event.objects.filter(type="request.failed").count()
        assert kept < len(requests), "the disk took everything"
    for thread in threads:
        thread.join()
    ends = Event.objects.filter(type="request.failed")
    wait_until(lambda: ends.count() == len(requests), "every end is recorded")
    writer.append_sync([completed(request_id())])
    assert_nothing_is_missing(fenced)


def test_a_writer_that_starts_on_a_full_disk_refuses_at_once_and_begins_when_there_is_room(
    disk, fenced
):
    late = Writer("web-2", on_fenced=fenced.set, timeout=PATIENCE)
    with filled(disk):
        late.start()
        assert "The disk" in refused(late)
    begun = Event.objects.filter(source="web-2", type="writer.started")
    wait_until(begun.exists, "it has begun")
    late.append_sync([admitted()])
    late.stop()
    assert not fenced.is_set()

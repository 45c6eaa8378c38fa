import dataclasses
import json
import re
import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import journal, triggers
from compliance.audit.entry import label_key_digest
from compliance.audit.epoch import Epoch
from compliance.audit.installation import install
from compliance.audit.notary import Notary
from compliance.audit.storage import storage
from compliance.audit.verify import verify_log
from compliance.audit.writer import Writer
from compliance.models import APIKey, Application, Event, LogHead, WriterEpoch
from tests.compliance.audit.events import APPLICATION, LABEL_KEY, admitted, completed, event
from tests.services.waiting import PATIENCE

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
REQUESTS = [f"{n:032x}" for n in range(150)]


@pytest.fixture
def log(folder):
    """A sound log of two tiles, from a writer that stopped in order and two journals."""
    Application.objects.create(id=APPLICATION, name="demo", label_key=LABEL_KEY)
    writer = Writer("web-1", on_fenced=threading.Event().set, timeout=PATIENCE)
    writer.start()
    writer.append_sync(
        [one for request in REQUESTS for one in (admitted(request), completed(request))]
    )
    writer.stop()
    with transaction.atomic():
        journal.record("console", [event("policy.proposed")])
        journal.record("command", [event("key.rotated")])
    integrate(folder)


def integrate(folder):
    notary = Notary(folder, KEY, "example.org/log/1")
    while notary.integrate_once():
        pass


def verify(folder):
    return verify_log(folder, PUBLIC)


@contextmanager
def past_the_triggers():
    """As the database's owner."""
    with connection.cursor() as cursor:
        for trigger in triggers._triggers(connection):
            cursor.execute(triggers._drop(connection, trigger))
        yield cursor
    install()


def tamper(statement, parameters=()):
    with past_the_triggers() as cursor:
        cursor.execute(statement, parameters)


def test_a_sound_log_is_sound(log, folder):
    report = verify(folder)
    assert report.ok, report.words
    assert (report.entries, report.requests, report.open_requests) == (304, 150, 0)
    assert report.words[0].startswith("The log is sound. 304 entries")


TAMPERINGS = {
    "an entry": ("UPDATE compliance_event SET entry = %s WHERE seq = 7", [b"{}"], "Entry 7 .*"),
    "a detail": (
        "UPDATE compliance_event SET detail = %s WHERE seq = 9",
        [b"{}"],
        "Entry 9 .*detail",
    ),
    "a commitment's key": (
        "UPDATE compliance_event SET detail_key = %s WHERE seq = 9",
        [bytes(32)],
        "Entry 9 .*detail",
    ),
    "a column": (
        "UPDATE compliance_event SET type = 'request.failed' WHERE seq = 2",
        [],
        "Entry 2 .*columns",
    ),
    "a request's column": (
        "UPDATE compliance_event SET request = NULL WHERE seq = 2",
        [],
        "Entry 2 .*columns",
    ),
    "a time": (
        "UPDATE compliance_event SET time = '2020-01-01 00:00:00' WHERE seq = 2",
        [],
        "Entry 2 .*columns",
    ),
    "a time that is none": (
        "UPDATE compliance_event SET time = 'infinity' WHERE seq = 2",
        [],
        "Entry 2 .*columns",
    ),
    "the tail": ('DELETE FROM compliance_leaf WHERE "index" = 303', [], "Entry 303 is missing"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_change_of_the_database_shows_and_is_located(log, folder, what):
    statement, parameters, told = TAMPERINGS[what]
    tamper(statement, parameters)
    report = verify(folder)
    assert not report.ok
    assert report.words[0].startswith("THE LOG IS NOT SOUND")
    assert any(re.search(told, problem) for problem in report.problems), report.words


def test_a_database_that_was_cut_short_shows(log, folder):
    tamper('DELETE FROM compliance_leaf WHERE "index" >= 300')
    LogHead.objects.update(size=300)
    assert "cut off" in "\n".join(verify(folder).words)


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/entries/000", "tile/0/001.p/48", "tile/1/000.p/1"]
)
@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_tile_that_was_changed_or_is_gone_shows(log, folder, path, change):
    target = folder / path
    if change == "gone":
        target.unlink()
    else:
        data = bytearray(target.read_bytes())
        data[20] ^= 1
        target.write_bytes(bytes(data))
    assert path in "\n".join(verify(folder).words)


def test_a_checkpoint_that_was_changed_shows(log, folder):
    path = folder / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n304\n", b"\n303\n"))
    assert "false" in "\n".join(verify(folder).words)


def test_a_missing_trigger_shows(log, folder):
    with connection.cursor() as cursor:
        trigger = next(triggers._triggers(connection))
        cursor.execute(triggers._drop(connection, trigger))
    assert f"{trigger.name} is missing" in "\n".join(verify(folder).words)


def test_events_that_wait_are_counted_and_are_no_problem(log, folder):
    with transaction.atomic():
        journal.record("console", [event("policy.proposed"), event("policy.approved")])
    report = verify(folder)
    assert report.ok
    assert report.waiting == 2


def test_an_event_that_is_missing_from_a_writer_shows(log, folder):
    with transaction.atomic():
        journal.record("console", [event("a.one"), event("a.two")])
    tamper("DELETE FROM compliance_event WHERE source = 'console' AND seq = 1")
    assert "Events of writer console/1 are missing from number 1" in "\n".join(
        verify(folder).words
    )


def test_an_admitted_request_may_be_open_while_its_writer_lives_and_not_after(log, folder):
    old = timezone.now() - timedelta(minutes=5)
    row = WriterEpoch.objects.create(source="web-2", epoch=1, opened=old, lease_until=old)
    request = admitted()
    aged = dataclasses.replace(request, time=int(old.timestamp()) * 1_000_000)
    storage().insert(row.pk, [Epoch(row.pk, "web-2", 1).row(aged, 0)], None)
    integrate(folder)
    report = verify(folder)
    assert report.ok
    assert report.open_requests == 1
    WriterEpoch.objects.filter(pk=row.pk).update(closed=timezone.now(), next_seq=1)
    assert f"Request {request.request}" in "\n".join(verify(folder).words)


def test_two_ends_before_their_admission_show(log, folder):
    request = f"{999:032x}"
    ends = [completed(request), event("request.failed", request)]
    lease = timezone.now() + timedelta(minutes=5)
    row = WriterEpoch.objects.create(
        source="web-2", epoch=1, opened=timezone.now(), lease_until=lease
    )
    epoch = Epoch(row.pk, "web-2", 1)
    rows = [epoch.row(one, seq) for seq, one in enumerate([*ends, admitted(request)])]
    with past_the_triggers() as cursor:
        cursor.execute("DROP INDEX one_terminal_event")
        storage().insert(row.pk, rows, None)
    integrate(folder)
    assert f"request {request} ended twice" in "\n".join(verify(folder).words)


@pytest.fixture
def registered(log, folder):
    """The application `demo`, put on record as the console does it, and another with a key."""
    Application.objects.create(name="other")
    with transaction.atomic():
        for one in Application.objects.order_by("name"):
            digest = label_key_digest(bytes(one.label_key))
            say(one, "application.registered", name=one.name, label_key_sha256=digest)
        key, _ = APIKey.issue(one)
        say(one, "api_key.issued", prefix=key.prefix)
        say(one, "application.changed", application=one.name)
        journal.record("console", [event("login")])
    integrate(folder)
    assert verify(folder).ok


def say(owner, kind, **detail):
    told = dataclasses.replace(event(kind, **detail), application=str(owner.pk))
    journal.record("console", [told])


@pytest.mark.parametrize(
    ("kind", "whose"),
    [
        ("login", "other"),
        ("application.registered", ""),
        ("application.changed", "demo"),
        ("api_key.issued", "demo"),
    ],
)
def test_an_event_of_no_request_that_was_given_to_another_application_shows(
    registered, folder, kind, whose
):
    """Its entry has no label; retention rules go by the column."""
    other = Application.objects.filter(name=whose).values_list("pk", flat=True).first()
    changed = Event.objects.filter(type=kind)
    with past_the_triggers():
        changed.update(application=other)
    problems = verify(folder).problems
    assert len(problems) == changed.count()
    assert all("is not the one that it speaks of" in problem for problem in problems)


def test_an_application_that_the_database_does_not_know_shows_once(log, folder):
    tamper(
        "UPDATE compliance_event SET application = %s WHERE request IS NOT NULL",
        [uuid.UUID(int=8).hex],
    )
    (problem,) = verify(folder).problems
    assert "300 entries are of the application 00000000-0000-0000-0000-000000000008" in problem


def test_a_label_whose_application_is_not_named_shows(log, folder):
    tamper("UPDATE compliance_event SET application = NULL WHERE seq = 9")
    (problem,) = verify(folder).problems
    assert "Entry 9 " in problem
    assert "does not say whose" in problem


def test_a_label_key_that_is_not_the_registered_one_shows_with_the_applications_name(
    registered, folder
):
    Application.objects.filter(name="other").update(label_key=bytes(32))
    (problem,) = verify(folder).problems
    assert "the label key of the application other in the database is not the one" in problem
    assert "(application.registered console/1/" in problem


def test_a_registered_application_that_is_gone_or_has_another_name_shows(registered, folder):
    Application.objects.filter(name="other").update(name="another", label_key=bytes(32))
    (problem,) = verify(folder).problems
    assert "the application other was registered and is not in the database" in problem


def test_a_detail_is_readable_json_with_the_events_time(log):
    stored = Event.objects.filter(type="request.admitted")[0]
    assert json.loads(bytes(stored.detail or b""))["time"] > 1_700_000_000_000_000


def test_the_notarys_role_may_read_all_that_a_check_reads(registered, folder):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    rights = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"
    with connection.cursor() as cursor:
        cursor.execute(rights.read_text())
        cursor.execute("SET ROLE domicile_notary")
        report = verify(folder)
        cursor.execute("RESET ROLE")
    assert report.ok, report.words

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance.audit import triggers
from compliance.audit.installation import install
from compliance.models import Event, Leaf, PolicyVersion, Revision, Site

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def event(seq, **changes):
    fields = {
        "source": "web-1",
        "epoch": 1,
        "seq": seq,
        "type": "request.completed",
        "time": NOW,
        "request": f"{seq:032x}",
        "entry": b"{}",
        "detail": b"{}",
        "detail_key": bytes(32),
    }
    return Event.objects.create(**(fields | changes))


def refused(statement, parameters=()):
    with (
        pytest.raises(IntegrityError, match=r"insert-only|never changes"),
        transaction.atomic(),
    ):
        run(statement, parameters)


def run(statement, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def log(database):
    Leaf.objects.create(index=0, event=event(0))


@pytest.mark.parametrize("table", ["compliance_event", "compliance_leaf"])
def test_the_log_cannot_be_deleted_from(log, table):
    refused(f"DELETE FROM {table}")  # noqa: S608 - constants


def test_the_log_cannot_be_updated(log):
    refused("UPDATE compliance_event SET type = 'request.failed'")
    refused('UPDATE compliance_leaf SET "index" = 7')


def test_the_log_cannot_be_emptied(log):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    refused("TRUNCATE compliance_event CASCADE")
    refused("TRUNCATE compliance_leaf")


BYTES = "entry, detail, detail_key"
REPLACED = {
    "id": f"SELECT id, 'x', 9, 9, 'other', time, NULL, NULL, {BYTES}",
    "position": f"SELECT 99, source, epoch, seq, 'other', time, NULL, NULL, {BYTES}",
    "terminal": f"SELECT 99, 'x', 9, 9, 'request.lost', time, request, NULL, {BYTES}",
}


@pytest.mark.parametrize("way", REPLACED)
def test_the_log_cannot_be_replaced_by_inserting_over_it(log, way):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    columns = (
        "id, source, epoch, seq, type, time, request, application, entry, detail, detail_key"
    )
    before = list(Event.objects.values())
    refused(
        f"INSERT OR REPLACE INTO compliance_event ({columns}) {REPLACED[way]} "
        "FROM compliance_event"
    )
    refused(
        'INSERT OR REPLACE INTO compliance_leaf SELECT "index", event_id FROM compliance_leaf'
    )
    assert list(Event.objects.values()) == before


def test_a_request_ends_once(log):
    with pytest.raises(IntegrityError), transaction.atomic():
        event(1, type="request.failed", request=f"{0:032x}")


@pytest.mark.parametrize("column", ["document", "digest", "number"])
def test_a_policy_version_never_changes(column):
    PolicyVersion.objects.create(number=1, document="{}", digest="0" * 64)
    refused(f"UPDATE compliance_policyversion SET {column} = %s", ["2"])  # noqa: S608
    refused("DELETE FROM compliance_policyversion")


def test_a_policy_version_may_be_activated_and_retired():
    version = PolicyVersion.objects.create(number=1, document="{}", digest="0" * 64)
    version.activated = timezone.now()
    version.save()
    version.retired = timezone.now()
    version.save()


def revision():
    return Revision.objects.get().number


@pytest.mark.parametrize(
    "change",
    [
        lambda: Site.objects.create(name="b", country="FR", public_key=bytes(32)),
        lambda: Site.objects.update(country="AT"),
        lambda: Site.objects.all().delete(),
        lambda: run("UPDATE compliance_site SET active = false"),
    ],
)
def test_any_change_of_what_is_governed_moves_the_revision(change):
    Site.objects.create(name="a", country="DE", public_key=bytes(32))
    before = revision()
    change()
    assert revision() > before


@pytest.mark.parametrize("table", ["inference_node", "inference_model", "inference_deployment"])
def test_the_tables_of_inference_move_the_revision_too(table):
    assert any(t.table == table for t in triggers._triggers(connection))


def test_no_trigger_is_missing_after_migrate():
    assert triggers.missing() == []


def test_a_trigger_that_was_dropped_is_named_and_comes_back():
    on = " ON compliance_event" if connection.vendor == "postgresql" else ""
    rule = "no_change" if connection.vendor == "postgresql" else "no_update"
    run(f"DROP TRIGGER compliance_event_{rule}{on}")
    assert triggers.missing() == [f"compliance_event.compliance_event_{rule}"]
    install()
    assert triggers.missing() == []


def test_a_trigger_that_was_disabled_is_named():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot disable a trigger")
    run("ALTER TABLE compliance_event DISABLE TRIGGER compliance_event_no_change")
    assert triggers.missing() == ["compliance_event.compliance_event_no_change"]

import dataclasses
import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance.audit import kept, triggers
from compliance.audit.installation import install
from compliance.models import (
    Event,
    Generation,
    Leaf,
    PackAnswer,
    PolicySignature,
    PolicyVersion,
    Pruning,
    Revision,
    Site,
)

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


DUE = NOW + dt.timedelta(days=1)
MINE, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)
REMOVE = "UPDATE compliance_event SET detail = NULL, detail_key = NULL"


def permit(**changes):
    fields = {"begin": 10, "end": 12, "application": MINE, "before": DUE, "count": 2}
    Pruning.objects.create(**(fields | changes), pruned=NOW)


@pytest.fixture
def placed(database):
    """Events with the indexes 9 to 13, of the application `MINE`."""
    for index in range(9, 14):
        Leaf.objects.create(index=index, event=event(index, application=MINE))


def without_details():
    gone = Event.objects.filter(detail=None, detail_key=None)
    return list(gone.order_by("id").values_list("leaf__index", flat=True))


def at(*indexes):
    names = ", ".join(map(str, indexes))
    return f'WHERE id IN (SELECT event_id FROM compliance_leaf WHERE "index" IN ({names}))'  # noqa: S608


def test_a_detail_and_its_key_go_where_a_permit_covers_them_and_nothing_else_changes(placed):
    permit()
    entries = list(Event.objects.order_by("id").values_list("entry"))
    run(f"{REMOVE} {at(10, 11)}")
    assert without_details() == [10, 11]
    assert list(Event.objects.order_by("id").values_list("entry")) == entries
    back = "UPDATE compliance_event SET detail = %s, detail_key = %s"
    refused(f"{back} {at(10)}", [b"{}"] * 2)


def test_a_detail_outside_of_the_permits_range_stays(placed):
    permit()
    for index in (9, 12, 13):
        refused(f"{REMOVE} {at(10, index)}")
    assert without_details() == []


NO_PERMIT: dict[str, dict[str, Any]] = {
    "of another application": {"application": OTHER},
    "of no application": {"application": None},
    "of older events": {"before": NOW},
    "of an empty range": {"begin": 11, "end": 11},
}


def test_a_permit_of_something_else_is_none(placed):
    refused(f"{REMOVE} {at(10, 11)}")
    for changes in NO_PERMIT.values():
        permit(**changes)
        refused(f"{REMOVE} {at(10, 11)}")
    assert without_details() == []


def test_a_permit_for_events_of_no_application_lets_those_go_and_no_others(placed):
    Leaf.objects.create(index=14, event=event(14))
    permit(begin=0, end=99, application=None)
    run(f"{REMOVE} {at(14)}")
    refused(f"{REMOVE} {at(11, 14)}")
    assert without_details() == [14]


def test_the_newest_permit_is_not_the_only_one(placed):
    permit()
    permit(begin=12, end=13)
    run(f"{REMOVE} {at(10, 12)}")
    assert without_details() == [10, 12]


def test_an_event_that_has_no_place_in_the_log_keeps_its_detail(database):
    event(0, application=MINE)
    permit(begin=0, end=99)
    refused(REMOVE)


def test_no_permit_lets_go_what_others_rely_on(database):
    permit(begin=0, end=99)
    for number, name in enumerate(kept.KEPT):
        kind = f"{name}something" if name.endswith(".") else name
        Leaf.objects.create(index=number, event=event(number, application=MINE, type=kind))
        refused(f"{REMOVE} {at(number)}")


COLUMNS = {
    "id": "id = id + 1000",
    "source": "source = 'x'",
    "epoch": "epoch = 2",
    "seq": "seq = seq + 1000",
    "type": "type = 'login'",
    "time": "time = '2020-01-01 00:00:00'",
    "request": "request = NULL",
    "application": "application = NULL",
    "entry": "entry = detail_key",
}


def test_a_permit_lets_nothing_else_of_an_event_change(placed):
    permit()
    for change in COLUMNS.values():
        refused(f"{REMOVE}, {change} {at(10)}")
        refused(f"UPDATE compliance_event SET {change} {at(10)}")  # noqa: S608
    for change in ("detail = NULL", "detail_key = NULL", "detail = detail"):
        refused(f"UPDATE compliance_event SET {change} {at(10)}")  # noqa: S608
    assert without_details() == []


def test_the_rule_speaks_of_every_column_that_an_event_has():
    columns = {field.column for field in Event._meta.local_fields}
    assert columns == {*COLUMNS, "detail", "detail_key"}


INSERTED = {
    "compliance_pruning": permit,
    "compliance_generation": lambda: Generation.objects.create(
        number=1, first=0, size=0, root=bytes(32), checkpoint="", ended=NOW, reason="x"
    ),
    "compliance_packanswer": lambda: PackAnswer.objects.create(
        pack="p", field="f", value="v", actor="a", time=NOW
    ),
}
CHANGE = {
    "compliance_pruning": '"end" = 99',
    "compliance_generation": "reason = 'y'",
    "compliance_packanswer": "value = 'y'",
}


@pytest.mark.parametrize("table", INSERTED)
def test_permits_generations_and_answers_are_only_added(database, table):
    INSERTED[table]()
    refused(f"UPDATE {table} SET {CHANGE[table]}")  # noqa: S608
    refused(f"DELETE FROM {table}")  # noqa: S608
    if connection.vendor == "postgresql":
        refused(f"TRUNCATE {table}")
    else:
        refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608


def test_triggers_of_other_modules_are_created_and_missed_with_ours(monkeypatch):
    monkeypatch.setattr(triggers, "_providers", [])
    table, name = "compliance_site", "compliance_site_never"
    if connection.vendor == "postgresql":
        made = triggers._call(table, "never", "BEFORE DELETE", "ROW", "never")
        function = triggers._POSTGRESQL_FUNCTIONS[0].replace(
            "domicile_insert_only", "domicile_never"
        )
        given = dataclasses.replace(made, function=function)
    else:
        given = triggers._abort(table, "never", f"BEFORE DELETE ON {table}", "insert-only")
    triggers.provide(lambda _vendor: [given])
    assert triggers.missing() == [f"{table}.{name}"]
    install()
    assert triggers.missing() == []
    Site.objects.create(name="a", country="DE", public_key=bytes(32))
    refused("DELETE FROM compliance_site")


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


def test_nothing_signed_and_no_version_is_replaced_by_writing_over_it(database):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has OR REPLACE")
    version = PolicyVersion.objects.create(
        number=1, document="{}", digest="0" * 64, activated=timezone.now()
    )
    signed = PolicySignature.objects.create(version=version, kind="policy-installed")
    waits = PolicyVersion.objects.create(number=2, document="{}", digest="1" * 64)
    refused(
        "INSERT OR REPLACE INTO compliance_policysignature "
        "(version_id, kind, statement, signature, created) "
        "SELECT version_id, kind, '{}', '00', created FROM compliance_policysignature"
    )
    refused(
        "INSERT OR REPLACE INTO compliance_policyversion "
        "(number, document, digest, note, created, activated) "
        "SELECT 9, document, digest, note, created, activated "
        "FROM compliance_policyversion WHERE number = 1"
    )
    refused(
        "UPDATE OR REPLACE compliance_policyversion SET activated = created WHERE number = 2"
    )
    assert list(PolicySignature.objects.all()) == [signed]
    assert list(PolicyVersion.objects.all()) == [waits, version]


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


@pytest.mark.parametrize(
    "table",
    ["inference_node", "inference_model", "inference_deployment", "inference_placement"],
)
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


SAME_NAME = {
    "sqlite": """
        DROP TRIGGER compliance_event_no_update;
        CREATE TRIGGER compliance_event_no_update BEFORE UPDATE ON compliance_event WHEN 0
        BEGIN SELECT 1; END;
    """,
    "postgresql": """
        CREATE OR REPLACE FUNCTION domicile_event_insert_only() RETURNS trigger
        LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$
    """,
}
LESS = {
    "sqlite": """
        DROP TRIGGER compliance_site_noted_update;
        CREATE TRIGGER compliance_site_noted_update AFTER UPDATE OF name ON compliance_site
        BEGIN SELECT 1; END;
    """,
    "postgresql": """
        DROP TRIGGER compliance_site_noted ON compliance_site;
        CREATE TRIGGER compliance_site_noted AFTER INSERT ON compliance_site FOR EACH ROW
        EXECUTE FUNCTION domicile_note_change('id', '')
    """,
}


@pytest.mark.parametrize("changes", [SAME_NAME, LESS])
def test_a_trigger_that_was_exchanged_for_one_that_does_less_is_missing(changes):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executescript(changes["sqlite"])
        else:
            cursor.execute(changes["postgresql"])
    found = triggers.missing()
    table = "event_no" if changes is SAME_NAME else "site_noted"
    assert len(found) == 1
    assert f"compliance_{table}" in found[0]
    install()
    assert triggers.missing() == []

"""What is changed behind the record's back is on the record, and nothing else is."""

import datetime as dt
import json
import sqlite3
import threading
import time

import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from compliance.audit import journal, triggers
from compliance.audit.changes import KEYS, recorded
from compliance.audit.configuration import loaded
from compliance.audit.notary import Notary
from compliance.audit.watch import Watch, look_at_disk, look_at_triggers, take, take_changes
from compliance.models import Alarm, APIKey, Application, Change, Configuration, Event, Site
from compliance.vocabulary import Event as Happening
from tests.services.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


RAW = "UPDATE compliance_application SET owner = 'x', active = true"


def application(name="helpdesk"):
    """Made and recorded, as the console does it."""
    with recorded():
        one = Application.objects.create(
            name=name, purpose="p", legal_basis="6-1-b", ropa_reference="r", owner="o"
        )
        say("application.registered", one)
    return one


def say(kind, *about):
    journal.record("console", [Happening(kind, time.time_ns() // 1000, {})], about)


def outside(database, *statements):
    """Run SQL over a connection that knows nothing of us, as psql or sqlite3 would."""
    if database.vendor == "sqlite":
        with sqlite3.connect(database.name, timeout=PATIENCE) as other:
            for statement in statements:
                other.execute(statement)
        other.close()
    else:
        with psycopg.connect(database.url) as session:
            for statement in statements:
                session.execute(statement)


def unrecorded():
    found = Event.objects.filter(type="change.unrecorded").order_by("id")
    details = [json.loads(bytes(event.detail or b"")) for event in found]
    return [(one["verb"], one["table"], one["key"], one["columns"]) for one in details]


def test_a_recorded_change_leaves_nothing_behind():
    one = application()
    with recorded():
        one.owner = "somebody else"
        one.save()
        say("application.changed", one)
    assert not Change.objects.exists()
    assert take_changes() == 0


@pytest.mark.parametrize(
    ("verb", "statement", "columns"),
    [
        ("UPDATE", RAW, ["active", "owner"]),
        ("DELETE", "DELETE FROM compliance_application", []),
    ],
)  # fmt: skip
def test_a_raw_write_is_told_with_table_and_key(database, verb, statement, columns):
    one = application()
    Application.objects.filter(pk=one.pk).update(active=True)
    with recorded():
        Application.objects.update(active=False)
        say("application.changed", one)
    outside(database, statement)
    take_changes()
    assert unrecorded() == [(verb, "compliance_application", str(one.pk), columns)]
    alarm = Alarm.objects.get()
    assert alarm.subject == "compliance_application"
    assert str(one.pk) in alarm.words
    assert take_changes() == 0


def test_a_running_notary_tells_a_raw_write(database, tmp_path):
    one = application()
    stop = threading.Event()
    notary = Notary(tmp_path / "log", bytes(32), "domicile.test/log/1")
    thread = threading.Thread(target=notary.run, args=(stop,))
    thread.start()
    try:
        outside(database, "UPDATE compliance_application SET purpose = 'another'")
        wait_until(unrecorded, "it is told")
    finally:
        stop.set()
        thread.join()
    assert unrecorded() == [("UPDATE", "compliance_application", str(one.pk), ["purpose"])]


def test_bulk_writes_of_django_are_told_too():
    application()
    Application.objects.update(purpose="another")
    Site.objects.bulk_create([Site(name=n, country="DE", public_key=bytes(32)) for n in "ab"])
    take_changes()
    verbs = [(verb, table) for verb, table, _key, _columns in unrecorded()]
    assert verbs == [
        ("UPDATE", "compliance_application"),
        *[("INSERT", "compliance_site")] * 2,
    ]


def test_a_change_of_many_rows_is_one_event():
    Site.objects.bulk_create(
        Site(name=f"s{n}", country="DE", public_key=bytes(32)) for n in range(KEYS + 1)
    )
    take_changes()
    assert unrecorded() == [("INSERT", "compliance_site", None, [])]
    assert Alarm.objects.get().count == KEYS + 1


def test_an_event_covers_only_what_it_speaks_of():
    one, other = application(), application("other")
    with recorded():
        Application.objects.update(owner="x")
        say("application.changed", one)
    take_changes()
    assert unrecorded() == [("UPDATE", "compliance_application", str(other.pk), ["owner"])]


def test_an_event_covers_only_its_own_transaction(database):
    one = application()
    outside(database, "UPDATE compliance_application SET owner = 'secretly'")
    with recorded():
        Application.objects.update(purpose="openly")
        say("application.changed", one)
    take_changes()
    assert unrecorded() == [("UPDATE", "compliance_application", str(one.pk), ["owner"])]


def test_what_comes_after_the_event_is_not_covered():
    one = application()
    with recorded():
        say("application.changed", one)
        Application.objects.update(owner="afterwards")
    take_changes()
    assert len(unrecorded()) == 1


def test_an_event_of_a_transaction_that_was_rolled_back_covers_nothing(database):
    one = application()
    with recorded():
        Application.objects.update(owner="x")
        say("application.changed", one)
        transaction.set_rollback(True)
    assert not Change.objects.exists()
    outside(database, "UPDATE compliance_application SET owner = 'y'")
    take_changes()
    assert len(unrecorded()) == 1


def test_rights_given_behind_the_back_are_told_with_whom():
    user = User.objects.create(username="eve")
    take_changes()
    user.groups.add(Group.objects.get(name="Administrator"))
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    Group.objects.get(name="Auditor").permissions.clear()
    take_changes()
    tables = {(verb, table, key) for verb, table, key, _columns in unrecorded()[1:]}
    auditor = str(Group.objects.get(name="Auditor").pk)
    assert ("INSERT", "auth_user_groups", str(user.pk)) in tables
    assert ("UPDATE", "auth_user", str(user.pk)) in tables
    assert any(verb == "DELETE" and key in (auditor, None) for verb, _table, key in tables)


def test_a_login_and_a_change_to_the_same_value_are_no_changes():
    user = User.objects.create(username="eve")
    take_changes()
    before = len(unrecorded())
    User.objects.update(last_login=dt.datetime.now(dt.UTC))
    user.save()
    take_changes()
    assert len(unrecorded()) == before


def test_no_secret_of_a_row_is_kept():
    one = application()
    APIKey.issue(one)
    Application.objects.update(label_key=b"L" * 32)
    key = APIKey.objects.get()
    texts = [str(row) for row in Change.objects.values_list()]
    take_changes()
    texts += [bytes(event.detail or b"").decode() for event in Event.objects.all()]
    for secret in (key.digest, "LLLL", b"LLLL".hex()):
        assert not any(secret in text for text in texts)
    assert ("UPDATE", "compliance_application", str(one.pk), ["label_key"]) in unrecorded()


def test_an_emptied_table_is_told(database):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite knows no TRUNCATE; it deletes")
    outside(database, "TRUNCATE auth_user_user_permissions")
    take_changes()
    assert unrecorded() == [("TRUNCATE", "auth_user_user_permissions", "", [])]


def test_what_two_notaries_read_at_once_is_told_once():
    application()
    Application.objects.update(owner="x")
    rows = list(Change.objects.all())
    assert take(rows) == 1
    assert take(rows) == 0
    assert len(unrecorded()) == 1
    assert Alarm.objects.get().count == 1


def test_a_trigger_that_was_dropped_is_an_alarm_until_it_stands_again():
    look_at_triggers()
    assert not Alarm.objects.exists()
    with connection.cursor() as cursor:
        table = " ON compliance_site" if connection.vendor == "postgresql" else ""
        name = "noted" if connection.vendor == "postgresql" else "noted_update"
        cursor.execute(f"DROP TRIGGER compliance_site_{name}{table}")
    look_at_triggers()
    look_at_triggers()
    event = Event.objects.get(type="triggers.missing")
    assert f"compliance_site.compliance_site_{name}" in bytes(event.detail or b"").decode()
    assert Alarm.objects.get().ended is None
    triggers.install()
    look_at_triggers()
    assert Alarm.objects.get().ended is not None
    assert Event.objects.filter(type="triggers.restored").count() == 1


def test_a_full_disk_is_an_alarm_once_and_over_when_there_is_room():
    for free in (50, 40, 150, 90):
        look_at_disk(free, floor=100)
    assert Event.objects.filter(type="disk.low").count() == 1
    look_at_disk(200, floor=100)
    assert Event.objects.filter(type="disk.recovered").count() == 1
    look_at_disk(10, floor=100)
    assert Event.objects.filter(type="disk.low").count() == 2


@pytest.mark.parametrize("key", ["z" * 32, "k" * 64])
def test_a_row_whose_key_is_like_no_other_is_told_too(database, key):
    Change.objects.create(
        table="compliance_site", verb="INSERT", key=key, time=dt.datetime.now(dt.UTC)
    )
    Watch().look()
    assert unrecorded() == [("INSERT", "compliance_site", key, [])]


def test_a_look_that_fails_for_whatever_reason_is_tried_again_and_ends_nothing():
    """It runs in the notary's thread: an error that got out would end the log."""
    looks = []

    def first():
        looks.append(0)
        if len(looks) == 1:
            raise ValueError("An unforeseen one.")

    watch = Watch(first=first)
    watch.look()
    watch._next = 0.0
    watch.look()
    assert len(looks) == 2


def test_a_configuration_that_cannot_be_read_any_more_is_recorded_anew():
    Configuration.objects.create(
        process="notary", document="{", recorded=dt.datetime.now(dt.UTC)
    )
    assert loaded("notary", "notary", {"setting": 1})
    event = Event.objects.get(type="configuration.loaded")
    assert json.loads(bytes(event.detail or b""))["changed"] == ["setting"]


def test_a_change_is_covered_within_an_outer_transaction():
    with transaction.atomic():
        one = application()
    assert one.pk
    assert not Change.objects.exists()

"""By what a pack finds events: the database's columns, held against what the log commits to."""

import datetime as dt

import pytest
from django.db import connection

from compliance.evidence import packs
from compliance.evidence.bundle import ExportImpossible, Scope, export
from compliance.models import Application, Event
from tests.compliance.evidence.filling import fields
from tests.compliance.evidence.packing import KEY
from tests.compliance.evidence.test_packs import tamper

pytestmark = pytest.mark.database


def stored(application):
    """An id as the column holds it."""
    return application.pk.hex if connection.vendor == "sqlite" else str(application.pk)


def changed(record):
    """A time limit for details, put on record."""
    Application.objects.filter(pk=record.mail.pk).update(details_days=30)
    changes = {"details_days": {"from": None, "to": 30}}
    record.told("application.changed", {"application": "mail", "changes": changes}, record.mail)


def pruned(record):
    """What the log says of a detail that went."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    said = {"generation": 1, "begin": 0, "end": 1, "before": today, "count": 1}
    whose = {"application": str(record.mail.pk), "rule": "30 days", "reason": ""}
    record.told("record.pruned", said | whose, record.mail)


@pytest.mark.parametrize("tell", [changed, pruned])
def test_no_pack_is_made_where_an_event_of_no_request_was_given_to_another(record, build, tell):
    record.request(record.mail)
    tell(record)
    record.sign()
    assert fields(build("ai-logs")[0])["retention"]["origin"] == "verified"
    row = Event.objects.filter(type__in=("application.changed", "record.pruned")).get()
    sql = "UPDATE compliance_event SET application = %s WHERE id = %s"
    tamper(sql, stored(record.crm), row.pk)
    with pytest.raises(packs.PackImpossible, match="is not the one that it speaks of"):
        build("ai-logs")


COLUMNS = {
    "type": "login.failed",
    "source": "command",
    "epoch": 7,
    "seq": 7_000,
    "time": "2020-01-01 00:00:00",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_no_pack_is_made_where_a_column_does_not_say_what_the_entry_says(record, build, column):
    changed(record)
    record.request(record.mail)
    record.sign()
    row = Event.objects.get(type="application.changed")
    sql = f"UPDATE compliance_event SET {column} = %s WHERE id = %s"  # noqa: S608 - ours
    tamper(sql, COLUMNS[column], row.pk)
    with pytest.raises(packs.PackImpossible, match="its columns do not say what was signed"):
        build("ai-logs")


@pytest.mark.parametrize("pack", ["ai-logs", "ml-bom"])
def test_no_pack_is_made_where_an_event_outside_of_its_period_was_given_another_type(
    record, build, pack
):
    """By its column nobody would find it any more: what it changed would count as unchanged."""
    changed(record)
    record.told("login.failed", {"user": "eve"})  # beside the period; it is read
    record.sign()
    since = dt.datetime.now(dt.UTC)
    record.request(record.mail)
    record.sign()
    build(pack, period=packs.Period(since=since))
    row = Event.objects.get(type="application.changed")
    tamper("UPDATE compliance_event SET type = %s WHERE id = %s", "login.failed", row.pk)
    with pytest.raises(packs.PackImpossible, match="its columns do not say what was signed"):
        build(pack, period=packs.Period(since=since))


@pytest.mark.parametrize("pack", ["record-of-processing", "ml-bom"])
def test_no_pack_is_made_with_a_label_key_that_is_not_the_registered_one(record, build, pack):
    """Also where the registration is older than the period."""
    record.sign()
    since = dt.datetime.now(dt.UTC)
    record.request(record.crm, decision="block")
    record.sign()
    build(pack, period=packs.Period(since=since))
    keys = Application.objects.filter(pk=record.mail.pk)
    keys.update(label_key=bytes(record.crm.label_key))
    sql = "UPDATE compliance_event SET application = %s WHERE type = %s"
    tamper(sql, stored(record.mail), "request.blocked")
    with pytest.raises(packs.PackImpossible, match="label key of the application mail"):
        build(pack, period=packs.Period(since=since))


def test_no_pack_is_made_where_an_application_has_the_label_key_of_another(record, build):
    """Else requests could be given to one that nobody registered, and their label be right."""
    request = record.request(record.mail, decision="block")
    record.sign()
    build("ai-logs")
    key = bytes(record.mail.label_key)
    shadow = Application.objects.create(name="shadow", high_risk=True, label_key=key)
    sql = "UPDATE compliance_event SET application = %s WHERE request = %s"
    tamper(sql, stored(shadow), request)
    with pytest.raises(packs.PackImpossible, match="two applications have the key"):
        build("ai-logs")


def moved(day, places):
    """As if these entries of the log, and they alone, were of that day."""
    signed = Event.objects.exclude(leaf=None).order_by("leaf__index")
    for pk in list(signed.values_list("pk", flat=True))[places]:
        sql = "UPDATE compliance_event SET time = %s WHERE id = %s"
        tamper(sql, f"{day} 00:00:00", pk)


@pytest.mark.parametrize(
    ("day", "places"),
    [
        ("2020-01-01", slice(3)),
        ("2100-01-01", slice(-3, None)),
        ("2020-01-01", slice(None)),
        ("2100-01-01", slice(None)),
    ],
)
def test_what_was_moved_out_of_the_period_stops_packs_and_exports_of_the_period(
    record, build, tmp_path, day, places
):
    """The entries that are left out are not read; the ones beside the range are."""
    for _ in range(2):
        record.request(record.mail)
    record.sign()
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    tomorrow = yesterday + dt.timedelta(days=2)
    asked = Scope(yesterday.isoformat(), tomorrow.isoformat())
    export(asked, tmp_path / "evidence.zip", record.data / "log", KEY)
    moved(day, places)
    with pytest.raises(packs.PackImpossible, match="which entries are of that time"):
        build("ml-bom", period=packs.Period(yesterday, tomorrow))
    with pytest.raises(ExportImpossible, match="which entries are of that time"):
        export(asked, tmp_path / "again.zip", record.data / "log", KEY)

"""Details go when a rule says so, never earlier, and the log stays sound."""

import datetime as dt
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from django.db import IntegrityError, ProgrammingError, connection

from compliance.audit import kept, retention, triggers
from compliance.audit.installation import install
from compliance.audit.verify import verify_log
from compliance.models import Application, Event, PolicyVersion, Pruning
from tests.compliance.audit.retained import (
    DAY,
    NOW,
    PUBLIC,
    activate,
    application,
    at,
    gone,
    integrate,
    pair,
    store,
)

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


@pytest.fixture
def settled(folder):
    """Store these events, integrate them, and prune; the permits."""

    def settle(*events, now=NOW):
        store(*events)
        integrate(folder)
        made = retention.prune(now)
        integrate(folder)
        return made

    return settle


def days_of(events):
    return sorted((NOW - event.time).days for event in events)


def said(event):
    return json.loads(bytes(event.detail))


def test_details_of_an_application_go_after_its_days_and_the_entries_stay(folder, settled):
    owner = application(details_days=30)
    entries = {}
    made = settled(*(one for days in (29, 30, 31, 32, 400) for one in pair(days, owner)))
    entries = dict(Event.objects.values_list("pk", "entry"))
    assert days_of(Event.objects.filter(pk__in=gone())) == [31, 31, 32, 32, 400, 400]
    assert not Event.objects.filter(detail=None, detail_key__isnull=False).exists()
    assert [one.count for one in made] == [6]
    assert dict(Event.objects.values_list("pk", "entry")) == entries
    report = verify_log(folder, PUBLIC)
    assert report.ok, report.words


def test_the_event_says_which_range_went_by_which_rule(settled):
    owner = application(details_days=30)
    store(at(1, "a.young"))
    (made,) = settled(*pair(40, owner))
    event = Event.objects.get(type="record.pruned")
    detail = said(event)
    detail.pop("time")
    assert detail == {
        "generation": 1,
        "begin": 1,
        "end": 3,
        "application": str(owner.pk),
        "before": (NOW - 30 * DAY).date().isoformat(),
        "count": 2,
        "rule": "Details of desk are kept for 30 days (as registered for the application).",
        "reason": "",
    }
    assert event.application == owner.pk
    assert event.time == made.pruned


def test_pruning_again_changes_nothing(settled):
    owner = application(details_days=30)
    settled(*pair(40, owner))
    before = list(Event.objects.order_by("pk").values())
    assert retention.prune(NOW) == []
    assert list(Event.objects.order_by("pk").values()) == before


def test_the_next_days_details_go_with_a_permit_of_their_own(folder, settled):
    owner = application(details_days=30)
    settled(*(one for days in range(28, 33) for one in pair(days, owner)))
    later = NOW
    for _ in range(4):
        later += DAY
        retention.prune(later)
    assert Event.objects.filter(detail=None).count() == 10
    assert [one.count for one in Pruning.objects.order_by("id")] == [4, 2, 2, 2]
    integrate(folder)
    assert verify_log(folder, PUBLIC).ok


def test_without_a_rule_everything_is_kept(settled):
    owner = application()
    assert settled(*pair(4000, owner), at(4000, "login")) == []
    assert not gone()


def test_the_policy_bounds_applications_and_events_of_none(settled):
    activate(details_days=20)
    short, longer = application("short", details_days=10), application("long", details_days=90)
    made = settled(
        *pair(15, short), *pair(15, longer), *pair(25, longer), at(15, "login"), at(25, "login")
    )
    found = Event.objects.filter(pk__in=gone())
    assert Counter((one.application, days_of([one])[0]) for one in found) == {
        (short.pk, 15): 2,
        (longer.pk, 25): 2,
        (None, 25): 1,
    }
    assert {one.application for one in made} == {short.pk, longer.pk, None}
    rules = {said(one)["rule"] for one in Event.objects.filter(type="record.pruned")}
    assert "Details of long are kept for 20 days (policy version 2)." in rules


def test_a_high_risk_application_keeps_its_details_for_six_months(settled):
    activate(details_days=20)
    owner = application(high_risk=True, details_days=10)
    settled(*pair(184, owner), *pair(185, owner), at(184, "login"), at(185, "login"))
    assert days_of(Event.objects.filter(pk__in=gone())) == [185, 185, 185]
    rules = {said(one)["rule"] for one in Event.objects.filter(type="record.pruned")}
    assert all("184 days (the floor of AI Act, Art. 19(1) and 26(6))" in one for one in rules)


def test_a_legal_reason_lifts_the_floor_and_goes_on_the_record(settled):
    owner = application(high_risk=True, details_days=10, retention_reason=" §1 of some law ")
    settled(*pair(12, owner))
    assert len(gone()) == 2
    assert said(Event.objects.get(type="record.pruned"))["reason"] == "§1 of some law"


@pytest.mark.parametrize(
    ("high_risk", "reason", "least"), [(True, "", 184), (True, "x", None), (False, "", None)]
)
def test_only_a_high_risk_application_without_a_reason_has_a_floor(high_risk, reason, least):
    found = retention.floor(Application(high_risk=high_risk, retention_reason=reason))
    assert found == least


def test_the_floor_is_six_months_from_whichever_day_they_are_counted():
    """Of 2027 and 2028: the day six months later is over before anything goes."""
    for day in range(731):
        happened = dt.datetime(2027, 1, 1, 23, 59, tzinfo=dt.UTC) + day * DAY
        months = happened.month + 6
        until = (
            happened.replace(
                year=happened.year + (months - 1) // 12, month=(months - 1) % 12 + 1, day=1
            )
            + (happened.day - 1) * DAY
        )
        assert happened >= retention.before(until, retention.SIX_MONTHS)


@pytest.mark.parametrize(
    ("asked", "bound", "days"), [(0, None, 0), (9, None, 9), (9, 0, 0), (9, 5, 5), (5, 9, 5)]
)
def test_the_shorter_period_of_content_counts_and_nought_wins(asked, bound, days):
    owner = Application(content_days=asked, high_risk=True)
    assert retention.content_days(owner, retention.Bounds(content_days=bound)) == days


def test_what_others_rely_on_is_never_removed(folder, settled):
    activate(details_days=1)
    types = ["policy.activated", "api_key.issued", "key.rotated", "content.erased", "login"]
    settled(*(at(400, kind) for kind in types))
    assert [one.type for one in Event.objects.filter(detail=None)] == ["login"]
    assert kept.is_kept("application.changed")
    assert not kept.is_kept("policy")
    assert not kept.is_kept("record.pruned.x")


@pytest.mark.parametrize("retained", ['"soon"', '{"details_days":0}', '{"details_days":"1"}'])
def test_a_policy_that_cannot_be_read_removes_nothing(settled, retained):
    owner = application(details_days=1)
    document = f'{{"retention":{retained}}}'
    PolicyVersion.objects.create(number=1, document=document, digest="0" * 64, activated=NOW)
    with pytest.raises(retention.RetentionUnclear, match="policy version 1"):
        settled(*pair(9, owner))
    assert not gone()


def test_an_event_whose_clock_was_wrong_is_removed_when_its_time_has_come(settled):
    """Neither one from the future nor one from the past hides its neighbours or itself."""
    owner = application(details_days=30)
    days = [40, -4000, 40, 5, 400, 4]
    settled(*(at(one, "a.step", owner) for one in days))
    assert days_of(Event.objects.filter(pk__in=gone())) == [40, 40, 400]
    retention.prune(NOW + 28 * DAY)
    assert days_of(
        Event.objects.filter(detail__isnull=False).exclude(type="record.pruned")
    ) == [-4000]


def test_what_is_removed_is_found_in_no_page_of_the_database(database, settled):
    if database.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps old rows until it vacuums")
    owner = application(details_days=30)
    store(*pair(40, owner))
    with closing(sqlite3.connect(database.name)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"a word that goes" in Path(database.name).read_bytes()
        settled()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"a word that goes" not in Path(database.name).read_bytes()


def test_the_notarys_role_alone_may_remove_details(database, folder):
    if database.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    owner = application(details_days=30)
    activate(details_days=30)
    store(*pair(40, owner))
    integrate(folder)
    rights = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"
    remove = "UPDATE compliance_event SET detail = NULL, detail_key = NULL"
    with connection.cursor() as cursor:
        cursor.execute(rights.read_text())
        cursor.execute("SET ROLE domicile_web")
        for forbidden in (
            remove,
            "INSERT INTO compliance_pruning SELECT * FROM compliance_pruning",
            "DELETE FROM compliance_pruning",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute(forbidden)
        cursor.execute("SET ROLE domicile_notary")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("UPDATE compliance_event SET entry = NULL")
        with pytest.raises(IntegrityError, match="insert-only"):
            cursor.execute(remove)
        assert [one.count for one in retention.prune(NOW, "notary")] == [2]
        cursor.execute("RESET ROLE")
    assert len(gone()) == 2


def test_an_event_whose_application_is_no_id_stops_no_rule_and_does_not_end_a_check(folder):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL stores no such id")
    owner = application(details_days=30)
    store(*pair(40, owner), at(40, "a.step"))
    with connection.cursor() as cursor:
        for trigger in triggers._triggers(connection):
            cursor.execute(triggers._drop(connection, trigger))
        cursor.execute("UPDATE compliance_event SET application = 'x' WHERE type = 'a.step'")
    install()
    integrate(folder)
    retention.prune(NOW)
    assert len(gone()) == 2
    assert "Entry 2 " in "".join(verify_log(folder, PUBLIC).problems)

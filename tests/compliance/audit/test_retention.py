"""Details go when a rule says so, never earlier, and the log stays sound."""

import datetime as dt
import io
import json
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compliance.audit import journal, kept, pruning, retention, triggers
from compliance.audit.installation import install
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.models import Application, Event, Leaf, PolicyVersion, Pruning
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Retention, canonical, policy
from compliance.vocabulary import Event as Recorded
from tests.compliance.audit.events import request_id
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def application(name="desk", **changes):
    return Application.objects.create(name=name, **changes)


def activate(**bounds):
    """A policy that bounds retention so."""
    made = policy("house", 2, DEFAULT.rules, Retention(**bounds))
    document = canonical(made).decode()
    PolicyVersion.objects.create(number=2, document=document, digest=made.digest, activated=NOW)


def at(days, kind="request.admitted", owner=None, request=None):
    """An event of so many days ago; an application's belongs to a request."""
    request = request or (request_id() if owner else None)
    return Recorded(
        type=kind,
        time=int((NOW - days * DAY).timestamp()) * 1_000_000,
        detail={"planted": "a word that goes"},
        request=request,
        application=str(owner.pk) if owner else None,
        label_key=bytes(owner.label_key) if owner else None,
    )


def pair(days, owner):
    """A whole request."""
    name = request_id()
    return [
        at(days, "request.admitted", owner, name),
        at(days, "request.completed", owner, name),
    ]


def store(*events):
    with transaction.atomic():
        journal.record("console", events)


def integrate(folder):
    notary = Notary(folder, KEY, "example.org/log/1")
    while notary.integrate_once():
        pass


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "log"


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


def gone():
    return set(Event.objects.filter(detail=None).values_list("pk", flat=True))


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


def run_of(now=NOW):
    return pruning.Run(retention.rules(now), "command")


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_without_a_second_permit(
    folder, monkeypatch
):
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(pruning, "CHUNK", 7)
    owner, other = application(details_days=30), application("other", details_days=10)
    for stop in range(1, 16):
        store(*(one for who in (owner, other) for one in pair(40, who) + pair(5, who)))
        integrate(folder)
        before = Pruning.objects.count()
        steps = run_of().steps()
        for _ in range(stop):
            next(steps, None)
        steps.close()
        retention.prune(NOW)
        assert Pruning.objects.count() == before + 2, stop
        assert Event.objects.filter(detail=None).count() == 4 * stop
    integrate(folder)
    report = verify_log(folder, PUBLIC)
    assert report.ok, report.words
    assert sum(one.count for one in Pruning.objects.all()) == len(gone())


def test_a_run_that_was_killed_is_finished_on_a_later_day_too(folder, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    owner = application(details_days=30)
    store(*(one for days in (40, 40, 40, 29) for one in pair(days, owner)))
    integrate(folder)
    steps = run_of().steps()
    for _ in range(3):  # looked, permitted, two removed
        next(steps)
    steps.close()
    assert len(gone()) == 2
    retention.prune(NOW + 5 * DAY)
    assert [one.count for one in Pruning.objects.order_by("id")] == [6, 2]
    integrate(folder)
    assert len(gone()) == 8
    assert verify_log(folder, PUBLIC).ok


def test_two_prunes_at_once_write_each_permit_once(folder, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 3)
    owners = [application(f"a{n}", details_days=30) for n in range(4)]
    store(*(one for owner in owners for _ in range(10) for one in pair(40, owner)))
    integrate(folder)
    together = threading.Barrier(3)
    failures = []

    def prune():
        together.wait()
        try:
            retention.prune(NOW)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=prune) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Counter(Pruning.objects.values_list("application", "count")) == {
        (owner.pk, 20): 1 for owner in owners
    }
    assert len(gone()) == 80
    integrate(folder)
    assert verify_log(folder, PUBLIC).ok


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],  # the log keeps what earlier examples left: nothing to shrink
    derandomize=True,
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.integers(0, 60),
            st.sampled_from(["a.step", "login", "policy.activated"]),
        ),
        min_size=1,
        max_size=20,
    ),
    st.fixed_dictionaries(
        {"a": st.none() | st.integers(1, 60), "b": st.none() | st.integers(1, 60)}
    ),
    st.integers(1, 400),
)
def test_after_every_prune_the_log_is_sound_and_what_is_gone_was_due(
    tmp_path_factory, events, days, stop
):
    """The log grows from example to example, as it does in life."""
    folder = Event.objects.filter(source="console").exists() and FOLDERS[-1]
    if not folder:
        folder = tmp_path_factory.mktemp("log")
        FOLDERS.append(folder)
    owners = {name: Application.objects.get_or_create(name=name)[0] for name in ("a", "b")}
    for name, owner in owners.items():
        owner.details_days = days[name]
        owner.save()
    store(*(at(age, kind, owners.get(name)) for name, age, kind in events))
    integrate(folder)
    steps = run_of().steps()
    for _ in range(stop):
        next(steps, None)
    steps.close()
    held = {
        one.pk: (one.application, one.time, one.type)
        for one in Event.objects.filter(detail__isnull=False)
    }
    retention.prune(NOW)
    limits = {owner.pk: days[name] for name, owner in owners.items()}
    for event in Event.objects.filter(pk__in=held):
        limit = limits.get(event.application) if event.application else None
        is_due = limit is not None and event.time < retention.before(NOW, limit)
        assert (event.detail is None) == (is_due and not kept.is_kept(event.type))
    integrate(folder)
    report = verify_log(folder, PUBLIC)
    assert report.ok, report.words


FOLDERS: list[Path] = []


def test_the_notary_prunes_at_its_start_and_leaves_its_time_to_the_log(folder, monkeypatch):
    monkeypatch.setattr(retention, "SHARE", 2)
    owner = application(details_days=30)
    store(*(one for _ in range(20) for one in pair(40, owner)))
    stop = threading.Event()
    notary = Notary(folder, KEY, "example.org/log/1")
    thread = threading.Thread(target=notary.run, args=(stop,))
    thread.start()
    try:
        gone_by_now = Event.objects.filter(detail=None)
        wait_until(lambda: gone_by_now.count() >= 40, "all that is due is gone")
    finally:
        stop.set()
        thread.join()
    assert Event.objects.get(type="record.pruned").source == "notary"
    assert len(gone()) == 40
    assert Leaf.objects.count() == Event.objects.count()


def run_command(*options):
    out = io.StringIO()
    try:
        call_command("audit", "prune", *options, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_what_is_due_and_removes_it_only_when_told(folder):
    owner = application(details_days=30)
    store(*pair(40, owner))
    integrate(folder)
    code, told = run_command("--dry-run")
    assert code == 0
    assert "Details of desk are kept for 30 days" in told
    assert "2 details are due. Nothing was removed." in told
    assert not gone()
    assert not Pruning.objects.exists()
    code, told = run_command()
    assert code == 0
    assert "2 details were removed" in told
    assert Event.objects.get(type="record.pruned").source == "command"
    assert "0 details were removed" in run_command()[1]


def test_the_command_ends_with_2_where_the_policy_cannot_be_read():
    PolicyVersion.objects.create(number=1, document="[]", digest="0" * 64, activated=NOW)
    code, told = run_command()
    assert code == 2
    assert "policy version 1" in told


def test_the_notary_goes_on_where_pruning_fails_and_tries_again(caplog):
    PolicyVersion.objects.create(number=1, document="[]", digest="0" * 64, activated=NOW)
    daily = retention.Daily()
    daily.turn()
    daily.turn()
    assert [one.getMessage() for one in caplog.records if "were not removed" in one.message]
    assert daily._next > time.monotonic() + 3_000


def test_the_notary_goes_on_after_any_other_error_too(monkeypatch):
    monkeypatch.setattr(retention, "rules", lambda now: now / 0)
    daily = retention.Daily()
    daily.turn()
    assert daily._next > time.monotonic() + 3_000


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


def test_the_notary_gives_a_hundredth_of_its_time(folder, monkeypatch):
    owner = application(details_days=30)
    store(*(one for _ in range(60) for one in pair(40, owner)))
    integrate(folder)
    moments = [1000.0, 1002.0]  # a step of two seconds
    clock = SimpleNamespace(monotonic=lambda: moments.pop(0))
    monkeypatch.setattr(retention, "time", clock)
    daily = retention.Daily()
    daily.turn()
    moments += [1199.9] * 50
    for _ in range(50):
        daily.turn()  # too early: nothing happens
    assert not gone()
    while not gone():
        moments += [daily._next, daily._next + 1]
        daily.turn()

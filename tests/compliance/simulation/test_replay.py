"""Replays of what was recorded: whole, in parts, by two at once, and after a kill."""

import contextlib
import dataclasses
import datetime as dt
import json
import sqlite3

import django.db
import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from compliance.audit import catalogue, journal
from compliance.models import Event, Simulation
from compliance.policy import recorded
from compliance.policy.rules import Condition, Rule, policy
from compliance.policy.simulate import Tally
from compliance.simulation import replay, runs
from compliance.vocabulary import Category, Effect, Endpoint, Facts, Obligations, Serving
from tests.compliance.audit.events import event, now, register, request_id

pytestmark = pytest.mark.database

DAY = 24 * 3600 * 1_000_000
ALLOW = policy("a", 1, (Rule("all", "All.", Condition(), Effect.ALLOW),))
NO_HR = policy(
    "a",
    2,
    (
        *ALLOW.rules,
        Rule("hr", "None of HR.", Condition(applications=frozenset({"hr"})), Effect.BLOCK),
    ),
)


def asked(application, *, days_ago=0, **more):
    """An admitted request whose facts are on the record."""
    time = now() - days_ago * DAY
    facts = Facts(application, "small", {(Category.PERSONAL, "PERSON"): 1}, time=time)
    detail = {"model": "small", "facts": recorded.written(facts)} | more
    return dataclasses.replace(event("request.admitted", request_id(), **detail), time=time)


def on_record(*events):
    register()
    with transaction.atomic():
        journal.record("console", events)


def begun(days=7, new=NO_HR):
    return runs.start("Compliance officer", "Draft 1", new, ALLOW, days)


def found(run):
    run.refresh_from_db()
    return Tally.read(run.tally)


def test_what_was_asked_in_the_time_is_decided_anew(database):
    on_record(asked("hr", days_ago=9), asked("hr"), asked("demo"), asked("hr", days_ago=2))
    run = begun()
    replay.carry_out(run.pk)
    tally = found(run)
    assert run.state == Simulation.State.DONE
    assert (tally.seen, tally.changed) == (3, 2)
    assert tally.applications["hr"] == {("allow", "block"): 2}
    told = [
        (row.type, json.loads(bytes(row.detail or b"")))
        for row in Event.objects.filter(type__startswith="policy.").order_by("id")
    ]
    assert [kind for kind, _ in told] == ["policy.simulation_started", "policy.simulated"]
    assert not [one for kind, detail in told for one in catalogue.unknown(kind, detail)]
    assert (told[1][1]["requests"], told[1][1]["decided_otherwise"]) == (3, 2)


def test_a_request_that_would_be_blocked_for_what_its_answer_might_hold_is_foreseen(database):
    reasons = Facts("hr", "small", serving=Serving(reasons=True), time=now())
    at = (dataclasses.replace(reasons, endpoint=endpoint) for endpoint in Endpoint)
    on_record(*(asked("hr", facts=recorded.written(facts)) for facts in at), asked("hr"))
    (rule,) = ALLOW.rules
    quiet = dataclasses.replace(rule, obligations=Obligations(withhold_reasoning=True))
    run = begun(new=policy("a", 2, (quiet,)))
    replay.carry_out(run.pk)
    assert found(run).outcomes == {("allow", "allow"): 3, ("allow", "block"): 1}


def test_a_request_whose_facts_are_not_there_is_counted_and_no_guess_is_made(database):
    strange = asked("hr", facts={"request_class": "unheard-of"})
    older = event("request.blocked", request_id())
    on_record(asked("hr"), strange, older)
    run = begun()
    replay.carry_out(run.pk)
    assert found(run).seen == 1
    assert run.unreadable == 2


def test_a_held_request_and_its_repetition_once_approved_count_as_one(database):
    held = dataclasses.replace(asked("hr"), type="request.held")
    on_record(held, asked("hr", hold=held.request))
    run = begun()
    replay.carry_out(run.pk)
    assert found(run).seen == 1


def test_requests_that_come_after_it_was_begun_are_left_out(database):
    on_record(asked("hr"))
    run = begun()
    on_record(asked("hr"))
    replay.carry_out(run.pk)
    assert found(run).seen == 1


def test_one_that_was_stopped_goes_on_where_it_was(database, monkeypatch):
    on_record(*(asked("hr") for _ in range(5)))
    monkeypatch.setattr(replay, "CHUNK", 2)
    run = begun()
    looked = iter([False, False, True])
    replay.carry_out(run.pk, stopping=lambda: next(looked))
    assert 0 < found(run).seen < 5
    assert run.state == Simulation.State.WAITING
    assert replay.left() == [run.pk]
    replay.carry_out(run.pk)
    assert found(run).seen == 5
    assert replay.left() == []


def test_one_whose_process_died_is_taken_up_and_counts_nothing_twice(database, monkeypatch):
    on_record(*(asked("hr") for _ in range(5)))
    monkeypatch.setattr(replay, "CHUNK", 2)
    run = begun()

    class Killed(BaseException):
        pass

    def die_after(count):
        looked = iter(range(count))

        def stopping():
            if next(looked, None) is None:
                raise Killed
            return False

        return stopping

    with pytest.raises(Killed):
        replay.carry_out(run.pk, stopping=die_after(1))
    replay.carry_out(run.pk)  # it seems to be at work
    assert found(run).seen < 5
    Simulation.objects.filter(pk=run.pk).update(seen=timezone.now() - 2 * replay.UNSEEN)
    assert replay.left() == [run.pk]
    replay.carry_out(run.pk)
    assert found(run).seen == 5


def test_one_that_lost_its_claim_saves_nothing_more(database, monkeypatch):
    on_record(*(asked("hr") for _ in range(6)))
    monkeypatch.setattr(replay, "CHUNK", 2)
    run = begun()

    def taken_over():
        Simulation.objects.filter(pk=run.pk).update(claim="another", cursor=0)
        return False

    replay.carry_out(run.pk, stopping=taken_over)
    run.refresh_from_db()
    assert (run.cursor, run.tally, run.claim) == (0, {}, "another")
    assert run.state == Simulation.State.RUNNING


def test_a_cancelled_one_stays_cancelled(database, monkeypatch):
    on_record(*(asked("hr") for _ in range(6)))
    monkeypatch.setattr(replay, "CHUNK", 2)
    run = begun()
    asks = iter(range(100))

    def stopping():
        if next(asks) == 1:
            assert runs.cancel("Compliance officer", run.pk)
        return False

    replay.carry_out(run.pk, stopping=stopping)
    assert found(run).seen < 6
    assert run.state == Simulation.State.CANCELLED
    assert not runs.cancel("Compliance officer", run.pk)


def test_one_that_cannot_be_carried_out_fails_in_words_and_leaves_the_others_alone(database):
    on_record(asked("hr"))
    broken, sound = begun(), begun()
    Simulation.objects.filter(pk=broken.pk).update(tally={"seen": 1})
    with capture_logs() as logged:
        replay.carry_out(broken.pk)
    assert [(one["event"], one["kind"]) for one in logged] == [
        ("simulation_failed", "KeyError")
    ]
    broken.refresh_from_db()
    assert broken.state == Simulation.State.FAILED
    assert broken.words == "It could not be carried out: KeyError. See the log of records."
    assert broken.finished is not None
    assert replay.left() == [sound.pk]
    replay.carry_out(broken.pk)
    replay.carry_out(sound.pk)
    assert found(sound).seen == 1
    assert not Event.objects.filter(type="policy.simulated", time__lt=broken.finished).exists()


@contextlib.contextmanager
def away(database):
    """The database refuses what this thread asks of it, until the block ends."""
    if database.vendor == "postgresql":
        mine = connection.connection.info.backend_pid
        with psycopg.connect(database.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [mine])
        yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 20")
        with contextlib.closing(sqlite3.connect(database.name, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
    connection.close()


def test_one_whose_database_went_away_is_taken_up_where_it_was_saved(database, monkeypatch):
    on_record(*(asked("hr") for _ in range(6)))
    monkeypatch.setattr(replay, "CHUNK", 2)
    run = begun()
    with contextlib.ExitStack() as until_it_is_back:
        looks = iter(range(100))

        def stopping():
            if next(looks) == 1:
                until_it_is_back.enter_context(away(database))
            return False

        with pytest.raises(django.db.Error), capture_logs() as logged:
            replay.carry_out(run.pk, stopping=stopping)
    assert logged == [], "it did not fail"
    run.refresh_from_db()
    assert (run.state, run.words) == (Simulation.State.RUNNING, "")
    assert 0 < run.cursor < run.last
    Simulation.objects.filter(pk=run.pk).update(seen=timezone.now() - 2 * replay.UNSEEN)
    assert replay.left() == [run.pk]
    replay.carry_out(run.pk)
    assert (found(run).seen, run.state) == (6, Simulation.State.DONE)


def test_an_empty_record_comes_to_nothing_and_says_so(database):
    run = begun()
    replay.carry_out(run.pk)
    assert (found(run).seen, run.state) == (0, Simulation.State.DONE)


def test_the_beginning_is_found_by_halving(database):
    on_record(*(asked("hr", days_ago=30 - day) for day in range(30)))
    run = begun(days=7)
    old = Event.objects.filter(id__lte=run.begin)
    assert 0 < old.count() < 30
    limit = timezone.now() - dt.timedelta(days=7)
    assert not old.filter(time__gte=limit).exists()


@pytest.mark.parametrize("days", [0, -1, runs.DAYS_MAX + 1])
def test_a_time_out_of_bounds_is_refused(database, days):
    with pytest.raises(ValueError, match="days"):
        begun(days)

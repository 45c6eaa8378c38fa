"""What prunes, killed, at once with another and beside the notary: once, and all of it."""

import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compliance.audit import kept, pruning, retention
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.models import Application, Event, Leaf, PolicyVersion, Pruning
from tests.compliance.audit.commands import audit
from tests.compliance.audit.retained import (
    DAY,
    KEY,
    NOW,
    PUBLIC,
    application,
    at,
    gone,
    integrate,
    pair,
    store,
)
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


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


def test_the_command_says_what_is_due_and_removes_it_only_when_told(folder):
    owner = application(details_days=30)
    store(*pair(40, owner))
    integrate(folder)
    code, told = audit("prune", "--dry-run")
    assert code == 0
    assert "Details of desk are kept for 30 days" in told
    assert "2 details are due. Nothing was removed." in told
    assert not gone()
    assert not Pruning.objects.exists()
    code, told = audit("prune")
    assert code == 0
    assert "2 details were removed" in told
    assert Event.objects.get(type="record.pruned").source == "command"
    assert "0 details were removed" in audit("prune")[1]


def test_the_command_ends_with_2_where_the_policy_cannot_be_read():
    PolicyVersion.objects.create(number=1, document="[]", digest="0" * 64, activated=NOW)
    code, told = audit("prune")
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

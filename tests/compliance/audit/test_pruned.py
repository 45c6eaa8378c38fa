"""A detail may be missing only where the log itself says which rule removed it."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit import journal, ledger, pruning, retention
from compliance.audit.pruned import Cover, Covers, read
from compliance.audit.verify import verify_log
from compliance.models import Event, Generation, Leaf, LogHead, Pruning
from compliance.vocabulary import Event as Recorded
from tests.compliance.audit.retained import (
    DAY,
    NOW,
    PUBLIC,
    application,
    at,
    integrate,
    pair,
    store,
)
from tests.compliance.audit.test_verify import tamper

pytestmark = pytest.mark.database
GONE = "detail = NULL, detail_key = NULL"
BEFORE = (NOW - 30 * DAY).date().isoformat()


def verify(folder):
    return verify_log(folder, PUBLIC)


@pytest.fixture
def log(database, folder):
    """The entries 0 and 1 of an application with a rule, 2 and 3 of one without; 4 stays."""
    owner, other = application(details_days=30), application("other")
    store(*pair(40, owner), *pair(40, other), at(40, "api_key.issued", owner))
    integrate(folder)
    return owner


def say(owner, *, end=2, count=2, before=BEFORE, kind="record.pruned"):
    """What `prune` records, or something like it."""
    detail = {
        "generation": 1, "begin": 0, "end": end, "application": str(owner.pk),
        "before": before, "count": count, "rule": "A rule.", "reason": "",
    }  # fmt: skip
    with transaction.atomic():
        told = Recorded(kind, time.time_ns() // 1000, detail, application=str(owner.pk))
        journal.record("notary", [told])


def remove(*indexes, what=GONE):
    names = ", ".join(map(str, indexes))
    tamper(
        f"UPDATE compliance_event SET {what} WHERE id IN "  # noqa: S608 - constants
        f'(SELECT event_id FROM compliance_leaf WHERE "index" IN ({names}))'
    )


@pytest.mark.usefixtures("log")
def test_details_that_a_rule_removed_are_counted_and_no_problem(folder):
    retention.prune(NOW)
    integrate(folder)
    report = verify(folder)
    assert report.ok, report.words
    rule = "Details of desk are kept for 30 days (as registered for the application)."
    assert f"2 details were removed by rule: {rule}" in report.notes


def test_the_event_excuses_them_not_the_table(log, folder):
    remove(0, 1)
    Pruning.objects.create(
        begin=0, end=2, application=log.pk, before=NOW - 30 * DAY, count=2, pruned=NOW
    )
    assert len(verify(folder).problems) == 2
    say(log)
    assert verify(folder).ok, "it waits for its place in the log"
    integrate(folder)
    tamper("DELETE FROM compliance_pruning")
    assert verify(folder).ok


def test_what_a_rule_removes_while_the_log_is_checked_or_the_notary_is_away_is_no_problem(
    log, folder, monkeypatch
):
    read = ledger.leaves

    def leaves(*place):
        retention.prune(NOW)
        return read(*place)

    monkeypatch.setattr(ledger, "leaves", leaves)
    report = verify(folder)
    assert report.ok, report.words
    assert report.waiting == 1
    assert Event.objects.filter(detail=None).count() == 2


@pytest.mark.parametrize("indexes", [[0, 1, 2], [0, 1, 4]])
def test_what_the_rule_did_not_speak_of_is_missed(log, folder, indexes):
    """Of another application, and what others rely on."""
    say(log, end=6, count=9)
    integrate(folder)
    remove(*indexes)
    (problem,) = verify(folder).problems
    assert problem.startswith(f"Entry {indexes[-1]} ")
    assert "no rule on the record removed it" in problem


def test_a_pruning_whose_own_detail_is_gone_excuses_nothing(log, folder):
    say(log, end=6, count=9)
    integrate(folder)
    remove(0, 1, 5)
    assert len(verify(folder).problems) == 3


def test_more_than_the_rule_said_is_a_problem(log, folder):
    say(log, count=1)
    integrate(folder)
    remove(0, 1)
    (problem,) = verify(folder).problems
    assert problem.startswith("2 details are missing where a rule removed 1")


def test_younger_details_than_the_rule_let_go_are_missed(log, folder):
    say(log, before=(NOW - 41 * DAY).date().isoformat())
    integrate(folder)
    remove(0)
    assert "no rule" in "".join(verify(folder).problems)


@pytest.mark.parametrize("what", ["detail = NULL", "detail_key = NULL"])
def test_half_a_removal_is_none(log, folder, what):
    say(log)
    integrate(folder)
    remove(0, what=what)
    assert "Entry 0 " in "".join(verify(folder).problems)


def test_each_generation_is_pruned_and_excused_by_its_own_numbers(log):
    """As after a restore: the next generation's entries begin at 0 again."""
    head = LogHead.objects.get()
    Generation.objects.create(
        number=1, first=0, size=head.size, root=head.root, checkpoint="", ended=NOW,
        reason="x",
    )  # fmt: skip
    LogHead.objects.update(generation=2, first=head.size, size=0)
    store(*pair(40, log))
    for place, event in enumerate(Event.objects.filter(leaf=None).order_by("id")):
        Leaf.objects.create(index=head.size + place, event=event)
    LogHead.objects.update(size=2)
    retention.prune(NOW)
    ranges = [
        (one.generation, one.begin, one.end)
        for event in Event.objects.filter(type="record.pruned").order_by("id")
        if (one := read(bytes(event.detail or b"")))
    ]
    assert ranges == [(1, 0, 2), (2, 0, 2)]
    found = Pruning.objects.order_by("id").values_list("begin", "end")
    assert list(found) == [(0, 2), (head.size, head.size + 2)]
    assert Event.objects.filter(detail=None).count() == 4


def test_every_query_of_a_prune_follows_an_index(log, monkeypatch):
    """No statement reads the events or the leaves from end to end."""
    monkeypatch.setattr(pruning, "CHUNK", 2)
    store(*(one for _ in range(300) for one in pair(40, log)))
    seen: dict[str, Any] = {}

    def watch(execute, sql, params, many, context):
        if "compliance_leaf" in sql or "compliance_event" in sql:
            seen.setdefault(sql, params)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        retention.prune(NOW)
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    looked = 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # few rows: it would be cheaper
        for sql, params in seen.items():
            if sql.lstrip().startswith("INSERT"):
                continue
            cursor.execute(explain + sql, params)
            plan = "\n".join(str(row) for row in cursor.fetchall())
            looked += 1
            assert "SCAN compliance" not in plan, plan
            assert "SCAN e" not in plan, plan
            assert "SCAN l" not in plan, plan
            assert "Seq Scan" not in plan, plan
    assert looked >= 3


def test_a_batch_holds_the_databases_one_lock_for_a_moment_only(log, folder):
    store(*(one for _ in range(1_500) for one in pair(40, log)))
    integrate(folder)
    took = []

    def watch(execute, sql, params, many, context):
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if "SET detail = NULL" in sql:
                took.append(time.perf_counter() - began)

    with connection.execute_wrapper(watch):
        began = time.perf_counter()
        retention.prune(NOW)
        whole = time.perf_counter() - began
    print(f"\n{connection.vendor}: {sum(took) * 1e6 / 3_000:.0f} µs a detail, "  # noqa: T201
          f"at most {max(took) * 1e3:.1f} ms a batch, {whole:.2f} s in all")  # fmt: skip
    assert len(took) >= 3_000 / pruning.BATCH
    assert pruning.BATCH <= 1_000, "a batch is what a writer waits for"


def test_killed_at_random_moments_a_prune_is_finished_and_the_log_is_sound(database, tmp_path):
    """A process of its own gets SIGKILL again and again."""
    folder = tmp_path / "log"
    owner = application(details_days=30)
    store(*(one for _ in range(400) for one in pair(40, owner)))
    integrate(folder)
    chance = random.Random(7)
    kills = 0
    for _ in range(2):
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.compliance.audit.pruner", str(chance.randrange(60))],
            env=database.environment(),
            stdout=subprocess.PIPE,
        )
        assert victim.stdout
        with victim.stdout as said:
            assert said.readline() == b"begun\n"
            time.sleep(chance.uniform(0, 0.06))
            os.kill(victim.pid, signal.SIGKILL)
            kills += victim.wait() == -signal.SIGKILL
    left = Event.objects.filter(detail__isnull=False, application=owner.pk).count()
    assert kills == 2
    assert left > 0, "it came to its end"
    retention.prune(NOW + dt.timedelta(seconds=1))
    assert [one.count for one in Pruning.objects.all()] == [800]
    assert Event.objects.filter(type="record.pruned").count() == 1
    integrate(folder)
    report = verify(folder)
    assert report.ok, report.words


covers = st.builds(
    Cover,
    generation=st.integers(1, 2),
    begin=st.integers(0, 20),
    end=st.integers(0, 30),
    application=st.sampled_from([None, "a", "b"]),
    before=st.sampled_from([f"2026-01-0{day}" for day in range(1, 8)]),
    count=st.just(1),
    rule=st.text(max_size=2),
    reason=st.just(""),
)


@given(
    st.lists(covers, max_size=12),
    st.integers(1, 2),
    st.integers(0, 30),
    st.sampled_from([None, "a", "b"]),
    st.integers(1, 8),
)
def test_the_first_cover_of_the_log_that_fits_is_found(known, generation, index, who, day):
    when = f"2026-01-0{day}T23:59:59Z"
    expected = next(
        (
            one
            for one in known
            if (one.generation, one.application) == (generation, who)
            and one.begin <= index < one.end
            and when < f"{one.before}T00:00:00Z"
        ),
        None,
    )
    assert Covers(known).find(generation, index, who, when, "a.step") == expected
    assert Covers(known).find(generation, index, who, when, "policy.activated") is None


@pytest.mark.parametrize(
    "detail", [b"", b"[]", b"{}", b'{"generation":1,"begin":"0","end":1,"count":1}']
)
def test_what_is_no_pruning_excuses_nothing(detail):
    assert read(detail) is None

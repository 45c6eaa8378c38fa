import asyncio
import dataclasses
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import journal
from compliance.audit.setbacks import AlreadyEnded
from compliance.audit.writer import Writer
from compliance.models import Event, WriterEpoch
from compliance.vocabulary import RecordUnavailable
from tests.compliance.audit.events import admitted, completed, event, request_id
from tests.compliance.audit.giving_up import given_up, sending
from tests.services.waiting import PATIENCE, until, wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


@pytest.fixture
def fenced():
    return threading.Event()


@pytest.fixture
def writer(fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    yield writer
    writer.stop()


def recorded(source="web-1"):
    return list(Event.objects.filter(source=source).order_by("epoch", "seq"))


def types():
    return [event.type for event in recorded()]


def elsewhere(question):
    """Ask the database from a coroutine, and close the thread's connection."""

    def ask():
        try:
            return question()
        finally:
            connection.close()

    return asyncio.to_thread(ask)


@contextmanager
def impatient(writer, seconds):
    """Whoever appends meanwhile waits no longer than this."""
    before, writer._timeout = writer._timeout, seconds
    yield
    writer._timeout = before


def test_an_event_is_in_the_database_when_append_returns(writer):
    writer.append_sync([admitted()])
    assert types() == ["writer.started", "request.admitted"]


@pytest.mark.parametrize("rest", [0, 1, 120, 999_999])
def test_a_time_is_stored_as_django_looks_for_it(writer, rest):
    moment = 1_700_000_000_000_000 + rest
    writer.append_sync([dataclasses.replace(event("a.step"), time=moment)])
    at = datetime(2023, 11, 14, 22, 13, 20, rest, UTC)
    assert Event.objects.get(time=at).type == "a.step"
    assert Event.objects.get(type="a.step").time == at


async def test_many_callers_share_commits_and_their_events_are_numbered_without_gaps(writer):
    async def caller():
        for _ in range(5):
            await writer.append([event("request.blocked", request_id())])

    await asyncio.gather(*(caller() for _ in range(50)))
    rows = await elsewhere(recorded)
    assert [row.seq for row in rows] == list(range(251))


async def test_the_events_of_one_append_stand_together(writer):
    await asyncio.gather(
        *(
            writer.append([event("a.one", detail=n), event("a.two", detail=n)])
            for n in range(40)
        )
    )
    rows = (await elsewhere(recorded))[1:]
    assert [row.type for row in rows] == ["a.one", "a.two"] * 40


def test_each_start_is_a_new_epoch(fenced):
    for _ in range(3):
        writer = Writer("web-9", on_fenced=fenced.set, timeout=PATIENCE)
        writer.start()
        writer.stop()
    rows = recorded("web-9")
    assert [(row.epoch, row.seq) for row in rows] == [(e, s) for e in (1, 2, 3) for s in (0, 1)]
    closed = WriterEpoch.objects.filter(source="web-9", closed__isnull=False)
    assert [row.next_seq for row in closed] == [2, 2, 2]


def test_a_second_end_of_a_request_is_refused_and_the_others_in_its_commit_are_not(writer):
    request, others = request_id(), [request_id() for _ in range(20)]
    writer.append_sync([admitted(request), completed(request)])
    results = []

    def append(one):
        try:
            writer.append_sync([one])
            results.append("stored")
        except AlreadyEnded:
            results.append("refused")

    ends = [completed(other) for other in others] + [event("request.failed", request)]
    ends += [event("request.cancelled", others[0])]
    first, *threads = [threading.Thread(target=append, args=(end,)) for end in ends]
    with transaction.atomic(), sending(writer) as sent:  # so that all but one share a commit
        WriterEpoch.objects.filter(source="web-1").update(open_from=0)
        first.start()
        wait_until(lambda: others[0] in sent, "the writer has taken one and waits")
        for thread in threads:
            thread.start()
        wait_until(lambda: writer.depth == len(threads), "the others wait")
    first.join()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 2 + ["stored"] * 20
    assert [row.seq for row in recorded()] == list(range(3 + 20))


@pytest.mark.parametrize(
    "bad",
    [
        lambda: event("request.blocked", "not-a-request"),
        lambda: event("Bad Type"),
        lambda: event("a.float", ratio=0.5),
        lambda: event("a.surrogate", text="\ud800"),
        lambda: event("a.large", number=2**53),
    ],
)
def test_an_event_that_cannot_be_written_down_is_refused_alone(writer, bad):
    with pytest.raises(RecordUnavailable):
        writer.append_sync([bad()])
    writer.append_sync([event("a.good")])
    assert types() == ["writer.started", "a.good"]


def test_a_closed_epoch_takes_nothing_and_tells_the_process(writer, fenced):
    writer.append_sync([admitted()])
    WriterEpoch.objects.filter(source="web-1").update(closed=timezone.now())
    with pytest.raises(RecordUnavailable, match="place in the record"):
        writer.append_sync([admitted()])
    assert fenced.wait(PATIENCE)
    assert types() == ["writer.started", "request.admitted"]
    with pytest.raises(RecordUnavailable):
        writer.append_sync([admitted()])


def lease():
    until = WriterEpoch.objects.get(source="web-1").lease_until
    assert until
    return until


def test_the_lease_is_renewed_while_nothing_happens_and_says_where_open_requests_begin(
    writer, monkeypatch
):
    monkeypatch.setattr("compliance.audit.writer.RENEW", 0.2)
    writer.append_sync([event("a.first")])
    writer.append_sync([admitted()])
    before = lease()
    wait_until(lambda: lease() > before, "the lease is renewed")
    assert WriterEpoch.objects.get(source="web-1").open_from == 2


def test_a_stopped_writer_with_an_open_request_leaves_its_epoch_to_the_notary(fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    writer.append_sync([admitted()])
    writer.stop()
    assert WriterEpoch.objects.get(source="web-1").closed is None
    with pytest.raises(RecordUnavailable):
        writer.append_sync([admitted()])


def test_a_full_disk_refuses_what_begins_and_takes_what_ends(fenced):
    room = [True]
    writer = Writer("web-1", on_fenced=fenced.set, may_write=lambda: room[0], timeout=PATIENCE)
    writer.start()
    request = request_id()
    writer.append_sync([admitted(request)])
    room[0] = False
    with pytest.raises(RecordUnavailable, match="disk"):
        writer.append_sync([admitted()])
    writer.append_sync([completed(request)])
    writer.stop()


def test_a_disk_that_does_not_say_how_full_it_is_counts_as_full(fenced):
    def unreadable():
        raise OSError(5, "Input/output error")

    writer = Writer("web-1", on_fenced=fenced.set, may_write=unreadable, timeout=PATIENCE)
    writer.start()
    with pytest.raises(RecordUnavailable, match="disk"):
        writer.append_sync([admitted()])
    writer.append_sync([event("a.good")])
    assert not writer.closed
    writer.stop()
    assert not fenced.is_set()


def test_a_writer_that_fails_for_an_unforeseen_reason_says_so_and_tells_the_process(
    fenced, caplog
):
    def broken():
        raise ValueError("canary-7731")

    closed_when_told = []

    def told():
        closed_when_told.append(failing.closed)
        fenced.set()

    failing = Writer("web-1", on_fenced=told, may_write=broken, timeout=PATIENCE)
    failing.start()
    failing.append_sync([event("a.good")])
    assert failing.closed == ""
    with pytest.raises(RecordUnavailable, match="failed"):  # not: "within 5 s"
        failing.append_sync([admitted()])
    assert fenced.wait(PATIENCE)
    assert closed_when_told == [failing.closed]
    assert failing.closed
    with pytest.raises(RecordUnavailable, match="failed"):
        failing.append_sync([event("a.late")])
    assert "ValueError in broken" in caplog.text
    assert "canary-7731" not in caplog.text
    failing.stop()


def test_more_than_the_queue_holds_is_refused_at_once(fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=0.3, capacity=3)
    with pytest.raises(RecordUnavailable, match=r"0\.3 s"):  # it was not started
        writer.append_sync([admitted(), admitted(), admitted()])
    with pytest.raises(RecordUnavailable, match="wait for the record"):
        writer.append_sync([admitted()])


async def test_a_caller_who_went_before_its_admission_was_durable_leaves_no_open_request(
    writer,
):
    await writer.append([event("a.first")])
    request = request_id()
    with TransactionOfAnother(), sending(writer) as sent:
        task = asyncio.create_task(writer.append([admitted(request)]))
        await until(lambda: request in sent, "the writer sends it")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def history():
        return elsewhere(lambda: list(Event.objects.filter(request=request).order_by("seq")))

    async def over():
        return len(await history()) == 2

    await until(over, "its end is written")
    rows = await history()
    assert [row.type for row in rows] == ["request.admitted", "request.cancelled"]


class TransactionOfAnother:
    """Holds what every append needs, from another thread, until the block ends."""

    def __enter__(self):
        self._release, held = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                WriterEpoch.objects.filter(source="web-1").update(open_from=0)
                held.set()
                self._release.wait(PATIENCE)
            connection.close()

        self._thread = threading.Thread(target=hold)
        self._thread.start()
        assert held.wait(PATIENCE)

    def __exit__(self, *_):
        self._release.set()
        self._thread.join()


def test_a_locked_database_is_refused_in_bounded_time_and_then_works_again(fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    writer.append_sync([event("a.first")])
    with TransactionOfAnother():  # it is refused meanwhile: the wait for it has a bound
        request = given_up(writer, admitted, 1.5)
    writer.append_sync([event("a.second")])
    wait_until(lambda: Event.objects.filter(request=request).count() == 2, "it has ended")
    ends = [row.type for row in Event.objects.filter(request=request).order_by("seq")]
    assert ends == ["request.admitted", "request.failed"]
    assert [row.seq for row in recorded()] == list(range(len(recorded())))
    writer.stop()
    assert not fenced.is_set()


def test_what_ends_a_request_is_written_even_if_its_caller_gave_up(fenced):
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    request = request_id()
    writer.append_sync([admitted(request)])
    with TransactionOfAnother(), impatient(writer, 0.5), pytest.raises(RecordUnavailable):
        writer.append_sync([completed(request)])
    wait_until(lambda: "request.completed" in types(), "its end is written")
    writer.stop()


def test_a_journal_counts_with_the_transaction_that_it_records():
    with transaction.atomic():
        journal.record("console", [event("a.one"), event("a.two")])
    with transaction.atomic():
        journal.record("console", [event("a.lost")])
        transaction.set_rollback(True)
    with transaction.atomic():
        journal.record("console", [event("a.three")])
    assert [(row.seq, row.type) for row in recorded("console")] == [
        (0, "a.one"),
        (1, "a.two"),
        (2, "a.three"),
    ]


def test_a_journal_outside_of_a_transaction_is_refused():
    with pytest.raises(RuntimeError, match="atomic"):
        journal.record("console", [event("a.one")])

"""The record, read newest first, at any size."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compliance.admin import requests, window
from compliance.admin.window import Period, page
from compliance.models import Event

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

pytestmark = pytest.mark.database


def store(count, *, every=dt.timedelta(seconds=1), rare=()):
    """Events a second apart; those whose place is in `rare` are of a type of their own."""
    last = Event.objects.filter(source="web-9").count()
    Event.objects.bulk_create(
        [
            Event(
                source="web-9",
                epoch=1,
                seq=last + number,
                type="rare" if number in rare else "common",
                time=START + every * number,
                entry=b"{}",
                detail=b"{}",
                detail_key=bytes(32),
            )
            for number in range(count)
        ],
        batch_size=5_000,
    )


def every_page(events, period):
    """All pages one after the other."""
    before = None
    while True:
        found = page(events, period, before)
        yield found
        if found.older is None:
            return
        before = found.older


def test_pages_hold_every_event_once_newest_first(database):
    store(2 * window.SIZE + 7)
    seen = [
        event.seq
        for found in every_page(Event.objects.all(), Period())
        for event in found.events
    ]
    assert seen == list(range(2 * window.SIZE + 6, -1, -1))


def test_a_full_last_page_leads_nowhere(database):
    store(window.SIZE)
    assert page(Event.objects.all(), Period()).older is None


def test_a_rare_event_is_found_by_going_on(database, monkeypatch):
    monkeypatch.setattr(window, "SPAN", 100)
    store(1_000, rare={3})
    found = list(every_page(Event.objects.filter(type="rare"), Period()))
    assert [event.seq for one in found for event in one.events] == [3]
    assert all(one.searched_to is not None for one in found[:-1])


def test_a_period_holds_exactly_its_events(database):
    store(5_000)
    since, until = START + dt.timedelta(seconds=1_200), START + dt.timedelta(seconds=1_300)
    found = every_page(Event.objects.all(), Period(since, until))
    seen = {event.seq for one in found for event in one.events}
    assert seen == set(range(1_200, 1_300))


def test_an_empty_record_has_an_empty_page(database):
    assert page(Event.objects.all(), Period(START, START)).events == []


def test_a_page_of_a_large_record_looks_at_a_bounded_part_of_it(console):
    """No count, no offset, and never more than a window's ids, whatever is asked."""
    store(20_000)
    console.as_("Auditor")
    for asked in ({}, {"type": "rare"}, {"since": "2026-01-01T01:00"}, {"before": "9000"}):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = console.get(reverse("admin:compliance_event_changelist"), asked)
        assert answer.status_code == 200
        about = [
            one["sql"] for one in queries.captured_queries if "compliance_event" in one["sql"]
        ]
        assert not any("COUNT(" in sql or "OFFSET" in sql for sql in about)
        assert len(about) < 60


def test_a_wrong_filter_is_explained_beside_its_field(console):
    console.as_("Auditor")
    answer = console.get(reverse("admin:compliance_event_changelist"), {"since": "yesterday"})
    assert "errorlist" in answer.content.decode()


def test_a_member_of_a_member_is_found_on_every_database(database):
    details = (b'{"obligations":{"review":true}}', b'{"obligations":{}}', b"{}")
    for number, told in enumerate(details):
        Event.objects.create(
            source="web-9",
            epoch=1,
            seq=number,
            type="request.admitted",
            time=START,
            entry=b"{}",
            detail=told,
            detail_key=bytes(32),
        )
    found = requests.anchors(requests.REVIEW, "")
    assert [event.seq for event in found] == [0]

"""The pack for a breach: its period, who and what it counts, and its clock."""

import datetime as dt

import pytest

from compliance.evidence.packs import answers
from compliance.evidence.packs.law import laws
from tests.compliance.audit.events import request_id
from tests.compliance.evidence.filling import CASE, fields, pdf_text, yesterday

stored = pytest.mark.database


def breach(**typed):
    answers.answer(laws()["breach"], typed, CASE, actor="olga")


@stored
def test_a_breach_counts_persons_and_requests_of_its_period_and_applications(filled, build):
    breach(began=yesterday().isoformat(), applications="crm")
    found = fields(build("breach")[0])
    assert found["subjects"]["data"] == {"named": 2, "unnamed_requests": 1}
    assert found["records"]["data"] == {"requests": 3}
    assert found["record_categories"]["data"]["categories"] == {"payment": 3, "personal": 6}
    assert found["facts"]["data"]["events"]["login.failed"] == 1
    assert found["dpo"]["origin"] == "missing"


@stored
def test_an_event_of_another_time_between_those_of_the_period_is_not_counted(record, build):
    record.request(record.crm)
    old = int((yesterday() - dt.timedelta(days=1)).timestamp() * 1_000_000)
    detail = {**record.about(record.crm), "decision": "block", "subjects": []}
    late = record.event("request.blocked", detail, record.crm, request_id(), time=old)
    record.writer.append_sync([late])
    record.request(record.crm)
    record.sign()
    breach(began=yesterday().isoformat())
    assert fields(build("breach")[0])["records"]["data"] == {"requests": 2}


def test_a_breach_without_a_beginning_counts_nothing_and_says_why(filled, build):
    found = fields(build("breach")[0])
    assert {found[name]["origin"] for name in ("subjects", "records", "facts")} == {"missing"}
    assert "began" in found["records"]["note"]


@stored
def test_a_period_without_events_is_a_pack_that_says_so(filled, build):
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    breach(began=since.isoformat(), ended=(since + dt.timedelta(days=1)).isoformat())
    found = fields(build("breach")[0])
    assert found["records"]["origin"] == "missing"
    assert "no request" in found["records"]["note"]


def test_the_clock_of_a_breach_stands_in_the_pack(filled, build):
    aware = dt.datetime.now(dt.UTC) - dt.timedelta(hours=80)
    breach(aware=aware.isoformat())
    said, files = build("breach")
    (clock,) = said["deadlines"]
    due = dt.datetime.fromisoformat(clock["due"])
    assert (due - aware, clock["state"]) == (dt.timedelta(hours=72), "overdue")
    assert "overdue" in pdf_text(files)
    assert "Demanded here" in fields(said)["delay_reasons"]["note"]
    breach(notified=(aware + dt.timedelta(hours=70)).isoformat())
    said, _ = build("breach")
    assert said["deadlines"][0]["state"] == "in time"
    assert fields(said)["delay_reasons"]["note"] == ""

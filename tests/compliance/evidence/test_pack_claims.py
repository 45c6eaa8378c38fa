"""What a pack claims as verified is what the log says, not what only the database says."""

import dataclasses
import datetime as dt
import hashlib

import pytest
from django.conf import settings

from compliance.evidence import packs
from compliance.evidence.packs import answers
from compliance.evidence.packs.ai_logs import Log
from compliance.evidence.packs.law import laws
from compliance.evidence.packs.paper import LINES_SHOWN, value
from compliance.evidence.packs.reading import Period, Reading
from compliance.models import Application, PolicyVersion
from tests.compliance.audit.events import request_id
from tests.compliance.evidence.filling import CASE, PERSON, fields, pdf_text, yesterday

NOBODY = "nobody@example.org"


def began(pack):
    answers.answer(laws()[pack], {"began": yesterday().isoformat()}, CASE, actor="olga")


def changed_past_the_record(application, **values):
    Application.objects.filter(pk=application.pk).update(**values)


def test_a_pack_handed_out_and_a_log_set_back_are_facts_of_a_breach(filled, build):
    build("record-of-processing")
    filled.told("log.resumed", {"reason": "Restored."})
    filled.told("log.key_rotated", {"reason": "Planned."})
    filled.sign()
    began("breach")
    facts = fields(build("breach")[0])["facts"]["data"]["events"]
    told = {"pack.exported": 1, "log.resumed": 1, "log.key_rotated": 1}
    assert {name: facts.get(name) for name in told} == told
    assert "pack.answered" not in facts


def test_a_log_that_was_set_back_is_no_quiet_window_of_an_incident(filled, build):
    filled.told("log.resumed", {"reason": "Restored."})
    filled.told("log.key_rotated", {"reason": "Planned."})
    filled.sign()
    began("serious-incident")
    found = fields(build("serious-incident")[0])
    assert found["alarms"]["data"] == {"events": {"log.resumed": 1}}
    assert found["changes"]["data"]["events"]["log.key_rotated"] == 1


def test_where_requests_were_searched_it_is_not_said_that_there_were_none(filled, build):
    found = fields(build("access-request", identifiers=(NOBODY,))[0])["confirmation"]
    assert (found["origin"], found["note"]) == ("verified", "")
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    period = Period(long_ago, long_ago + dt.timedelta(days=1))
    found = fields(build("access-request", period=period)[0])["confirmation"]
    assert (found["origin"], found["note"]) == ("missing", "There was no request at all.")


def test_what_is_said_to_have_sent_a_request_is_the_log_s_word(filled, build):
    changed_past_the_record(filled.crm, owner="Somebody else")
    found = fields(build("access-request")[0])
    rows = found["requests"]["data"]["requests"]
    assert {one["application"] for one in rows} == {"crm", "mail"}
    assert found["source"]["origin"] == "missing"
    assert "outside of the record" in found["source"]["note"]


def test_no_pack_is_made_where_a_registered_application_has_another_name(filled, build):
    changed_past_the_record(filled.crm, name="payroll")
    with pytest.raises(packs.PackImpossible, match="crm was registered and is not in the"):
        build("access-request")


def test_an_identifier_is_looked_for_in_the_applications_asked_for_and_in_no_other(
    filled, build
):
    found = fields(build("access-request", applications=("crm",))[0])
    rows = found["requests"]["data"]["requests"]
    assert {one["application"] for one in rows} == {"crm"}
    assert "Only requests of crm were looked at." in found["confirmation"]["note"]


def test_a_bill_of_all_models_is_not_made_as_if_it_were_of_some_applications(filled, build):
    with pytest.raises(packs.PackImpossible, match="name no application"):
        build("ml-bom", applications=("crm",))


def test_of_an_application_that_the_log_never_saw_registered_nothing_is_verified(filled, build):
    forged = Application.objects.create(name="shadow", high_risk=True)
    filled.request(forged)
    filled.sign()
    for pack in ("record-of-processing", "ai-logs"):
        said, files = build(pack)
        own, others = (fields(said, str(one.pk)) for one in (forged, filled.mail))
        assert "verified" in {one["origin"] for one in others.values()}
        unproven = [one for one in own.values() if one["origin"] == "unproven"]
        assert "verified" not in {one["origin"] for one in own.values()}
        assert said["fields"]["unproven"] == len(unproven) > 2
        assert all("application shadow is not under" in one["note"] for one in unproven)
        assert pdf_text(files).count("NOT PROVEN") == len(unproven)
        (note,) = said["log"]["notes"]
        assert "application shadow is not under" in note
        assert note in files["README.txt"].decode()
    note, *more = build("access-request")[0]["log"]["notes"]
    assert "application shadow is not under" in note
    assert not more


def test_a_reason_for_keeping_logs_shorter_that_only_the_database_knows_is_not_said(
    filled, build
):
    changed_past_the_record(filled.mail, retention_reason="A law that I made up.")
    found = fields(build("ai-logs")[0])["retention"]
    assert found["origin"] == "missing"
    assert "outside of the record" in found["note"]
    assert "made up" not in found["value"]


def activated(number, document="{}", **row):
    """A version of the policy, and the event of its activation."""
    digest = hashlib.sha256(document.encode()).hexdigest()
    now = dt.datetime.now(dt.UTC)
    PolicyVersion.objects.create(
        number=number, document=document, digest=digest, activated=now, **row
    )
    return {"policy": {"name": "default", "version": number, "digest": digest}}


def test_time_limits_are_those_of_the_policy_that_the_log_last_saw_activated(record, build):
    def limits():
        record.sign()
        made, _ = build("record-of-processing", applications=("crm",))
        return fields(made)["erasure_limits"]["origin"]

    event = activated(1, retired=None)
    assert limits() == "missing"  # no entry says that this policy, with no limit, is active
    record.told("policy.activated", event)
    assert limits() == "verified"
    record.told(
        "policy.activated", activated(2, '{"retention":{}}', retired=dt.datetime.now(dt.UTC))
    )
    assert limits() == "missing"  # the log says version 2, the database version 1


def test_an_event_at_the_edge_of_the_period_leaves_no_gap_in_a_writer_s_numbers(record, build):
    record.request(record.mail)
    old = int((yesterday() - dt.timedelta(days=1)).timestamp() * 1_000_000)
    detail = {**record.about(record.mail), "decision": "block", "subjects": []}
    late = record.event("request.blocked", detail, record.mail, request_id(), time=old)
    record.writer.append_sync([late])
    record.request(record.mail)
    record.sign()
    found = fields(build("ai-logs", period=Period(yesterday()))[0])["gaps"]
    assert found["data"]["missing"] == 0
    assert found["value"] == "None in these entries."


def test_that_there_is_no_gap_rests_on_every_entry_that_was_read(filled, build):
    said, files = build("ai-logs")
    found, (one,) = fields(said), said["log"]["generations"]
    assert found["gaps"]["entries"] == [[1, one["begin"], one["end"]]]
    registered = dt.datetime.now(dt.UTC).strftime("on the record since %Y-")
    assert registered in found["classification"]["value"]
    assert "The organisation" not in pdf_text(files)  # this pack asks nothing of it


def test_numbers_of_a_writer_that_the_log_does_not_hold_are_counted(filled):
    log, reading = Log(), Reading(settings.DOMICILE.data / "log", Period())
    for event in reading.events():
        log.take(event)
    assert log.missing() == 0
    log.take(dataclasses.replace(event, seq=event.seq + 4))
    assert log.missing() == 3


def test_a_request_that_was_sent_twice_is_one_at_each_place(record, build):
    request = record.request(record.crm, end=None)
    for number, site in ((2, "home"), (3, "away"), (4, "home")):
        detail = {"attempt": number, "site": site, "country": "DE"}
        again = record.event("request.attempt", detail, record.crm, request)
        record.writer.append_sync([again])
    record.request(record.crm)
    record.sign()
    found = fields(build("record-of-processing", applications=("crm",))[0])["recipients"]
    assert found["value"] == "away (DE): 1 requests\nhome (DE): 2 requests"


def test_a_period_is_printed_as_exactly_as_it_was_asked_for(filled, build):
    zone = dt.timezone(dt.timedelta(hours=1))
    since = dt.datetime(2026, 11, 1, 10, 0, 30, tzinfo=zone)
    period = Period(since, dt.datetime(2030, 1, 1, tzinfo=zone))
    text = " ".join(pdf_text(build("record-of-processing", period=period)[1]).split())
    until = "2030-01-01 00:00 UTC+01:00, exclusive"
    assert f"Period: from 2026-11-01 10:00:30 UTC+01:00 to {until}" in text


def test_of_a_value_with_very_many_lines_the_paper_shows_the_first_and_counts_the_rest():
    shown = [block["text"] for block in value("\n".join(f"Line {n}" for n in range(2_000)))]
    assert shown[0] == "Line 0"
    assert len(shown) == LINES_SHOWN + 1
    assert shown[-1] == f"(There are {2_000 - LINES_SHOWN} more lines; pack.json has them.)"


def test_a_person_who_gets_a_copy_is_not_told_that_nothing_was_kept(record, build):
    record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"Dear Anna"}')
    record.sign()
    limits = fields(build("access-request")[0])["retention"]
    assert "Prompts and answers: not kept." in limits["value"]
    assert "texts that are in this pack go when" in limits["note"]


def test_a_person_who_was_answered_in_time_is_not_overdue_for_ever(filled, build):
    law = laws()["access-request"]
    typed = {"received": "2026-03-10T09:00+01:00", "answered": "2026-04-10T23:00+02:00"}
    answers.answer(law, typed, CASE, actor="olga")
    (clock,) = build("access-request")[0]["deadlines"]
    assert (clock["due"], clock["state"]) == ("2026-04-10T23:59:59+02:00", "in time")


@pytest.mark.parametrize(("country", "third"), [("RE", []), ("AX", []), ("GB", ["GB"])])
def test_what_belongs_to_the_union_is_no_third_country(record, build, country, third):
    record.request(record.crm, country=country)
    record.sign()
    found = fields(build("record-of-processing", applications=("crm",))[0])["transfers"]
    assert found["data"]["third"] == third

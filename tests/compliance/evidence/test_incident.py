"""The report of a serious incident: facts of its window, clocks by its kind, and the notice."""

import datetime as dt

import jsonschema
import orjson
import pytest

from compliance.evidence.packs import answers
from compliance.evidence.packs.law import laws
from tests.compliance.evidence.filling import CASE, WEIGHTS, fields, pdf_text, yesterday

OTHER = "0d" * 32


def incident(**typed):
    answers.answer(laws()["serious-incident"], typed, CASE, actor="olga")


@pytest.mark.database
def test_an_incident_counts_what_its_applications_did_in_its_window(record, build):
    record.model()
    record.request(record.mail, ran=WEIGHTS)
    record.request(record.mail, decision="block")
    record.request(record.crm, ran=OTHER)
    record.told("policy.activated", {"policy": {"name": "default", "version": 2}})
    record.told("writer.lost", {"source": "web-9", "epoch": 1, "events": 0})
    record.sign()
    incident(began=yesterday().isoformat(), applications="mail")
    said, files = build("serious-incident")
    jsonschema.validate(said, orjson.loads(files["pack.schema.json"]))
    found = fields(said)
    assert found["requests"]["data"] == {
        "requests": 2,
        "decisions": {"block": 1, "pseudonymise": 1},
        "ends": {"completed": 1},
    }
    assert found["models"]["data"]["ran"] == {
        f"llamacpp 1.2 on node node-1 at home, weights {WEIGHTS}": 1
    }
    assert found["models"]["data"]["other_weights"] == 0
    assert found["changes"]["data"]["events"]["policy.activated"] == 1
    assert found["changes"]["data"]["events"]["engine.started"] == 3
    assert found["alarms"]["data"]["events"] == {"writer.lost": 1}
    assert "marked as used in a high-risk AI system" in found["system"]["value"]
    assert "NOT" not in found["system"]["value"]


def test_an_answer_from_other_weights_than_the_request_was_cleared_for_is_said_loudly(
    record, build
):
    record.request(record.mail, ran=WEIGHTS)
    record.request(record.mail, ran=OTHER)
    record.sign()
    incident(began=yesterday().isoformat())
    said, files = build("serious-incident")
    found = fields(said)["models"]
    assert found["data"]["other_weights"] == 1
    assert "1 ANSWERS CAME FROM OTHER WEIGHTS" in " ".join(pdf_text(files).split())


def test_a_window_without_alarms_says_so_of_every_entry_that_was_read(filled, build):
    incident(began=yesterday().isoformat())
    said, _ = build("serious-incident")
    found = fields(said)["alarms"]
    assert (found["origin"], found["value"]) == ("verified", "None in these entries.")
    (newest,) = said["log"]["generations"]
    assert found["entries"] == [[1, newest["begin"], newest["end"]]]


def test_an_incident_without_a_beginning_counts_nothing_and_says_why(filled, build):
    found = fields(build("serious-incident")[0])
    for name in ("requests", "models", "rules", "changes", "alarms"):
        assert found[name]["origin"] == "missing"
        assert "began" in found[name]["note"]
    assert found["system"]["origin"] == "verified"


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [("", {2, 10, 15}), ("death\ninfrastructure", {2, 10})],
)
def test_the_clocks_are_those_of_the_kind_and_until_it_is_chosen_all(
    filled, build, kinds, expected
):
    aware = dt.datetime.now(dt.UTC) - dt.timedelta(days=12)
    incident(aware=aware.isoformat(), kind=kinds)
    said, files = build("serious-incident")
    assert {clock["amount"] for clock in said["deadlines"]} == expected
    for clock in said["deadlines"]:
        due = (aware + dt.timedelta(days=clock["amount"])).date()
        assert dt.datetime.fromisoformat(clock["due"]).date() == due
        assert clock["state"] == ("running" if clock["amount"] == 15 else "overdue")
    assert "12 days and 0 hours have passed" in " ".join(pdf_text(files).split())


def test_a_choice_is_kept_as_its_code_and_shown_in_its_words(filled, build):
    incident(kind="death", role="deployer")
    found = fields(build("serious-incident")[0])
    assert found["kind"]["value"] == "Death of a person (Art. 3(49)(a))"
    assert found["kind"]["data"] == {"code": "death"}


def test_the_notice_holds_what_is_asked_for_and_a_provider_sends_none(filled, build):
    incident(description="It answered wrongly.", risk="It may happen again.")
    for role, expected in (("", True), ("provider", False)):
        incident(role=role)
        _, files = build("serious-incident")
        assert ("notice.pdf" in files) is expected
        assert (b"notice.pdf" in files["README.txt"]) is expected
        if expected:
            text = " ".join(pdf_text(files, "notice.pdf").split())
            assert "Notice of a serious incident" in text
            assert "It answered wrongly." in text
            assert "It may happen again." not in text
            assert "Art. 26(5)" in text

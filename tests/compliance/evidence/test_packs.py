"""Packs: what is verified is in the log, what is missing says so, and nothing leaks."""

import csv
import hashlib
import io
import json

import jsonschema
import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.audit import ledger
from compliance.audit.entry import commitment
from compliance.evidence import packs
from compliance.evidence.packs import answers
from compliance.evidence.packs.document import safe
from compliance.evidence.packs.law import laws
from compliance.models import Application, Event
from tests.compliance.evidence.filling import (
    CASE,
    PERSON,
    fields,
    pdf_text,
    read,
    told,
    yesterday,
)

stored = pytest.mark.database  # what is read from the database, and how; the rest is words
NASTY = [
    '=HYPERLINK("http://evil.example/","click")',
    "<script>alert(1)</script> & <b>bold</b> </para>",
    "long " * 2_000,
    "שלום עולם, مرحبا \u202eesrever",
    'line one\n=2+3\n,"quoted";\tend',
    "Żółć, Ελληνικά, български, 日本",
]


@pytest.mark.parametrize("name", list(laws()))
def test_every_field_of_the_law_is_in_each_output_and_missing_is_said(filled, build, name):
    typed_window(name)
    said, files = build(name)
    jsonschema.validate(said, json.loads(files["pack.schema.json"]))
    text = " ".join(pdf_text(files).split())
    found = fields(said)
    for field in laws()[name].fields:
        assert field.id in found
        assert " ".join(field.label.split()) in text
        for source in field.demanded_by:
            assert str(source) in text
    origins = [one["origin"] for part in said["sections"] for one in part["fields"]]
    assert said["fields"] == {
        origin: origins.count(origin)
        for origin in ("verified", "unproven", "officer", "missing")
    }
    assert said["fields"]["verified"]
    assert said["fields"]["missing"]
    assert text.count("MISSING") >= said["fields"]["missing"]
    assert laws()[name].regulation.eli in text.replace(" ", "")
    assert "Page 1 of" in text
    for one in found.values():
        if one["origin"] == "missing" and not one["default"]:
            assert one["value"] == ""


@stored
@pytest.mark.parametrize("name", list(laws()))
def test_what_is_verified_cites_entries_that_exist_and_whose_details_match(filled, build, name):
    typed_window(name)
    said, _ = build(name)
    size = said["log"]["generations"][-1]["size"]
    for one in (one for part in said["sections"] for one in part["fields"]):
        assert bool(one["entries"]) == (one["origin"] == "verified"), one["id"]
        for _, begin, end in one["entries"]:
            assert 0 <= begin < end <= size
            rows = ledger.leaves(begin, end)
            assert [row.index for row in rows] == list(range(begin, end))
            for row in rows:
                entry = json.loads(row.entry)
                assert entry["detail"] == commitment(row.detail_key or b"", row.detail or b"")


def test_the_record_of_processing_says_what_is_registered_and_what_was_found(filled, build):
    said, files = build("record-of-processing", applications=("crm",))
    assert [one["title"] for one in said["sections"]] == ["The organisation", "crm"]
    found = fields(said, str(filled.crm.pk))
    assert found["purposes"]["value"] == "Why crm is there."
    assert found["legal_basis"]["value"] == "Contract, Art. 6(1)(b)"
    assert found["data_categories"]["data"] == {
        "categories": {"payment": 3, "personal": 6},
        "entities": {"EMAIL_ADDRESS": 6, "IBAN_CODE": 3},
    }
    assert found["recipients"]["value"] == "home (DE): 2 requests"  # a blocked one went nowhere
    assert found["transfers"]["data"] == {"countries": ["DE"], "third": []}
    assert "not kept" in found["erasure_limits"]["value"]
    row = list(csv.DictReader(io.StringIO(files["pack.csv"].decode("utf-8-sig"))))
    assert len(row) == 1
    assert row[0]["Purposes of the processing (Art. 30(1)(b))"] == "Why crm is there."


def test_a_third_country_is_named(record, build):
    record.request(record.crm, country="US", site="far")
    record.sign()
    found = fields(build("record-of-processing", applications=("crm",))[0])
    assert found["transfers"]["data"] == {"countries": ["US"], "third": ["US"]}


@stored
def test_what_was_changed_is_said_as_it_is_now_and_by_whose_entry(record, build):
    record.request(record.crm)
    Application.objects.filter(pk=record.crm.pk).update(details_days=400)
    changes = {"details_days": {"from": None, "to": 400}}
    record.told("application.changed", {"application": "crm", "changes": changes}, record.crm)
    record.sign()
    limits = fields(build("record-of-processing", applications=("crm",))[0])["erasure_limits"]
    assert "after 400 days" in limits["value"]
    (kind,) = (row.type for row in ledger.leaves(*limits["entries"][-1][1:]))
    assert kind == "application.changed"


def test_what_was_changed_outside_of_the_record_is_not_asserted(filled, build):
    Application.objects.filter(pk=filled.crm.pk).update(purpose="Something else.")
    found = fields(build("record-of-processing", applications=("crm",))[0])["purposes"]
    assert found["origin"] == "missing"
    assert "outside of the record" in found["note"]
    assert "Something else." not in found["value"]


def tamper(sql, *values):
    """As the owner of the database can: past the triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' "
                "AND tbl_name = 'compliance_event'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        else:
            cursor.execute("ALTER TABLE compliance_event DISABLE TRIGGER ALL")
        cursor.execute(sql, values)
        assert cursor.rowcount == 1


SPOILED = (
    ("detail", lambda old: old.replace(b"EMAIL_ADDRESS", b"EMAIL_ADDRESZ")),
    ("entry", lambda old: old.replace(b"admitted", b"admittex")),
    ("detail", lambda _old: None),
)


@stored
@pytest.mark.parametrize(
    ("name", "spoiled"),
    [
        *((name, SPOILED[0]) for name in laws()),
        *(("record-of-processing", spoiled) for spoiled in SPOILED[1:]),
    ],
)
def test_no_pack_is_made_of_a_log_that_was_altered(filled, build, tmp_path, name, spoiled):
    column, spoil = spoiled
    typed_window(name)
    row = Event.objects.filter(type="request.admitted", application=filled.mail.pk).first()
    assert row is not None
    before = Event.objects.count()
    value = spoil(bytes(getattr(row, column)))
    tamper(f"UPDATE compliance_event SET {column} = %s WHERE id = %s", value, row.pk)  # noqa: S608
    with pytest.raises(packs.PackImpossible, match="audit verify"):
        build(name)
    assert list(tmp_path.glob("pack-*.zip")) == []
    assert Event.objects.count() == before


@stored
def test_no_pack_is_made_where_an_event_was_moved_to_another_application(filled, build):
    row = Event.objects.filter(type="request.admitted", application=filled.mail.pk).first()
    assert row is not None
    sql = "UPDATE compliance_event SET application = NULL WHERE id = %s"
    tamper(sql, row.pk)
    with pytest.raises(packs.PackImpossible, match="does not say whose"):
        build("record-of-processing")


def test_no_pack_is_made_without_a_checkpoint(record, build):
    record.request(record.crm)
    with pytest.raises(packs.PackImpossible, match="notary"):
        build("record-of-processing")


@stored
def test_the_pack_stands_on_record_with_its_digest_and_counts(filled, build):
    said, files = build("record-of-processing")
    manifest = json.loads(files["manifest.json"])
    for name, about in manifest["files"].items():
        assert about == {
            "bytes": len(files[name]),
            "sha256": hashlib.sha256(files[name]).hexdigest(),
        }
    assert set(manifest["files"]) | {"manifest.json"} == set(files)
    detail = told(Event.objects.get(type="pack.exported"))
    assert detail["manifest"] == hashlib.sha256(files["manifest.json"]).hexdigest()
    assert (detail["actor"], detail["fields"]) == ("olga", said["fields"])


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_what_an_officer_typed_stays_in_its_field_in_every_output(filled, build, text):
    law = laws()["record-of-processing"]
    typed = {"controller": text, "security": text}
    answers.answer(law, typed, "", actor="olga <b>")
    answers.answer(law, {"data_subjects": text}, str(filled.crm.pk), actor="olga <b>")
    said, files = build("record-of-processing")
    jsonschema.validate(said, json.loads(files["pack.schema.json"]))
    found = fields(said, "")["controller"]
    assert (found["origin"], found["value"], found["actor"]) == (
        "officer",
        text.strip(),
        "olga <b>",
    )
    table = list(csv.reader(io.StringIO(files["pack.csv"].decode("utf-8-sig"), newline="")))
    assert {len(row) for row in table} == {2 * len(law.fields)}
    assert len(table) == 3
    assert table[1][0] == safe(text.strip())
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row)
    on_paper = pdf_text(files)
    if text.isascii():
        assert text.split()[0] in on_paper.replace("\n", " ")
    else:
        assert "pack.json has it whole" in on_paper


@stored
def test_what_was_typed_last_counts_and_an_empty_answer_takes_it_back(filled, build):
    law = laws()["breach"]
    for text in ("First.", "Second.", ""):
        assert answers.answer(law, {"nature": text}, CASE, actor="olga") == ["nature"]
        found = fields(build("breach")[0])["nature"]
        assert found["value"] == text
        assert found["origin"] == ("officer" if text else "missing")
    assert answers.answer(law, {"nature": ""}, CASE, actor="olga") == []
    kept = answers.history(law, law.field("nature"), CASE)
    assert [row.value for row in kept] == ["", "Second.", "First."]
    said = [told(e) for e in Event.objects.filter(type="pack.answered")]
    assert [(one["field"], one["case"], one["empty"]) for one in said] == [
        ("nature", CASE, False),
        ("nature", CASE, False),
        ("nature", CASE, True),
    ]
    assert not any("Second." in json.dumps(one) for one in said)


def test_a_default_text_is_missing_until_it_is_confirmed(filled, build):
    law = laws()["record-of-processing"]
    found = fields(build("record-of-processing")[0], "")["security"]
    assert (found["origin"], found["default"]) == ("missing", True)
    answers.answer(law, {"security": law.field("security").default}, "", actor="olga")
    found = fields(build("record-of-processing")[0], "")["security"]
    assert (found["origin"], found["default"]) == ("officer", False)


def test_an_answer_that_is_shared_serves_the_packs_that_ask_for_it(filled, build):
    answers.answer(laws()["breach"], {"dpo": "Dora, dpo@example.org"}, CASE, actor="olga")
    assert fields(build("record-of-processing")[0], "")["dpo"]["value"].startswith("Dora")


def typed_window(name):
    if laws()[name].window == "typed":
        answers.answer(laws()[name], {"began": yesterday().isoformat()}, CASE, actor="olga")


def test_more_than_somebody_waits_for_is_refused_before_anything_is_read(filled, tmp_path):
    with pytest.raises(packs.PackTooLong):
        packs.build(
            "record-of-processing",
            packs.Parameters(),
            tmp_path / "x.zip",
            actor="olga",
            most=3,
        )
    assert not (tmp_path / "x.zip").exists()


def test_the_command_makes_a_pack_and_takes_identifiers_from_standard_input(
    filled, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PERSON}\n"))
    path = tmp_path / "answer.zip"
    call_command("audit", "pack", "access-request", str(path), "--case", CASE)
    assert read(path)[0]["requests_found"] == 2
    assert "quillworthy" not in "".join(capfd.readouterr())
    with pytest.raises(SystemExit):
        call_command("audit", "pack", "breach", str(path), "--from", "yesterday")
    assert "time zone" in capfd.readouterr().err


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_no_text_becomes_a_formula(text):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([safe(text), "next"])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert row[0] in (text, f"'{text}")
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row[1] == "next"

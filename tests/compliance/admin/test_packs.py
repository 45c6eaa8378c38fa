"""Packs in the console: who may do what, what is kept, and what is not."""

import datetime as dt
import io
import logging
import re

import pytest
from django.forms import BooleanField
from django.urls import reverse

from compliance.admin import packs as pages
from compliance.admin.roles import AUDITOR, OFFICER, OPERATOR
from compliance.audit import keys
from compliance.audit.writer import Writer
from compliance.evidence import running, runs, shelf
from compliance.evidence.forms import ScopeInvalid
from compliance.evidence.packs import answers
from compliance.evidence.packs.law import laws
from compliance.models import Event, Export, PackAnswer
from tests.compliance.evidence.filling import (
    CASE,
    PERSON,
    WEIGHTS,
    Record,
    application,
    fields,
    read,
    told,
)
from tests.services.waiting import PATIENCE

LIST = reverse("admin:compliance_packanswer_changelist")


def page(pack, subject=None, field=None):
    given = [one for one in (pack, subject, field) if one]
    return reverse(
        ("", "admin:pack", "admin:pack_subject", "admin:pack_history")[len(given)], args=given
    )


@pytest.fixture
def record(console, tmp_path):
    keys.create_key(tmp_path / "keys" / "subject-index")
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    made = Record(tmp_path, application("crm"), application("mail", high_risk=True), writer)
    made.request(made.crm, named=(PERSON,))
    made.sign()
    yield made
    writer.stop()


def inputs(answer):
    """What a browser would send back of the form with the answers, unchanged."""
    text = answer.content.decode()
    found = {}
    for form in answer.context["form"]:
        if isinstance(form.field, BooleanField) or form.value() == []:
            continue  # a browser sends nothing of a box that is not ticked
        found[form.html_name] = form.value() or ""
        if form.field.show_hidden_initial:
            found[form.html_initial_name] = form.value() or ""
    assert text
    return found


def typed(client, pack, subject, **values):
    sent = inputs(client.get(page(pack, subject)))
    return client.post(page(pack, subject), sent | values)


def body(answer):
    return read(io.BytesIO(answer.content))


@pytest.mark.parametrize("pack", list(laws()))
def test_a_pack_page_says_what_the_law_asks_since_when_and_how_sure(record, console, pack):
    console.as_(AUDITOR)
    law = laws()[pack]
    for address in (LIST, page(pack)):
        text = console.get(address).content.decode()
        assert law.regulation.applies_from.isoformat() in text
        assert law.as_of.isoformat() in text
        assert "unsure" in text
        assert law.question in text or law.question.replace("'", "&#x27;") in text


def test_what_is_typed_is_kept_with_name_and_time_and_its_history_shows(record, console):
    console.as_(OFFICER)
    for text in ("ACME Ltd.", "<script>alert(1)</script>"):
        answer = typed(console, "record-of-processing", "organisation", controller=text)
        assert answer.status_code == 302
    rows = PackAnswer.objects.filter(field="controller").order_by("id")
    assert [(row.value, row.actor) for row in rows] == [
        ("ACME Ltd.", OFFICER),
        ("<script>alert(1)</script>", OFFICER),
    ]
    assert PackAnswer.objects.count() == 2  # fields that were left as they are, are not answers
    said = [told(one) for one in Event.objects.filter(type="pack.answered")]
    assert [(one["field"], one["actor"]) for one in said] == [("controller", OFFICER)] * 2
    text = console.get(
        page("record-of-processing", "organisation", "controller")
    ).content.decode()
    assert "ACME Ltd." in text
    assert "<script>alert" not in text
    assert (
        "<script>alert"
        not in console.get(page("record-of-processing", "organisation")).content.decode()
    )


def test_two_officers_who_fill_different_fields_do_not_undo_each_other(record, console):
    console.as_(OFFICER)
    stale = inputs(console.get(page("breach", CASE)))
    typed(console, "breach", CASE, nature="A stolen laptop.")
    console.post(page("breach", CASE), stale | {"measures": "Keys were revoked."})
    known = answers.current(laws()["breach"], CASE)
    assert known["nature"].value == "A stolen laptop."
    assert known["measures"].value == "Keys were revoked."


def test_a_default_text_is_an_answer_only_once_it_is_confirmed(record, console):
    console.as_(OFFICER)
    typed(console, "record-of-processing", "organisation", controller="ACME")
    assert not PackAnswer.objects.filter(field="security").exists()
    typed(console, "record-of-processing", "organisation", security_default="on")
    law = laws()["record-of-processing"]
    assert PackAnswer.objects.get(field="security").value == law.field("security").default


def test_choices_are_kept_by_their_codes_shown_in_their_words_and_left_alone_if_unchanged(
    record, console
):
    console.as_(OFFICER)
    typed(console, "serious-incident", CASE, kind=["widespread", "death"])
    typed(console, "serious-incident", CASE, role="deployer")
    law = laws()["serious-incident"]
    known = answers.current(law, CASE)
    assert (known["kind"].value, known["role"].value) == ("death\nwidespread", "deployer")
    assert PackAnswer.objects.count() == 2
    text = console.get(page("serious-incident", CASE)).content.decode()
    assert re.search(r'value="death"[^>]*checked', text)
    assert re.search(r'<option value="deployer" selected', text)
    assert 'role="group" aria-labelledby="label-kind"' in text
    history = console.get(page("serious-incident", CASE, "kind")).content.decode()
    assert "Death of a person (Art. 3(49)(a))" in history
    answer = typed(console, "serious-incident", CASE, kind=["nothing"])
    assert answer.context["form"]["kind"].errors
    console.as_(AUDITOR)
    read_only = console.get(page("serious-incident", CASE)).content.decode()
    assert "<select" not in read_only
    assert "Deployer: the notice of Art. 26(5)" in read_only


def test_the_clocks_of_an_incident_stand_on_its_page_and_narrow_with_its_kind(record, console):
    console.as_(OFFICER)
    aware = dt.datetime.now(dt.UTC) - dt.timedelta(days=3, hours=1)
    typed(console, "serious-incident", CASE, aware=aware.isoformat(timespec="minutes"))
    text = console.get(page("serious-incident", CASE)).content.decode()
    assert text.count("have passed") == 3
    assert "overdue" in console.get(LIST).content.decode()
    typed(console, "serious-incident", CASE, kind=["health"])
    text = console.get(page("serious-incident", CASE)).content.decode()
    assert text.count("have passed") == 1
    assert "overdue" not in console.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("lei", "529900T8BM49AURSDO56", "no LEI"),
        ("entity_name", "=1+1", "a spreadsheet may"),
        ("country", "Germany", "two letters of a country"),
        ("expense", "-1", "begins with one of"),
        ("integrated", "1 May 2026", "give a day"),
    ],
)
def test_what_no_register_can_hold_is_refused_beside_its_field(
    record, console, field, value, words
):
    console.as_(OFFICER)
    answer = typed(console, "dora-register", "organisation", **{field: value})
    assert answer.status_code == 200
    assert words in str(answer.context["form"][field].errors)
    assert not PackAnswer.objects.exists()


def test_a_models_page_takes_what_is_known_of_it_and_its_bill_is_downloaded(record, console):
    record.model()
    record.sign()
    console.as_(OFFICER)
    assert page("ml-bom", WEIGHTS) in console.get(page("ml-bom")).content.decode()
    assert console.get(page("ml-bom", "0d" * 32)).status_code == 404
    typed(console, "ml-bom", WEIGHTS, datasets="Public web text.")
    said, files = body(console.post(page("ml-bom"), {"build": "1"}))
    assert fields(said, WEIGHTS)["datasets"]["actor"] == OFFICER
    assert b"Public web text." in files["bom.cdx.json"]


@pytest.mark.parametrize("aware", ["2026-11-22", "2026-11-22T09:30", "soon"])
def test_a_time_without_its_zone_is_refused_beside_its_field(record, console, aware):
    console.as_(OFFICER)
    answer = typed(console, "breach", CASE, aware=aware)
    assert answer.status_code == 200
    assert "time zone" in str(answer.context["form"]["aware"].errors)
    assert not PackAnswer.objects.exists()


def test_the_clock_of_a_breach_is_on_the_list_and_on_its_page(record, console):
    console.as_(OFFICER)
    answer = console.post(page("breach"))
    case = answer.url.strip("/").rpartition("/")[2]
    assert re.fullmatch(r"[0-9]{8}-[0-9a-f]{8}", case)
    aware = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    typed(console, "breach", case, aware=aware.isoformat(timespec="minutes"))
    for address in (LIST, page("breach"), page("breach", case)):
        assert re.search(
            r"7[01] hours and \d+ minutes left", console.get(address).content.decode()
        )
    late = (aware - dt.timedelta(hours=80)).isoformat(timespec="minutes")
    typed(console, "breach", case, aware=late)
    assert "overdue" in console.get(LIST).content.decode()


def test_what_is_missing_is_counted_and_marked(record, console):
    console.as_(OFFICER)
    before = console.get(page("breach", CASE)).content.decode().count(">missing<")
    typed(console, "breach", CASE, nature="A stolen laptop.")
    assert console.get(page("breach", CASE)).content.decode().count(">missing<") == before - 1


def test_a_pack_is_built_downloaded_and_recorded(record, console):
    console.as_(AUDITOR)
    answer = console.post(page("record-of-processing"), {"build": "1", "build-since": ""})
    assert answer.headers["Content-Type"] == "application/zip"
    assert "no-store" in answer.headers["Cache-Control"]
    assert re.search(
        r'attachment; filename="domicile-[a-z0-9-]+\.zip"',
        answer.headers["Content-Disposition"],
    )
    said, _ = body(answer)
    assert fields(said, str(record.crm.pk))["purposes"]["value"] == "Why crm is there."
    detail = told(Event.objects.get(type="pack.exported"))
    assert (detail["actor"], detail["pack"]) == (AUDITOR, "record-of-processing")


def test_what_cannot_be_built_is_explained_and_nothing_is_recorded(
    record, console, monkeypatch
):
    console.as_(AUDITOR)
    answer = console.post(
        page("record-of-processing"),
        {"build": "1", "build-since": "2026-11-22T10:00", "build-until": "2026-11-22T09:00"},
    )
    assert "ends before it begins" in answer.content.decode()
    assert not Event.objects.filter(type="pack.exported").exists()


def test_a_persons_identifiers_are_in_the_file_and_nowhere_else(
    record, console, caplog, tmp_path
):
    caplog.set_level(logging.DEBUG)
    console.as_(OFFICER)
    where = console.post(page("access-request")).url
    answer = console.post(
        where, {"build": "1", "build-identifiers": f"{PERSON}\n+49 30 901820"}
    )
    said, _ = body(answer)
    assert said["requests_found"] == 1
    assert PERSON in said["found_by"]
    case = where.strip("/").rpartition("/")[2]
    assert said["sections"][-1]["subject"] == case
    assert "quillworthy" not in where + answer.headers["Content-Disposition"] + caplog.text
    for model in (Event, PackAnswer):
        for row in model.objects.values():
            for value in row.values():
                data = (
                    bytes(value)
                    if isinstance(value, bytes | memoryview)
                    else str(value).encode()
                )
                assert b"quillworthy" not in data
    wrong = console.post(where, {"build": "1", "build-identifiers": PERSON, "build-since": "x"})
    assert wrong.status_code == 200
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"quillworthy" not in path.read_bytes(), path


def test_a_person_is_looked_for_in_the_applications_that_were_ticked(record, console):
    record.request(record.mail, named=(PERSON,))
    record.sign()
    console.as_(OFFICER)
    asked = {"build": "1", "build-identifiers": PERSON, "build-applications": ["mail"]}
    said, _ = body(console.post(page("access-request", CASE), asked))
    rows = fields(said)["requests"]["data"]["requests"]
    assert [one["application"] for one in rows] == ["mail"]


@pytest.mark.parametrize("address", [LIST, page("breach"), page("breach", CASE)])
def test_who_has_no_right_sees_no_pack(record, console, address):
    console.as_(OPERATOR)
    assert console.get(address).status_code == 403


def test_an_auditor_reads_and_builds_but_types_nothing_and_gets_no_persons_data(
    record, console
):
    console.as_(AUDITOR)
    answer = console.get(page("breach", CASE))
    assert "<textarea" not in answer.content.decode()
    for address, sent in (
        (page("breach", CASE), {"nature": "x"}),
        (page("breach"), {}),
        (page("access-request", CASE), {"build": "1", "build-identifiers": PERSON}),
    ):
        assert console.post(address, sent).status_code == 403, address
    assert not PackAnswer.objects.exists()
    assert not Event.objects.filter(type__startswith="pack.").exists()


@pytest.mark.parametrize(
    "given",
    [
        ("nothing",),
        ("breach", "not-a-case"),
        ("breach", "organisation"),
        ("record-of-processing", "00000000-0000-0000-0000-000000000000"),
        ("breach", CASE, "nothing"),
        ("breach", CASE, "dpo"),
    ],
)
def test_an_address_of_nothing_is_not_found(record, console, given):
    console.as_(OFFICER)
    expected = 200 if given == ("breach", "organisation") else 404  # it shares the contact
    assert console.get(page(*given)).status_code == expected


def test_an_application_that_is_not_high_risk_has_no_page_of_ai_logs(record, console):
    console.as_(OFFICER)
    assert console.get(page("ai-logs", str(record.mail.pk))).status_code == 200
    assert console.get(page("ai-logs", str(record.crm.pk))).status_code == 404


def test_what_takes_long_is_made_by_a_run_once_and_can_be_made_again_after_a_crash(
    record, console, monkeypatch
):
    monkeypatch.setattr(pages, "MOST", 1)
    console.as_(OFFICER)
    asked = {"build": "1", "build-applications": ["crm"]}
    answer = console.post(page("record-of-processing"), asked)
    run = Export.objects.get()
    assert answer.url == reverse("admin:export", args=[run.pk])
    assert (run.form, run.scope["only"]) == ("record-of-processing", "crm")
    for _again in range(2):
        running.carry_out(run.pk)
    run.refresh_from_db()
    assert (run.state, run.actor) == ("done", OFFICER)
    said, _ = read(shelf.kept(run.file))
    assert [one["title"] for one in said["sections"]] == ["The organisation", "crm"]
    assert said["by"] == OFFICER
    assert Event.objects.filter(type="pack.exported").count() == 1
    assert "Record of processing activities" in console.get(answer.url).content.decode()


def test_a_pack_about_a_person_is_never_a_run_whose_row_would_name_the_person(
    record, console, monkeypatch
):
    monkeypatch.setattr(pages, "MOST", 1)
    console.as_(OFFICER)
    sent = {"build": "1", "build-identifiers": PERSON}
    answer = console.post(page("access-request", CASE), sent)
    assert "audit pack" in answer.content.decode()
    assert not Export.objects.exists()
    with pytest.raises(ScopeInvalid):
        runs.start(OFFICER, "access-request", {"case": CASE, "identifiers": [PERSON]})


@pytest.mark.parametrize(
    ("pack", "scope", "field"),
    [
        ("record-of-processing", {"since": "2026-11-22T10:00"}, "since"),
        ("record-of-processing", {"until": "soon"}, "until"),
        ("ai-logs", {"only": "nobody"}, "only"),
        ("breach", {"case": "../../etc"}, "case"),
    ],
)
def test_a_run_of_something_else_is_refused_by_the_name_of_the_field(
    record, console, pack, scope, field
):
    with pytest.raises(ScopeInvalid) as error:
        runs.start(OFFICER, pack, scope)
    assert error.value.field == field

"""Erasing and reading kept content in the console."""

import dataclasses
import json
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from compliance.admin.roles import OFFICER, RIGHTS
from compliance.audit import asking, caretaker, subjects, vault
from compliance.audit.keys import create_key
from compliance.audit.writer import Writer
from compliance.models import Content as Stored
from compliance.models import Erasure, Event
from compliance.vocabulary import Content
from tests.compliance.audit.events import admitted, now
from tests.services.waiting import PATIENCE

ANNA = "anna.quillworthy@example.org"
ERASE = reverse("admin:erase")


@pytest.fixture
def kept(console, tmp_path):
    """Keeps a prompt about ANNA; gives the request's id."""
    key = create_key(tmp_path / "keys" / "subject-index")
    text = f"Write to {ANNA}."
    start = text.index(ANNA)
    found = {
        "pointer": "/messages/0/content",
        "start": start,
        "end": start + len(ANNA),
        "entity": "EMAIL_ADDRESS",
    }
    body = json.dumps({"messages": [{"role": "user", "content": text}], "temperature": 0.5})
    prompt = {"body": body, "findings": [found], "part": "prompt"}
    content = Content(
        "prompt",
        json.dumps(prompt, separators=(",", ":")).encode(),
        now() + 3_600_000_000,
        (subjects.blind(key, ANNA),),
    )
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    request = f"{int(time.time()):08x}{secrets.token_hex(12)}"
    writer.append_sync([dataclasses.replace(admitted(request), content=content)])
    writer.stop()
    return request


def said(kind):
    return [json.loads(bytes(event.detail or b"")) for event in Event.objects.filter(type=kind)]


def test_what_is_found_is_shown_before_anything_is_erased(console, kept):
    console.as_(OFFICER)
    asked = {"kind": "subject", "value": f" {ANNA.upper()} ", "reason": "Art. 17"}
    page = console.post(ERASE, asked)
    assert "1 request with kept content found" in page.content.decode()
    assert kept in page.content.decode()
    assert Stored.objects.count() == 1
    answer = console.post(ERASE, asked | {"erase": "1"})
    (waits,) = Erasure.objects.all()
    assert answer.url == reverse("admin:compliance_erasure_change", args=[waits.pk])
    state = reverse("admin:erasure_state", args=[waits.pk])
    page = console.get(answer.url).content.decode()
    assert state in page
    assert "Waits for its turn." in page
    assert "Certificate" not in page
    assert console.get(state).json()["running"] is True
    caretaker.carry_out(waits.pk)
    (done,) = Erasure.objects.all()
    assert (done.state, done.requests, done.actor) == ("done", 1, OFFICER)
    assert vault.read(kept) == []
    assert console.get(state).json()["running"] is False
    certificate = console.get(answer.url)
    assert "Certificate of erasure" in certificate.content.decode()
    assert "no-store" in certificate.headers["Cache-Control"]
    assert (
        "Erasure"
        in console.get(reverse("admin:compliance_erasure_changelist")).content.decode()
    )


def test_where_nothing_takes_an_erasure_up_the_pages_say_so_and_it_is_not_lost(console, kept):
    console.as_(OFFICER)
    asked = {"kind": "subject", "value": ANNA, "reason": "Art. 17", "erase": "1"}
    address = console.post(ERASE, asked).url
    listed = reverse("admin:compliance_erasure_changelist")
    away = "the process <code>records</code> is not running"
    assert away not in console.get(address).content.decode()
    Erasure.objects.update(asked=datetime.now(UTC) - 2 * asking.UNTAKEN)
    assert away in console.get(address).content.decode()
    assert away in console.get(listed).content.decode()
    caretaker.look()
    assert "Certificate of erasure" in console.get(address).content.decode()
    assert away not in console.get(listed).content.decode()


def test_an_erasure_that_waits_for_long_is_on_the_overview_and_its_age_in_the_list(
    console, kept
):
    console.as_(OFFICER)
    asked = {"kind": "subject", "value": ANNA, "reason": "Art. 17", "erase": "1"}
    console.post(ERASE, asked)
    overview, listed = "/console/", reverse("admin:compliance_erasure_changelist")
    late = "An erasure has waited for"
    assert late not in console.get(overview).content.decode()
    Erasure.objects.update(asked=datetime.now(UTC) - timedelta(days=3))
    page = console.get(overview).content.decode()
    assert f"{late} 3\u00a0days" in page
    assert f"{listed}?state=asked" in page
    assert "waits for 3\u00a0days" in console.get(f"{listed}?state=asked").content.decode()
    caretaker.look()
    assert late not in console.get(overview).content.decode()
    assert "waits for" not in console.get(listed).content.decode()


def test_a_vault_that_cannot_be_used_is_told_where_the_erasure_waits(console, kept, tmp_path):
    console.as_(OFFICER)
    asked = {"kind": "subject", "value": ANNA, "reason": "Art. 17", "erase": "1"}
    address = console.post(ERASE, asked).url
    (waits,) = Erasure.objects.all()
    (key,) = (tmp_path / "vault" / "keys").iterdir()
    key.chmod(0o644)
    caretaker.carry_out(waits.pk)
    assert "The vault cannot be used" in console.get(address).content.decode()
    key.chmod(0o600)
    caretaker.carry_out(waits.pk)
    assert "Certificate of erasure" in console.get(address).content.decode()


def test_the_identifier_is_in_no_event_row_or_address(console, kept, database, tmp_path):
    console.as_(OFFICER)
    asked = {"kind": "subject", "value": ANNA, "reason": "Art. 17", "erase": "1"}
    answer = console.post(ERASE, asked)
    assert ANNA not in answer.url
    caretaker.look()
    assert "quillworthy" not in json.dumps(said("content.erased"))
    assert not [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and b"quillworthy" in path.read_bytes()
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "subject", "value": "", "reason": "r"},
        {"kind": "request", "value": "12", "reason": "r"},
        {"kind": "subject", "value": "x", "reason": ""},
        {"kind": "other", "value": "x", "reason": "r"},
    ],
)
def test_what_cannot_be_meant_is_asked_for_again(console, kept, asked):
    console.as_(OFFICER)
    page = console.post(ERASE, asked | {"erase": "1"})
    assert "Error:" in page.content.decode()
    assert not Erasure.objects.exists()


def test_where_nothing_is_found_the_page_says_so(console, kept):
    console.as_(OFFICER)
    page = console.post(ERASE, {"kind": "subject", "value": "nobody", "reason": "r"})
    assert "0 requests with kept content found" in page.content.decode()
    assert "Nothing will be erased" in page.content.decode()


def test_kept_content_is_shown_for_a_reason_that_is_on_record(console, kept):
    console.as_(OFFICER)
    address = reverse("admin:content", args=[kept])
    assert address in console.get(reverse("admin:request", args=[kept])).content.decode()
    asked = console.get(address).content.decode()
    assert ANNA not in asked
    assert said("content.disclosed") == []
    assert ANNA not in console.post(address, {"reason": " "}).content.decode()
    page = console.post(address, {"reason": "A complaint."})
    assert f'<mark title="EMAIL_ADDRESS">{ANNA}</mark>' in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    (event,) = said("content.disclosed")
    about = {"actor": OFFICER, "reason": "A complaint.", "request": kept, "requests": 1}
    assert event.items() >= about.items()


def test_content_whose_key_is_gone_is_said_to_be_so(console, kept, tmp_path):
    console.as_(OFFICER)
    for path in (tmp_path / "vault" / "keys").iterdir():
        path.unlink()
    page = console.post(reverse("admin:content", args=[kept]), {"reason": "r"})
    assert "was destroyed" in page.content.decode()


def test_only_a_compliance_officer_reads_and_erases(console, kept, role):
    console.as_(role)
    address = reverse("admin:content", args=[kept])
    allowed = role == OFFICER
    for page in (ERASE, address):
        assert console.get(page).status_code == (200 if allowed else 403)
    answer = console.post(address, {"reason": "r"})
    assert (ANNA in answer.content.decode()) is allowed
    answer = console.post(ERASE, {"kind": "subject", "value": ANNA, "reason": "r", "erase": 1})
    assert answer.status_code == (302 if allowed else 403)
    caretaker.look()
    assert Stored.objects.exists() is not allowed
    story = console.get(reverse("admin:request", args=[kept])).content.decode()
    assert address not in story  # nothing is kept any more, or nothing may be read
    listed = console.get(reverse("admin:compliance_erasure_changelist"))
    assert (ERASE in listed.content.decode()) is allowed
    assert {
        name for name, rights in RIGHTS.items() if "compliance.erase_content" in rights
    } == {OFFICER}


def test_a_request_of_which_nothing_is_kept_has_no_such_page(console, kept):
    console.as_(OFFICER)
    address = reverse("admin:content", args=["0" * 32])
    assert console.get(address).status_code == 404

"""`manage.py audit erase`."""

import dataclasses
import io
import sys

import pytest

from compliance.audit import subjects, vault
from compliance.audit.keys import create_key
from compliance.audit.writer import Writer
from compliance.vocabulary import Content
from tests.compliance.audit.commands import audit
from tests.compliance.audit.events import admitted, now, request_id
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.database

ANNA = "anna.quillworthy@example.org"


@pytest.fixture
def kept(database, settings, tmp_path):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    key = create_key(tmp_path / "keys" / "subject-index")
    about = (subjects.blind(key, ANNA),)
    request = request_id()
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    content = Content("prompt", b"{}", now() + 3_600_000_000, about)
    writer.append_sync([dataclasses.replace(admitted(request), content=content)])
    writer.stop()
    return request


def erase(monkeypatch, *arguments, typed=""):
    """The exit code and what it said, with `typed` on standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return audit("erase", "--reason", "Art. 17", *arguments)


def test_nothing_is_erased_where_nobody_could_be_asked(kept, monkeypatch):
    code, said = erase(monkeypatch, "--subject", "-", typed=f"{ANNA}\n")
    assert code == 2
    assert "of 1 requests" in said
    assert vault.read(kept)


def test_an_identifier_comes_from_standard_input_and_the_certificate_goes_out(
    kept, monkeypatch
):
    code, said = erase(monkeypatch, "--subject", "-", "--yes", typed=f"{ANNA}\n")
    assert code == 0
    assert "Certificate of erasure" in said
    assert ANNA not in said
    assert vault.read(kept) == []


def test_a_request_is_erased_by_its_id(kept, monkeypatch):
    assert erase(monkeypatch, "--request", kept, "--yes")[0] == 0
    assert vault.read(kept) == []


def test_what_is_no_request_is_refused(kept, monkeypatch):
    code, said = erase(monkeypatch, "--request", "12", "--yes")
    assert code == 2
    assert "32 hex digits" in said

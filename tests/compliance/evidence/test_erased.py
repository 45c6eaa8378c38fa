"""What is erased is in no export that lies here either."""

import dataclasses
import json
import zipfile

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from compliance import tasks
from compliance.audit import asking, caretaker, erasure
from compliance.evidence import erased, running, runs, shelf
from compliance.models import Content, Erasure, Event, Export
from tests.compliance.audit.test_erasure import ANNA, BEN, data, integrate, keep, writer

pytestmark = pytest.mark.database
__all__ = ["data", "writer"]
PLANTED = b"a planted value of Quillworthy"


@pytest.fixture(autouse=True)
def roomy(data, settings):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, disk_floor=0)


def said(kind):
    return [
        json.loads(bytes(one.detail or b""))
        for one in Event.objects.filter(type=kind).order_by("pk")
    ]


def asked(contents=True):
    return runs.start("clara", "evidence", {"contents": contents, "reason": "a court asked"})


def again(run):
    return Export.objects.get(pk=run.pk)


def made(contents=True):
    run = asked(contents)
    running.carry_out(run.pk)
    run = again(run)
    assert run.state == "done", run.words
    return run


def holding():
    """The exports here, finished or not, that hold the planted value."""
    found = []
    for path in shelf.folder().rglob("*"):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                texts = [archive.read(name) for name in archive.namelist()]
        else:
            texts = [path.read_bytes()] if path.is_file() else []
        if any(PLANTED in text for text in texts):
            found.append(path.name)
    return found


@pytest.fixture
def kept(writer, data):
    """A request about Anna, in the log."""
    request = keep(writer, data, ANNA, text=PLANTED)
    integrate(data)
    return request


def erase(value=ANNA, kind="subject"):
    return erasure.erase(kind, value, actor="officer", reason="Art. 17")


def test_an_erasure_asked_for_takes_the_exports_with_contents_and_leaves_the_others(kept):
    run, other = made(), made(contents=False)
    assert holding() == [run.file]
    tasks.erase_content(asking.ask("subject", ANNA, actor="officer", reason="Art. 17").pk)
    assert holding() == []
    assert again(run).removed
    assert shelf.kept(other.file)
    (told,) = said("evidence.removed")
    assert (told["export"], told["sha256"], told["reason"]) == (
        run.pk,
        run.digest,
        erased.REASON,
    )


def test_the_command_that_erases_takes_them_too(kept):
    run = made()
    call_command("audit", "erase", "--subject", ANNA, "--reason", "Art. 17", "--yes")
    assert holding() == []
    assert again(run).removed


def test_what_expires_is_in_no_export_any_longer(kept):
    run = made()
    Content.objects.update(expires="2020-01-01T00:00Z")
    caretaker._expired.value = float("-inf")
    tasks.take_up()
    assert not Content.objects.exists()
    assert holding() == []
    assert again(run).removed


def test_the_sweep_does_what_a_process_that_erased_did_not_come_to(kept):
    made()
    erase()
    assert holding()
    tasks.take_up()
    assert holding() == []


def test_an_erasure_that_found_nothing_takes_no_export(kept):
    run = made()
    tasks.erase_content(asking.ask("subject", BEN, actor="officer", reason="Art. 17").pk)
    assert Erasure.objects.get().requests == 0
    assert holding() == [run.file]


def test_an_export_made_after_an_erasure_stays(kept, writer, data):
    erase()
    keep(writer, data, BEN, text=PLANTED)
    integrate(data)
    run = made()
    erased.clear("records")
    assert holding() == [run.file]


def test_what_is_erased_while_an_export_is_made_is_not_in_what_comes_out(kept, monkeypatch):
    whole = running._settle

    def erased_meanwhile(run, form, words):
        monkeypatch.setattr(running, "_settle", whole)
        assert holding()
        erase()
        whole(run, form, words)

    monkeypatch.setattr(running, "_settle", erased_meanwhile)
    run = asked()
    running.carry_out(run.pk)
    assert (again(run).state, again(run).file, holding()) == ("waiting", "", [])
    assert said("evidence.removed")[0]["export"] == run.pk
    running.carry_out(run.pk)
    assert (again(run).state, holding()) == ("done", [])
    assert again(run).removed is None


def test_what_is_erased_while_a_whole_file_waits_for_its_name_does_not_get_it(
    kept, monkeypatch
):
    def away(*_given):
        raise DatabaseError("It went away.")

    run = asked()
    with monkeypatch.context() as patched:
        patched.setattr(shelf, "place", away)
        with pytest.raises(DatabaseError):
            running.carry_out(run.pk)
    assert holding()
    erase()
    running.carry_out(run.pk)
    running.carry_out(run.pk)
    assert (again(run).state, holding()) == ("done", [])


def test_the_number_of_requests_disclosed_is_on_record_not_of_their_texts(kept):
    made()
    assert [told["requests"] for told in said("content.disclosed")] == [1]

"""The wizard and the list of exports, through the console's door."""

import asyncio
import dataclasses
import json
import zipfile
from pathlib import Path

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from compliance.admin import exports
from compliance.audit import generation, journal, ledger
from compliance.audit.copies import Places
from compliance.audit.keys import create_key, read_key
from compliance.audit.notary import Notary
from compliance.evidence import running, runs, shelf
from compliance.models import Application, Event, Export
from tests.compliance.admin import stories
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies
from tests.compliance.evidence.packing import check

LIST, NEW = reverse("admin:compliance_export_changelist"), reverse("admin:new_export")
ALL = {"part": "all"}
ORIGIN = "domicile.test/log/1"


@pytest.fixture
def logged(console, settings, tmp_path):
    """A log of two requests, and its key."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, disk_floor=0)
    owner = stories.application()
    stories.requests(owner, ("Hello.", "completed"), ("Hello again.", "completed"))
    key = create_key(tmp_path / "keys" / "log.ed25519")
    notary = Notary(tmp_path / "log", key, "domicile.test/log/1")
    while notary.integrate_once():
        pass
    return console


def text_of(answer):
    return " ".join(answer.content.decode().split())


def said(kind):
    return json.loads(bytes(Event.objects.get(type=kind).detail or b""))


def kept(run) -> Path:
    """The run's file, which is there."""
    path = shelf.kept(run.file)
    assert path is not None
    return path


def begun(client, **fields):
    answer = client.post(NEW, ALL | fields | {"start": "1"})
    assert answer.status_code == 302, answer.context["form"].errors
    return Export.objects.latest("pk")


async def gathered(answer):
    return b"".join([block async for block in answer.streaming_content])


def test_an_empty_list_says_how_to_begin(console):
    console.as_("Auditor")
    assert "Make the first export" in text_of(console.get(LIST))


def test_the_wizard_counts_first_then_starts_and_the_file_is_downloaded(logged):
    logged.as_("Auditor")
    assert "UTC" in text_of(logged.get(NEW))
    page = logged.post(NEW, ALL)
    assert page.context["found"].applications == [("helpdesk", 4)]
    assert "aria-describedby" not in page.content.decode()  # what is hidden has no help
    assert Export.objects.count() == 0
    run = begun(logged)
    assert said("evidence.requested")["actor"] == "Auditor"
    page = logged.get(reverse("admin:export", args=[run.pk]))
    assert "Waits for its turn" in text_of(page)
    running.carry_out(run.pk)
    page = text_of(logged.get(reverse("admin:export", args=[run.pk])))
    run.refresh_from_db()
    key = exports.log_key()
    assert key is not None
    for shown in (run.digest, "python3 -I verify.py", key[1]):
        assert shown in page
    answer = logged.post(reverse("admin:download_export", args=[run.pk]))
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{run.file}"'
    assert asyncio.run(gathered(answer)) == kept(run).read_bytes()
    told = said("evidence.downloaded")
    assert (told["actor"], told["sha256"]) == ("Auditor", run.digest)


def test_types_of_events_are_chosen_by_their_groups_and_words(logged):
    logged.as_("Auditor")
    page = text_of(logged.get(NEW))
    assert "<legend>Requests</legend>" in page
    assert "request.admitted: checked, decided and cleared" in page
    assert "Generation of the log" not in page  # there is one only
    chosen = {"types": ["request.completed"]}
    found = logged.post(NEW, ALL | chosen).context["found"]
    assert found.applications == [("helpdesk", 2)]
    run = begun(logged, **chosen)
    assert run.scope["types"] == ["request.completed"]
    assert "request.completed" in text_of(logged.get(reverse("admin:export", args=[run.pk])))
    running.carry_out(run.pk)
    run.refresh_from_db()
    with zipfile.ZipFile(kept(run)) as archive:
        assert json.loads(archive.read("manifest.json"))["types"] == ["request.completed"]


@pytest.fixture
def older(database, tmp_path):
    copies = Copies(database, tmp_path / "log")
    yield copies
    copies.drop()


def grow(tmp_path, count):
    with transaction.atomic():
        journal.record("console", [event("clock.jumped", milliseconds=n) for n in range(count)])
    key = read_key(tmp_path / "keys" / "log.ed25519")
    Notary(tmp_path / "log", key, ORIGIN, tmp_path / "outside").integrate_once()


def resume(tmp_path):
    key = read_key(tmp_path / "keys" / "log.ed25519")
    places = Places(tmp_path / "log", tmp_path / "outside")
    assert generation.resume(places, key, ORIGIN, actor="anna", reason="The disk failed.")


@pytest.fixture
def resumed(logged, older, tmp_path):
    """The log, after a restore that lost three entries that were signed."""
    number = older.take()
    logged.size = ledger.current().size
    grow(tmp_path, 3)
    older.put_back(number)
    resume(tmp_path)
    return logged


def test_an_export_of_an_ended_generation_says_how_that_ended(resumed):
    resumed.as_("Auditor")
    page = text_of(resumed.get(NEW))
    assert "An export is of one generation" in page
    assert f"1, which ended after a restore, with {resumed.size} entries" in page
    found = resumed.post(NEW, ALL | {"generation": "1"}).context["found"]
    assert (found.begin, found.end) == (0, resumed.size)
    ended = found.ended[0]
    assert "Generation 1 of this log ended on" in ended
    assert "goes on as generation 2" in ended
    run = begun(resumed, generation="1")
    running.carry_out(run.pk)
    run.refresh_from_db()
    page = text_of(resumed.get(reverse("admin:export", args=[run.pk])))
    assert "<dt>Generation</dt><dd>1</dd>" in page
    assert "domicile.test/log/1+" in page  # the key's line, of the generation's own name
    assert ended in run.words
    with zipfile.ZipFile(kept(run)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["origin"] == "domicile.test/log/1"
    assert ended in manifest["statement"]
    assert check(kept(run))[0]
    newer = begun(resumed, generation="2")
    assert newer.scope["generation"] == 2
    assert resumed.post(NEW, ALL | {"generation": "2"}).context["found"].ended == ()


def test_entries_of_an_ended_generation_that_no_checkpoint_covers_are_said_to_be_so(
    logged, older, tmp_path
):
    """The log's folder was restored from an older backup than the database."""
    logged.as_("Auditor")
    size = ledger.current().size
    earlier = older.take()
    grow(tmp_path, 2)
    later, last = older.take(), ledger.current().size - 1
    grow(tmp_path, 3)
    older.put_back(later)
    older.put_back_folder(earlier)
    resume(tmp_path)
    ended = logged.post(NEW, ALL | {"generation": "1"}).context["found"].ended
    unproven = f"Its entries {size} to {last} are in the database"
    assert unproven in ended[1]
    beyond = {"part": "entries", "first": size, "generation": "1", "start": "1"}
    answer = logged.post(NEW, beyond)
    assert unproven in text_of(answer)
    assert not Export.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"part": "all", "types": ["no.such"]}, "types"),
        ({"part": "period", "since": "2020-01-01T00:00", "until": "2020-01-02T00:00"}, "until"),
        ({"part": "period", "since": "2026-01-02T00:00", "until": "2026-01-01T00:00"}, "until"),
        ({"part": "period", "since": "2999-01-01T00:00"}, "since"),
        ({"part": "period", "since": "yesterday"}, "since"),
        ({"part": "entries", "first": "5", "last": "4"}, "last"),
        ({"part": "entries", "first": "1000000"}, "first"),
        ({"part": "entries", "first": "-1"}, "first"),
        ({"part": "all", "contents": "on"}, "reason"),
        ({"part": "all", "applications": ["0" * 8]}, "applications"),
        ({"part": "everything"}, "part"),
    ],
)
def test_what_cannot_be_exported_is_told_at_the_field_and_nothing_starts(logged, fields, wrong):
    logged.as_("Compliance officer")
    answer = logged.post(NEW, fields | {"start": "1"})
    assert list(answer.context["form"].errors) == [wrong]
    assert 'role="alert"' in answer.content.decode()
    assert Export.objects.count() == 0


def test_a_log_without_a_checkpoint_cannot_be_exported_and_says_so(console):
    console.as_("Auditor")
    answer = console.post(NEW, ALL)
    assert "covers 0 entries" in str(answer.context["form"].non_field_errors())


def test_who_may_not_disclose_contents_is_not_asked_about_them(logged):
    logged.as_("Auditor")
    assert "contents" not in logged.get(NEW).context["form"].fields
    run = begun(logged, contents="on", reason="curious")
    assert run.scope["contents"] is False


def test_who_may_not_read_kept_contents_does_not_get_an_export_of_them_either(logged):
    run = runs.start("clara", "evidence", {"contents": True, "reason": "a court asked"})
    running.carry_out(run.pk)
    run.refresh_from_db()
    page, file = (
        reverse(f"admin:{name}", args=[run.pk]) for name in ("export", "download_export")
    )
    logged.as_("Auditor")
    assert "You may not read those" in text_of(logged.get(page))
    assert file not in text_of(logged.get(page))
    assert logged.post(file).status_code == 403
    assert not Event.objects.filter(type="evidence.downloaded").exists()
    logged.as_("Compliance officer")
    assert file in text_of(logged.get(page))
    assert asyncio.run(gathered(logged.post(file))) == kept(run).read_bytes()


def test_who_may_not_export_sees_neither_list_nor_file(logged):
    run = runs.start("clara", "evidence", {})
    running.carry_out(run.pk)
    logged.as_("Operator")
    assert LIST not in text_of(logged.get(reverse("admin:index")))
    for name in ("export", "export_state"):
        assert logged.get(reverse(f"admin:{name}", args=[run.pk])).status_code == 403
    for name in ("download_export", "cancel_export", "remove_export"):
        assert logged.post(reverse(f"admin:{name}", args=[run.pk])).status_code == 403
    for address in (LIST, NEW):
        assert logged.get(address).status_code == 403
    assert not Event.objects.filter(type="evidence.downloaded").exists()


def test_a_run_is_cancelled_once_and_nothing_is_made_of_it(logged):
    logged.as_("Auditor")
    run = begun(logged)
    for _again in range(2):
        logged.post(reverse("admin:cancel_export", args=[run.pk]))
    assert said("evidence.cancelled")["export"] == run.pk
    running.carry_out(run.pk)
    run.refresh_from_db()
    assert (run.state, run.file) == ("cancelled", "")
    assert not Event.objects.filter(type="evidence.exported").exists()


def test_a_removed_file_cannot_be_downloaded_and_its_run_stays(logged):
    logged.as_("Auditor")
    run = begun(logged)
    running.carry_out(run.pk)
    logged.post(reverse("admin:remove_export", args=[run.pk]))
    run.refresh_from_db()
    assert shelf.kept(run.file) is None
    assert said("evidence.removed")["sha256"] == run.digest
    answer = logged.post(reverse("admin:download_export", args=[run.pk]), follow=True)
    assert "not there any more" in text_of(answer)
    assert "file removed" in text_of(logged.get(LIST))


def test_a_run_that_nothing_takes_up_says_which_process_is_away(logged):
    logged.as_("Auditor")
    run = begun(logged)
    assert "not running" not in text_of(logged.get(LIST))
    Export.objects.update(asked=timezone.now() - runs.UNTAKEN * 2)
    for address in (LIST, reverse("admin:export", args=[run.pk])):
        assert "is not running" in text_of(logged.get(address))


def test_the_list_is_cut_into_pages(logged):
    logged.as_("Auditor")
    for _run in range(exports.SHOWN + 1):
        Export.objects.create(actor="x", form="evidence", scope={}, asked=timezone.now())
    assert len(logged.get(LIST).context["runs"]) == exports.SHOWN
    assert len(logged.get(LIST, {"page": "2"}).context["runs"]) == 1
    assert logged.get(LIST, {"page": "x"}).status_code == 200


def test_only_details_of_the_chosen_application_are_in_the_file(logged):
    other = stories.application("other")
    logged.as_("Auditor")
    run = begun(logged, applications=[str(other.pk)])
    running.carry_out(run.pk)
    run.refresh_from_db()
    with zipfile.ZipFile(kept(run)) as archive:
        assert b"helpdesk" not in archive.read("details.jsonl")
        assert len(archive.read("entries.jsonl").splitlines()) >= 4
    assert Application.objects.count() == 2

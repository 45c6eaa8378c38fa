import dataclasses
import datetime as dt
import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse
from django.utils import timezone

from compliance.admin import generations, stamped, verification
from compliance.audit import checkpoint, generation, ledger, stamp_files, stamps
from compliance.audit.authority import trusted
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.copies import Known
from compliance.audit.files import LogFolder
from compliance.models import Event, Verification
from tests.compliance.admin import stories
from tests.services.appliance import BASE
from tests.services.timestamps import Authority
from tests.services.waiting import wait_until

VERIFY = reverse("admin:verify")


@pytest.fixture
def sealed(console, tmp_path):
    """A log of one request, with its checkpoint."""
    owner = stories.application()
    stories.requests(owner, ("Hello.", "completed"))
    stories.integrate(tmp_path / "log")
    return console


def ended():
    run = Verification.objects.first()
    return run is not None and run.finished is not None


def verdict(client):
    client.post(VERIFY)
    wait_until(ended, "the run has ended")
    return client.get(VERIFY)


def test_an_intact_log_is_called_intact_and_who_asked_is_on_record(sealed):
    sealed.as_("Auditor")
    page = verdict(sealed)
    assert "The log is intact." in page.content.decode()
    event = Event.objects.get(type="log.verified")
    said = json.loads(bytes(event.detail or b""))
    assert (said["actor"], said["verdict"]) == ("Auditor", "intact")


def test_a_log_whose_tile_was_altered_is_called_altered(sealed, tmp_path):
    tile = next(path for path in (tmp_path / "log").rglob("tile/0/**/*") if path.is_file())
    tile.write_bytes(bytes(len(tile.read_bytes())))
    sealed.as_("Auditor")
    assert "altered or is incomplete" in verdict(sealed).content.decode()


def test_a_log_without_a_checkpoint_is_not_called_intact(console):
    console.as_("Auditor")
    assert "The log is intact" not in verdict(console).content.decode()


def test_a_run_at_work_is_joined_not_doubled(console):
    now = timezone.now()
    Verification.objects.create(actor="other", started=now, seen=now)
    console.as_("Auditor")
    console.post(VERIFY)
    assert Verification.objects.count() == 1
    assert "Verifying" in console.get(VERIFY).content.decode()
    run = Verification.objects.get()
    state = console.get(reverse("admin:verification", args=[run.pk])).json()
    assert state == {"running": True}


def test_a_run_whose_process_died_is_called_interrupted(console):
    before = timezone.now() - verification.SILENT - dt.timedelta(seconds=1)
    Verification.objects.create(actor="other", started=before, seen=before)
    console.as_("Auditor")
    text = console.get(VERIFY).content.decode()
    assert "interrupted" in text
    assert "data-wait" not in text


def test_a_list_of_runs_that_is_cut_says_so(console):
    now = timezone.now()
    run = {"actor": "other", "seen": now, "finished": now, "state": "intact"}
    console.as_("Auditor")
    for count, cut in ((verification.SHOWN, False), (1, True)):
        for _run in range(count):
            Verification.objects.create(started=now, **run)
        page = console.get(VERIFY)
        assert len(page.context["runs"]) == verification.SHOWN
        assert (f"The newest {verification.SHOWN} runs" in page.content.decode()) is cut


def test_the_page_shows_the_newest_checkpoint_and_what_a_restore_lost(sealed, tmp_path):
    sealed.as_("Auditor")
    words = sealed.get(VERIFY).content.decode()
    assert "None has been signed yet" not in words
    assert "domicile.test/log/1" in words
    assert "since the log began" in words
    assert "Generations that ended" not in words
    held = ledger.current()
    state = Checkpoint("domicile.test/log/1", held.size + 40, bytes(32))
    note = checkpoint.sign(state, Ed25519PrivateKey.generate())
    old = Known(1, state, note, tmp_path / "kept")
    missing = generation.Loss(held, "domicile.test/log/1", old, (), (), checked=False)
    generation.begin(missing, actor="anna", reason="The disk of <3> May failed.")
    stories.integrate(tmp_path / "log")
    page = sealed.get(VERIFY).content.decode()
    assert "The disk of &lt;3&gt; May failed." in page
    assert f"entries {held.size} up to, not including, {held.size + 40}" in page
    assert "domicile.test/log/2" in page
    first = Event.objects.get(type="log.resumed")
    page = sealed.get(
        reverse("admin:compliance_event_change", args=[first.pk])
    ).content.decode()
    assert "as entry 0, counted from 0" in page
    assert "generation 2" in page
    events = sealed.get(reverse("admin:compliance_event_changelist")).content.decode()
    assert "entry 0 of generation 2" in events


def test_the_verifier_of_evidence_is_served_as_it_lies_in_exports_and_may_connect_nowhere(
    console,
):
    console.as_("Auditor")
    page = console.get(reverse("admin:verifier"))
    known = BASE.joinpath("compliance", "evidence", "verify.html").read_bytes()
    assert page.content == known
    policy = dict(one.split(" ", 1) for one in page["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"].startswith("'sha256-")
    assert "connect-src" not in policy
    kept = console.get(reverse("admin:verifier"), {"download": ""})
    assert kept["Content-Disposition"] == 'attachment; filename="verify.html"'
    for linking in ("admin:verify", "admin:compliance_export_changelist"):
        shown = console.get(reverse(linking)).content.decode()
        assert reverse("admin:verifier") in shown
        assert "not uploaded" in shown
    console.logout()
    assert console.get(reverse("admin:verifier")).status_code == 302


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is the authority")
def test_the_page_shows_the_newest_time_stamp_and_that_one_is_late(
    sealed, tmp_path, settings, monkeypatch
):
    def words():
        return sealed.get(VERIFY).content.decode()

    sealed.as_("Auditor")
    assert "No authority stamps this log" in words()
    address = "https://time.example/tsa"
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, tsa=address)
    assert f"<code>{address}</code> has given no time stamp yet" in words()
    authority = Authority(tmp_path / "house")
    folder = LogFolder(tmp_path / "log")
    note = folder.read("checkpoint") or b""
    size = checkpoint.parse(note).size
    asked = stamps.question(folder, note, size)
    reply = authority.reply(asked.query)
    stamps.keep(folder, asked, reply, checkpoint.parse, trusted(authority.certificate))
    assert "CN=House time,O=House" in words()
    assert f"<dt>Entries that it covers</dt><dd>{size}</dd>" in words()
    monkeypatch.setattr(stamped, "LATE", dt.timedelta(0))
    assert "given no stamp for two days" not in words()
    path = folder.root / stamp_files.path_of(size, "tsr")
    for name in (path, path.with_suffix(".checkpoint")):
        shutil.copy(name, name.with_stem("9000"))
    assert f"<dt>Entries that it covers</dt><dd>{size}</dd>" in words()
    signed = generations.signed()
    assert signed is not None
    grown = stamped.newest(dataclasses.replace(signed, size=size + 1))
    assert grown is not None
    assert grown.late
    later = stamped.newest(dataclasses.replace(signed, origin="domicile.test/log/2"))
    assert later is None, "a stamp of another generation says nothing of this one"
    path.write_bytes(b"damaged")
    assert "has given no time stamp yet" in words()

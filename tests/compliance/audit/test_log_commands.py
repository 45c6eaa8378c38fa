"""`manage.py audit prove | checkpoint | consistency | resume`, as an operator types them."""

import base64
import io
import json
import random
import secrets
import shutil
import time
import zipfile
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from appliance import diagnosis
from compliance.audit import checkpoint, erasure, inclusion, journal, subjects, tiles
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.inclusion import Inclusion, Shown
from compliance.audit.keys import create_key, read_key
from compliance.audit.merkle import ProofInvalid, leaf_hash, verify_inclusion
from compliance.audit.notary import Notary
from compliance.audit.ring import FileRing
from compliance.audit.writer import Writer
from compliance.models import Content as Stored
from compliance.models import Event, LogHead
from compliance.vocabulary import Content
from tests.compliance.audit.commands import audit
from tests.compliance.audit.events import admitted, completed, event, register
from tests.compliance.audit.restoring import Copies
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def log(tmp_path, monkeypatch):
    """This appliance's log folder, with 300 entries; its key is on the disk."""
    data = tmp_path / "data"
    monkeypatch.setattr(
        settings,
        "DOMICILE",
        replace(settings.DOMICILE, data=data, checkpoints=tmp_path / "outside"),
    )
    create_key(data / "keys" / "log.ed25519")
    grow(300)
    return data / "log"


def notary():
    data = settings.DOMICILE.data
    key = read_key(data / "keys" / "log.ed25519")
    return Notary(data / "log", key, "domicile.local/log/1", settings.DOMICILE.checkpoints)


def grow(count):
    with transaction.atomic():
        journal.record("console", [event("a.step", number=n) for n in range(count)])
    notary().integrate_once()


def public(log):
    return checkpoint.parse_verifier_key((log / "verifier-key").read_text().strip())[1]


def test_a_proof_leads_from_the_entry_to_the_checkpoint(log, tmp_path):
    for index in (0, 7, 255, 256, 299):
        code, text = audit("prove", index)
        assert code == 0, text
        lines = text.split("\n")
        assert lines[0] == "c2sp.org/tlog-proof@v1"
        assert lines[2] == f"index {index}"
        note = text.partition("\n\n")[2].encode()
        assert note == (log / "checkpoint").read_bytes()
        state = checkpoint.verify(note, "domicile.local/log/1", public(log))
        path = [base64.b64decode(line) for line in lines[3 : lines.index("")]]
        proof = inclusion.parse(text.encode())
        verify_inclusion(leaf_hash(proof.entry), index, state.size, path, state.root)
        assert proof.shown is None


def test_an_entry_whose_bundle_was_cut_short_is_not_proven_and_the_bundle_is_named(log):
    path = log / "tile/entries/001.p/44"
    path.write_bytes(tiles.bundle(list(tiles.entries_in(path.read_bytes()))[:5]))
    code, words = audit("prove", 290)
    assert code == 2
    assert "tile/entries/001.p/44 is cut short" in words


def test_a_proof_with_its_detail_is_checked_by_its_key_alone(log, tmp_path):
    path = tmp_path / "7.tlog-proof"
    assert audit("prove", 7, "--detail", "--out", path)[0] == 0
    shutil.copy(log / "verifier-key", tmp_path / "key")
    shutil.rmtree(log)
    code, words = audit("prove", "--check", path, "--key", tmp_path / "key")
    assert code == 0, words
    assert "SOUND: entry 7 is in domicile.local/log/1 at 300 entries" in words
    assert '"number":7' in words
    assert Event.objects.filter(type="detail.disclosed").count() == 1


def test_a_proof_may_lead_to_a_checkpoint_that_was_kept(log, tmp_path):
    kept = tmp_path / "kept"
    shutil.copy(log / "checkpoint", kept)
    grow(500)
    code, text = audit("prove", 7, "--checkpoint", kept)
    assert code == 0, text
    assert text.endswith(kept.read_text())
    assert audit("prove", 300, "--checkpoint", kept)[0] == 2
    assert audit("prove", 799)[0] == 0
    assert audit("prove", 800)[0] == 2


def test_a_file_of_that_name_is_never_overwritten(log, tmp_path):
    path = tmp_path / "there"
    path.write_text("mine")
    assert audit("prove", 7, "--out", path)[0] == 2
    assert path.read_text() == "mine"


def test_no_changed_proof_is_taken_for_sound(log):
    proof = inclusion.parse(audit("prove", 77, "--detail")[1].encode())
    whole = proof.text()
    key = public(log)
    proof.verify("domicile.local/log/1", key)
    chance = random.Random(20)
    accepted = []
    for _ in range(3000):
        data = bytearray(whole)
        kind = chance.randrange(4)
        at = chance.randrange(len(data))
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at : at + chance.randrange(1, 60)]
        elif kind == 2:
            data[at:at] = data[at : at + chance.randrange(1, 60)]
        else:
            del data[at:]
        if bytes(data) == whole:
            continue
        try:
            found = inclusion.parse(bytes(data))
            found.verify("domicile.local/log/1", key)
        except (ProofInvalid, CheckpointInvalid):
            continue
        accepted.append(bytes(data))
    assert accepted == []


def test_a_detail_that_the_entry_does_not_commit_to_is_not_sound(log, tmp_path):
    proof = inclusion.parse(audit("prove", 7, "--detail")[1].encode())
    assert proof.shown
    other = Shown(proof.shown.detail.replace(b'"number":7', b'"number":8'), proof.shown.key)
    path = tmp_path / "forged"
    path.write_bytes(Inclusion(proof.entry, 7, proof.path, proof.note, other).text())
    code, words = audit("prove", "--check", path)
    assert code == 1
    assert "not the one that the entry commits to" in words


def test_the_checkpoint_is_shown_with_words_or_alone(log):
    code, words = audit("checkpoint")
    assert code == 0
    assert "entries      300" in words
    assert (log / "checkpoint").read_text() in words
    assert audit("checkpoint", "--raw") == (0, (log / "checkpoint").read_text())


def test_a_log_that_grew_is_told_from_one_that_was_changed(log, tmp_path):
    kept = tmp_path / "kept"
    shutil.copy(log / "checkpoint", kept)
    grow(300)
    code, words = audit("consistency", kept)
    assert code == 0
    assert "grew from 300 to 600 entries" in words
    key = Ed25519PrivateKey.from_private_bytes(
        read_key(settings.DOMICILE.data / "keys" / "log.ed25519")
    )
    forged = checkpoint.Checkpoint("domicile.local/log/1", 300, bytes(32))
    kept.write_bytes(checkpoint.sign(forged, key))
    assert audit("consistency", kept)[0] == 1
    forged = checkpoint.Checkpoint("domicile.local/log/1", 601, bytes(32))
    kept.write_bytes(checkpoint.sign(forged, key))
    assert audit("consistency", kept)[0] == 1


def test_resuming_asks_first_and_says_what_is_lost(log, database, monkeypatch):
    older = Copies(database, log)
    number = older.take()
    grow(40)
    older.put_back(number)
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    arguments = ("resume", "--after-restore", "--reason", "The disk failed.")
    code, words = audit(*arguments)
    assert code == 2
    assert "Lost: entries 300 to 339 (40)" in words
    assert LogHead.objects.get().generation == 1
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    code, words = audit(*arguments)
    assert code == 0, words
    assert "Generation 2 has begun" in words
    code, words = audit("verify")
    assert code == 0, words
    assert "Entries 300 to 339 of generation 1 were lost" in words
    assert audit("prove", 0)[0] == 0
    assert audit("prove", 7, "--generation", 1, "--detail")[0] == 0
    code, words = audit(*arguments, "--yes")
    assert (code, "not behind" in words) == (0, True)


def test_a_database_behind_the_copy_outside_is_found_by_verify_and_doctor(log, database):
    assert audit("verify")[0] == 0
    (finding,) = diagnosis._checkpoints(settings.DOMICILE)
    assert finding.state == "ok"
    older = Copies(database, log)
    number = older.take()
    grow(40)
    older.put_back(number)
    code, words = audit("verify")
    assert code == 1
    assert "covers 340 entries" in words
    (finding,) = diagnosis._checkpoints(settings.DOMICILE)
    assert finding.state == "wrong"
    assert "audit resume --after-restore" in finding.text
    shutil.rmtree(settings.DOMICILE.checkpoints)
    assert audit("verify")[0] == 0
    (finding,) = diagnosis._checkpoints(settings.DOMICILE)
    assert finding.state == "warning"


def test_what_was_erased_after_the_copy_is_erased_again_before_the_log_goes_on(log, database):
    register()
    create_key(settings.DOMICILE.data / "keys" / "subject-index")
    request, anna = f"{int(time.time()):08x}{secrets.token_hex(12)}", "anna@example.org"
    index = read_key(settings.DOMICILE.data / "keys" / "subject-index")
    blinded = subjects.blind(index, anna)
    expires = (time.time_ns() // 1000) + 86_400_000_000
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    content = Content("prompt", b"a prompt", expires, (blinded,))
    writer.append_sync([replace(admitted(request), content=content)])
    writer.append_sync([completed(request)])
    writer.stop()
    older = Copies(database, log)
    number = older.take()
    time.sleep(1)  # an erasure is about requests that came before its second
    erasure.erase("subject", anna, actor="officer", reason="Art. 17")
    grow(5)
    older.put_back(number)
    assert Stored.objects.count() == 1
    code, words = audit("resume", "--after-restore", "--reason", "The disk failed.", "--yes")
    assert code == 0, words
    assert "1 erasures were done again" in words
    assert not Stored.objects.exists()
    assert Event.objects.filter(type="content.erased").count() == 1
    assert audit("verify")[0] == 0


def test_a_check_holds_the_log_against_every_copy_of_a_checkpoint_outside(log):
    seed = read_key(settings.DOMICILE.data / "keys" / "log.ed25519")
    other = checkpoint.Checkpoint("domicile.local/log/1", 100, bytes(32))
    (copy,) = settings.DOMICILE.checkpoints.glob("*.checkpoint")
    copy.write_bytes(checkpoint.sign(other, Ed25519PrivateKey.from_private_bytes(seed)))
    code, words = audit("verify")
    assert code == 1
    assert f"The checkpoint in {copy} was signed over other entries" in words


def test_a_reason_is_demanded(log):
    assert audit("resume", "--after-restore", "--reason", " ")[0] == 2


def test_an_export_shows_the_details_of_the_types_that_were_asked_for(log, tmp_path):
    with transaction.atomic():
        journal.record("console", [event("clock.jumped", milliseconds=5)])
    notary().integrate_once()
    path = tmp_path / "types.zip"
    code, words = audit("export", "--type", "notary.started", "--type", "clock.jumped", path)
    assert code == 0, words
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["types"] == [
            "clock.jumped",
            "notary.started",
        ]
        assert archive.read("details.jsonl").count(b"\n") == 1
    code, words = audit("export", "--type", "notary.stated", tmp_path / "none.zip")
    assert code == 2
    assert "no type of event 'notary.stated'" in words


def test_the_logs_key_is_rotated_by_a_command(log, tmp_path):
    first = public(log)
    kept = tmp_path / "kept"
    kept.write_bytes((log / "checkpoint").read_bytes())
    with pytest.raises(CommandError, match="Say why"):
        call_command("keys", "rotate", "log")
    out = io.StringIO()
    call_command("keys", "rotate", "log", "--reason", "Once a year.", stdout=out)
    assert public(log) != first
    assert (log / "verifier-key").read_text() in out.getvalue()
    assert out.getvalue().count(first.hex()) == 0
    assert audit("consistency", kept)[0] == 0
    code, text = audit("prove", 7)
    assert code == 0, text
    (tmp_path / "proof").write_text(text)
    assert audit("prove", "--check", tmp_path / "proof")[0] == 0
    assert audit("verify")[0] == 0


def test_a_backup_with_keys_waits_for_a_rotation(log, tmp_path, monkeypatch):
    monkeypatch.setattr("appliance.management.commands.backup.PATIENCE", 0)
    ring = FileRing(settings.DOMICILE.data / "keys")
    monkeypatch.setattr("appliance.management.commands.backup.make", lambda *_, **__: 0)
    with ring.lock(), pytest.raises(CommandError, match="key is being rotated"):
        call_command("backup", tmp_path / "backup.tar", "--with-keys")

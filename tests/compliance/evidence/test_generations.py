"""Evidence of a log that began again after a restore."""

import dataclasses
import datetime as dt
import json
import subprocess
import sys
import zipfile
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.db import transaction

from compliance.audit import checkpoint, cosignature, generation, journal, mldsa
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.copies import Places
from compliance.audit.entry import canonical
from compliance.audit.notary import Notary
from compliance.audit.pruning import Rule, Run
from compliance.evidence import verify
from compliance.evidence.bundle import ExportImpossible, Scope, export
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies
from tests.compliance.evidence.conftest import ORIGIN
from tests.compliance.evidence.packing import KEY, check, contents, pack, resign
from tests.compliance.evidence.test_browser import judged, opened, told
from tests.compliance.evidence.test_witnessed import KEYS, NAMES, policy

pytestmark = pytest.mark.database


@pytest.fixture
def resumed(log, database):
    """A log of 304 entries, 40 of its first generation lost, 25 and one in its second."""
    older = Copies(database, log)
    number = older.take()
    grow(log, 40)
    older.put_back(number)
    places = Places(log, log.with_name("outside"))
    assert generation.resume(places, KEY, ORIGIN, actor="anna", reason="The disk failed.")
    grow(log, 25)
    yield log
    older.drop()


def grow(log, count):
    with transaction.atomic():
        journal.record("console", [event("a.step", number=n) for n in range(count)])
    Notary(log, KEY, ORIGIN, log.with_name("outside")).integrate_once()


def verdict(path, folder):
    """What the receiver sees: exit code and words."""
    with zipfile.ZipFile(path) as archive:
        archive.extract("verify.py", folder)
    done = subprocess.run(
        [sys.executable, "-I", folder / "verify.py", path],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def details(path):
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("details.jsonl").splitlines()
        return [json.loads(line) for line in lines], json.loads(archive.read("manifest.json"))


def test_evidence_from_before_and_after_a_resumption_is_sound(resumed, evidence, tmp_path):
    for number, (size, origin) in {1: (304, ORIGIN), 2: (26, "example.org/log/2")}.items():
        path = tmp_path / f"{number}.zip"
        export(Scope(generation=number), path, resumed, KEY)
        code, words = verdict(path, tmp_path / str(number))
        assert code == 0, words
        shown, manifest = details(path)
        assert (manifest["origin"], manifest["end"], len(shown)) == (origin, size, size)


def test_the_lost_range_is_in_every_export_of_the_new_generation(resumed, evidence):
    shown, _ = details(evidence("0", "", "crm"))
    (said,) = [one["detail"] for one in shown if "lost_begin" in one["detail"]]
    assert (said["old_origin"], said["lost_begin"], said["lost_end"]) == (ORIGIN, 304, 344)
    assert said["reason"] == "The disk failed."


def test_evidence_that_was_given_before_the_loss_stays_sound(log, evidence, database, tmp_path):
    older = Copies(database, log)
    number = older.take()
    grow(log, 40)
    given = tmp_path / "given.zip"
    export(Scope(), given, log, KEY)
    older.put_back(number)
    places = Places(log, log.with_name("outside"))
    assert generation.resume(places, KEY, ORIGIN, actor="anna", reason="The disk failed.")
    code, words = verdict(given, tmp_path / "verifier")
    assert code == 0, words
    older.drop()


def test_a_key_and_a_checkpoint_of_an_earlier_generation_are_of_this_log(
    resumed, evidence, tmp_path
):
    path, key, kept = evidence(), resumed / "verifier-key", resumed / "checkpoint"
    sound, words = check(path, key.read_bytes(), kept.read_bytes())
    assert sound, words
    assert "  The key that you gave is that of generation 1.\n" in words
    assert "\nThe checkpoint that you kept is of generation 1; it was not compared." in words
    with opened(tmp_path, contents(path)) as page:
        page.get_by_label("Verifier key").fill(key.read_text().strip())
        page.get_by_label("Checkpoint that you kept").set_input_files(kept)
        sound, lines = judged(page, path)
        assert sound, lines
        assert told(lines) == told(words)
        forged = tmp_path / "forged"
        forged.write_bytes(kept.read_bytes().replace(b"\n304\n", b"\n303\n"))
        accepted, words = check(path, key.read_bytes(), forged.read_bytes())
        assert not accepted
        page.get_by_label("Checkpoint that you kept").set_input_files(forged)
        sound, lines = judged(page, path)
        assert not sound
        assert told(lines) == told(words)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("example.org/log/2", "2"),
        ("example.org/log/12", "12"),
        ("example.org/log/0", ""),
        ("example.org/log/", ""),
        ("example.org/logs/2", ""),
        ("example.org/log", ""),
        ("2", ""),
    ],
)
def test_a_name_is_of_the_log_if_it_differs_in_the_generation_alone(name, number):
    assert verify.generation_of(name, ORIGIN) == number
    assert verify.of_one_log((name, b"", b"k"), (ORIGIN, b"", b"k")) is bool(number)
    assert not verify.of_one_log((name, b"", b"k"), (ORIGIN, b"", b"other"))


def test_a_generation_that_there_is_not_is_refused(log, tmp_path):
    with pytest.raises(ExportImpossible, match="no generation 2"):
        export(Scope(generation=2), tmp_path / "none.zip", log, KEY)


@pytest.fixture
def removed(resumed, applications, tmp_path):
    """Evidence of the first generation, whose 150 details of crm a rule removed later."""
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    before = tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    run = Run([Rule(applications[0].pk, before, "Kept for no time.")], "command")
    for _ in run.steps():
        pass
    assert run.removed == 150
    grow(resumed, 20)  # the tree of generation 1 is larger than what there is of it
    path = tmp_path / "removed.zip"
    export(Scope(generation=1), path, resumed, KEY)
    return path


def test_what_a_rule_removes_after_a_generation_has_ended_is_excused_by_the_later_one(
    removed, tmp_path
):
    sound, words = check(removed)
    assert sound, words
    (line,) = contents(removed)["prunings.jsonl"].splitlines()
    said = json.loads(line)
    assert said["checkpoint"].startswith("example.org/log/2\n")
    rule = f"by rule Kept for no time., see entry {said['index']} of generation 2."
    assert f"150 details were removed {rule}" in words
    with opened(tmp_path, contents(removed)) as page:
        sound, lines = judged(page, removed)
        assert sound, lines
        assert told(lines) == told(words)


def changed(files, **members):
    (line,) = files["prunings.jsonl"].splitlines()
    return files | {"prunings.jsonl": canonical(json.loads(line) | members) + b"\n"}


def test_a_removal_of_a_later_generation_is_believed_by_its_checkpoint_alone(removed, tmp_path):
    files = contents(removed)
    signer = Ed25519PrivateKey.from_private_bytes(KEY)
    state = Checkpoint("example.org/log/2", 99, bytes(32))
    earlier = checkpoint.sign(dataclasses.replace(state, origin=ORIGIN), signer).decode()
    thief = checkpoint.sign(state, Ed25519PrivateKey.generate()).decode()
    vast = checkpoint.sign(dataclasses.replace(state, size=1 << 53), signer).decode()
    told_wrong: dict[str, dict[str, Any]] = {
        "not in the log": {"checkpoint": checkpoint.sign(state, signer).decode()},
        "is no number of entries": {"checkpoint": vast},
        "not of a later generation": {"checkpoint": earlier},
        "not signed by the log's key": {"checkpoint": thief},
        "malformed": {"checkpoint": None},
    }
    with opened(tmp_path, files) as page:
        for number, (why, members) in enumerate(told_wrong.items()):
            path = pack(tmp_path / f"{number}.zip", resign(changed(files, **members)))
            sound, words = check(path)
            assert not sound
            assert why in words, words
            sound, lines = judged(page, path)
            assert not sound
            assert told(lines) == told(words)


def both_say(page, path, *words, policy=None):
    """Program and page alike; whether the evidence is sound."""
    options = ["--policy", str(policy)] if policy else []
    done = subprocess.run(
        [sys.executable, verify.__file__, path, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    page.get_by_label("Policy of witnesses").set_input_files(policy or [])
    sound, lines = judged(page, path)
    assert told(lines) == told(done.stdout.removesuffix("\n"))
    assert sound is (done.returncode == 0)
    for one in words:
        assert one in done.stdout
    return sound


def test_a_removal_of_a_later_generation_needs_the_witnesses_that_are_demanded(
    removed, tmp_path
):
    files, own = contents(removed), tmp_path / "policy"
    own.write_text(policy("w0"))
    later = json.loads(files["prunings.jsonl"])["checkpoint"].encode()
    ours, theirs = (
        note + cosignature.cosign(checkpoint.parse(note).text(), NAMES[0], KEYS[0], 1).encode()
        for note in (files["checkpoint"], later)
    )
    half = files | {"checkpoint": ours}
    whole = changed(half, checkpoint=theirs.decode())
    with opened(tmp_path, files) as page:
        path = pack(tmp_path / "half.zip", resign(dict(half)))
        words = ("Witnessed by w0", "The checkpoint of generation 2: NOT WITNESSED by w0")
        assert not both_say(page, path, *words, policy=own)
        path = pack(tmp_path / "whole.zip", resign(dict(whole)))
        said = "The checkpoint of generation 2: Witnessed by w0"
        assert both_say(page, path, said, policy=own)
        assert both_say(page, path)


def test_a_removal_of_a_later_generation_needs_the_second_signature_where_there_is_one(
    removed, tmp_path
):
    files, key = contents(removed), MLDSA44PrivateKey.generate()
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["mldsa.vkey"] = {}
    vkey = mldsa.verifier_key(ORIGIN, mldsa.public_of(key)).encode() + b"\n"
    files |= {"manifest.json": canonical(manifest), "mldsa.vkey": vkey}
    later = json.loads(files["prunings.jsonl"])["checkpoint"].encode()
    ours, theirs = (
        note + mldsa.line(checkpoint.parse(note), key, 1)
        for note in (files["checkpoint"], later)
    )
    half = files | {"checkpoint": ours}
    whole = changed(half, checkpoint=theirs.decode())
    with opened(tmp_path, files) as page:
        path = pack(tmp_path / "half.zip", resign(dict(half)))
        words = ("generation 2 is not signed by the log's ML-DSA-44 key",)
        assert not both_say(page, path, *words)
        assert both_say(page, pack(tmp_path / "whole.zip", resign(dict(whole))))


def test_a_later_generation_has_one_checkpoint_and_it_is_the_one_that_was_kept(
    removed, tmp_path
):
    files, signer = contents(removed), Ed25519PrivateKey.from_private_bytes(KEY)
    line = json.loads(files["prunings.jsonl"])
    state = checkpoint.parse(line["checkpoint"].encode())
    fork = checkpoint.sign(dataclasses.replace(state, root=bytes(32)), signer)
    sound, words = check(removed, None, fork)
    assert not sound
    assert "the checkpoint of generation 2 is not the one you kept" in words
    assert check(removed, None, line["checkpoint"].encode())[0]
    two = files["prunings.jsonl"] + canonical(line | {"checkpoint": fork.decode()}) + b"\n"
    with opened(tmp_path, files) as page:
        path = pack(tmp_path / "two.zip", resign(files | {"prunings.jsonl": two}))
        assert not both_say(page, path, "generation 2 has two checkpoints")


def test_an_application_stands_in_evidence_once_and_has_a_label_key_of_its_own(
    evidence, tmp_path
):
    path = evidence()
    files = contents(path)
    about = json.loads(files["applications.json"])
    first, second = about["applications"][:2]
    with opened(tmp_path, files) as page:
        for change in ({"id": first["id"]}, {"label_key": first["label_key"]}, {"id": ""}):
            told_twice = {"applications": [first, second | change]}
            mutant = files | {"applications.json": canonical(told_twice)}
            path = pack(tmp_path / "twice.zip", resign(mutant))
            assert not both_say(page, path, "applications.json")

import json
import os
import re
import subprocess
import sys
import zipfile
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from compliance.audit import checkpoint, triggers
from compliance.audit.entry import canonical
from compliance.evidence import verify
from compliance.evidence.bundle import ExportImpossible, Scope, export
from compliance.evidence.hints import packed
from compliance.models import Event
from tests.compliance.evidence.conftest import ORIGIN, PUBLIC
from tests.compliance.evidence.packing import KEY, check, contents, pack, replant, resign
from tests.services.waiting import PATIENCE

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


def run(*arguments, cwd=None):
    """The verifier in a Python that has nothing but its standard library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
        check=False,
    )
    assert done.stderr == "" or done.returncode == 2
    return done.returncode, done.stdout


def test_it_verifies_in_a_python_without_packages_as_a_zip_and_unpacked(evidence, tmp_path):
    path = evidence()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    verifier = tmp_path / "unpacked" / "verify.py"
    for arguments in ((verifier, path), (verifier, tmp_path / "unpacked"), (verifier,)):
        code, words = run(*arguments)
        assert code == 0, words
        assert "SOUND: entries 0 to 303 of the 304" in words
        assert "All 304 details are here." in words
        assert "150 requests were admitted; 0 of them did not end" in words


RANGES = [
    ("0", "1"),
    ("0", "304"),
    ("255", "257"),
    ("1", "2"),
    ("256", "304"),
    ("303", "304"),
    ("17", "280"),
]


@pytest.mark.parametrize(("begin", "end"), RANGES)
def test_any_range_verifies(evidence, begin, end):
    sound, words = check(evidence(begin, end))
    assert sound, words


def test_an_applications_evidence_shows_its_details_and_registrations_and_no_others(evidence):
    path = evidence("0", "", "crm")
    sound, words = check(path)
    assert sound, words
    lines = contents(path)["details.jsonl"].splitlines()
    kinds = [json.loads(line)["detail"] for line in lines]
    assert len(lines) == 150 + 2
    assert {detail["application"]["name"] for detail in kinds if "number" in detail} == {"crm"}
    assert "152 details: all of crm" in words


def test_a_detail_in_scope_that_was_left_out_shows_even_if_it_was_signed(evidence, tmp_path):
    files = contents(evidence("0", "", "crm"))
    lines = files["details.jsonl"].splitlines(keepends=True)
    index = json.loads(lines[70])["index"]
    files["details.jsonl"] = b"".join(lines[:70] + lines[71:])
    sound, words = check(pack(tmp_path / "cut.zip", resign(files)))
    assert not sound
    assert f"entry {index}: its detail was left out" in words


def test_an_entry_that_was_left_out_shows_even_if_it_was_signed(evidence, tmp_path):
    files = contents(evidence())
    lines = files["entries.jsonl"].splitlines(keepends=True)
    files["entries.jsonl"] = b"".join(lines[:99] + lines[100:])
    sound, words = check(pack(tmp_path / "cut.zip", resign(files)))
    assert not sound
    assert "events of web-1/1 are missing" in words


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("request.admitted", "request.failed", "ended twice"),
        ("request.completed", "request.admitted", "was admitted twice"),
    ],
)
def test_a_request_that_begins_or_ends_twice_shows_even_if_the_whole_log_was_signed_so(
    evidence, tmp_path, was, becomes, told
):
    files = contents(evidence())
    lines = files["entries.jsonl"].splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if was.encode() in line and i > 50)
    request = json.loads(lines[index])["request"]
    lines[index] = lines[index].replace(was.encode(), becomes.encode())
    files["entries.jsonl"] = b"".join(lines)
    sound, words = check(pack(tmp_path / "twice.zip", replant(files)))
    assert not sound
    assert f"request {request} {told}" in words
    assert words.count("NOT SOUND") == 1, words


def test_an_end_may_stand_before_its_admission_and_still_ends_it(evidence, tmp_path):
    files = contents(evidence())
    lines = files["entries.jsonl"].splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if b"request.admitted" in line)
    admitted, completed = lines[first : first + 2]
    lines[first] = admitted.replace(b"request.admitted", b"request.completed")
    lines[first + 1] = completed.replace(b"request.completed", b"request.admitted")
    files["entries.jsonl"] = b"".join(lines)
    sound, words = check(pack(tmp_path / "early.zip", replant(files)))
    assert sound, words
    assert "0 of them did not end" in words


def changed(line):
    """The entry of a line with other times."""
    for digit in b"3456789":
        yield re.sub(rb'"time":"2', b'"time":"%c' % digit, line)


def told_apart(line, other):
    """Whether the hints tell the entries of two lines apart, as they do 127 times of 128."""
    first, second = (sha256(b"\0" + one.rstrip(b"\n")).digest()[:1] for one in (line, other))
    return packed(first) != packed(second)


@pytest.mark.parametrize("index", [0, 77, 303])
def test_the_entry_that_was_changed_is_named(evidence, tmp_path, index):
    files = contents(evidence())
    lines = files["entries.jsonl"].splitlines(keepends=True)
    lines[index] = next(filter(partial(told_apart, lines[index]), changed(lines[index])))
    files["entries.jsonl"] = b"".join(lines)
    for name, signed in (("as it is", files), ("signed anew", resign(dict(files)))):
        sound, words = check(pack(tmp_path / f"{name}.zip", signed))
        assert not sound
        assert f"entry {index}" in words, words


@pytest.mark.parametrize("index", [0, 77, 303])
def test_the_detail_that_was_changed_is_named(evidence, tmp_path, index):
    files = contents(evidence())
    lines = files["details.jsonl"].splitlines(keepends=True)
    lines[index] = re.sub(rb'"time":1', b'"time":2', lines[index])
    files["details.jsonl"] = b"".join(lines)
    sound, words = check(pack(tmp_path / "changed.zip", files))
    assert not sound
    assert f"entry {index}: its detail was changed" in words


def test_a_checkpoint_that_was_kept_is_compared(evidence, log, tmp_path):
    path, kept = evidence("0", "200"), tmp_path / "kept"
    (tmp_path / "verify.py").write_bytes(contents(path)["verify.py"])
    kept.write_bytes((log / "checkpoint").read_bytes())
    assert run(tmp_path / "verify.py", path, "--checkpoint", kept)[0] == 0
    signer = Ed25519PrivateKey.from_private_bytes(KEY)
    kept.write_bytes(checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 100, bytes(32)), signer))
    code, words = run(tmp_path / "verify.py", path, "--checkpoint", kept)
    assert code == 1
    assert "did not grow from the checkpoint that you kept" in words


def test_another_key_than_the_one_that_was_given_is_refused(evidence, tmp_path):
    path, key = evidence(), tmp_path / "key"
    (tmp_path / "verify.py").write_bytes(contents(path)["verify.py"])
    key.write_text(checkpoint.verifier_key(ORIGIN, PUBLIC) + "\n")
    assert run(tmp_path / "verify.py", path, "--key", key)[0] == 0
    key.write_text(checkpoint.verifier_key(ORIGIN, bytes(range(32))) + "\n")
    assert run(tmp_path / "verify.py", path, "--key", key)[0] == 1


def test_what_is_no_evidence_ends_with_2(tmp_path):
    program = Path(verify.__file__)
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    assert run(program, tmp_path / "no.zip")[0] == 2
    assert run(program, tmp_path / "absent.zip")[0] == 2
    assert run(program, "--nonsense")[0] == 2
    (tmp_path / "empty").mkdir()
    assert run(program, tmp_path / "empty")[0] == 1


@pytest.mark.parametrize("name", ["../outside", "/outside", "sub/entries.jsonl", "extra"])
def test_a_file_that_does_not_belong_is_refused_and_nothing_is_unpacked(
    evidence, tmp_path, name
):
    files = contents(evidence()) | {name: b"x"}
    sound, words = check(pack(tmp_path / "slip.zip", files))
    assert not sound
    assert "do not belong" in words
    assert not (tmp_path.parent / "outside").exists()


def test_a_file_that_unpacks_to_more_than_is_listed_is_not_read_to_its_end(evidence, tmp_path):
    files = contents(evidence())
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, bytes(300_000_000) if name == "entries.jsonl" else data)
    sound, words = check(tmp_path / "bomb.zip")
    assert not sound
    assert "longer than its manifest says" in words or "too long" in words


@pytest.mark.parametrize("field", ["id", "label_key"])
def test_an_application_in_scope_cannot_be_exchanged_for_another(evidence, tmp_path, field):
    files, other = contents(evidence("0", "", "crm")), contents(evidence("1", "", "mail"))
    mine, theirs = (json.loads(f["applications.json"])["applications"] for f in (files, other))
    mine[0][field] = theirs[0][field]
    files["applications.json"] = canonical({"applications": mine})
    assert not check(pack(tmp_path / "exchanged.zip", resign(files)))[0]


def test_a_label_key_that_was_not_registered_cannot_hide_an_applications_entries(
    evidence, tmp_path
):
    """With a false key no entry is the application's, so all its details may be left out."""
    files = contents(evidence("0", "", "crm"))
    applications = json.loads(files["applications.json"])["applications"]
    applications[0]["label_key"] = "ab" * 32
    files["applications.json"] = canonical({"applications": applications})
    files["details.jsonl"] = b"".join(
        line
        for line in files["details.jsonl"].splitlines(keepends=True)
        if "number" not in json.loads(line)["detail"]
    )
    sound, words = check(pack(tmp_path / "hidden.zip", resign(files)))
    assert not sound
    assert words.count("NOT SOUND") == 2, words
    assert "crm has 0 entries here; the manifest counts 150" in words
    assert "the label key of crm in applications.json is not the one that was regis" in words


def test_a_log_whose_database_was_changed_gives_no_evidence(evidence, log, tmp_path):
    with connection.cursor() as cursor:
        for trigger in triggers._triggers(connection):
            cursor.execute(triggers._drop(connection, trigger))
        cursor.execute("UPDATE compliance_event SET entry = %s WHERE seq = 7", [b"{}"])
    with pytest.raises(ExportImpossible, match="audit verify"):
        evidence()
    assert list(tmp_path.glob("*.zip*")) == []


def test_evidence_is_for_its_owners_eyes_only(evidence):
    before = os.umask(0)
    try:
        path = evidence("10", "20")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", ["a file", "a link that leads nowhere"])
def test_what_exists_is_not_overwritten_and_nothing_is_recorded(log, tmp_path, there):
    path = tmp_path / "taken.zip"
    if there == "a file":
        path.write_bytes(b"the only copy")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportImpossible, match=r"taken\.zip exists already"):
        export(Scope(), path, log, KEY)
    assert not (tmp_path / "elsewhere").exists()
    assert path.is_symlink() or path.read_bytes() == b"the only copy"
    assert not Event.objects.filter(type="evidence.exported").exists()


def test_a_folder_that_is_not_there_is_said(log, tmp_path):
    with pytest.raises(ExportImpossible, match="cannot be written: No such file"):
        export(Scope(), tmp_path / "nowhere" / "evidence.zip", log, KEY)


def test_an_export_is_itself_recorded(evidence):
    evidence("10", "20")
    assert Event.objects.filter(type="evidence.exported").count() == 1


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (Scope("900", ""), "none is from 900"),
        (Scope("7", "7"), "none is from 7"),
        (Scope("0", "", ("nobody",)), "no application 'nobody'"),
        (Scope("yesterday", ""), "neither an entry's number nor a time"),
        (Scope("2999-01-01", ""), "none is from 2999"),
    ],
)
def test_what_cannot_be_exported_is_said(log, tmp_path, scope, told):
    with pytest.raises(ExportImpossible, match=told):
        export(scope, tmp_path / "no.zip", log, KEY)


def test_a_range_may_be_given_in_time(evidence):
    path = evidence("2020-01-01", "2999-12-31T23:59:59Z")
    assert json.loads(contents(path)["manifest.json"])["end"] == 304
    assert check(path)[0]

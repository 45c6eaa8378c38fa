"""Evidence of a log that an authority on time has stamped: it goes along, and is not judged."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest
from django.db import transaction

from compliance.audit import checkpoint, journal, stamps
from compliance.audit.authority import trusted
from compliance.audit.files import LogFolder
from compliance.audit.notary import Notary
from compliance.evidence.bundle import Scope, export
from tests.compliance.audit.events import event
from tests.compliance.evidence.conftest import ORIGIN, PUBLIC
from tests.compliance.evidence.packing import KEY, check, contents, pack, resign
from tests.compliance.evidence.test_browser import judged, opened, told
from tests.services.timestamps import Authority

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is the authority"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "house")


@pytest.fixture
def stamped(log, tmp_path, authority):
    """Evidence of a log that grew after its checkpoint was stamped, and that one's size."""
    folder = LogFolder(log)
    note = folder.read("checkpoint") or b""
    size = checkpoint.parse(note).size
    asked = stamps.question(folder, note, size)
    reply = authority.reply(asked.query)
    anchors = trusted(authority.certificate)
    stamps.keep(
        folder, asked, reply, lambda note: checkpoint.verify(note, ORIGIN, PUBLIC), anchors
    )
    with transaction.atomic():
        journal.record("console", [event("a.step")])
    Notary(log, KEY, ORIGIN).integrate_once()
    path = tmp_path / "stamped.zip"
    export(Scope(), path, log, KEY)
    return path, size


def test_a_stamp_goes_with_evidence_and_a_stranger_checks_it_with_openssl(
    stamped, authority, tmp_path
):
    path, size = stamped
    sound, words = check(path)
    assert sound, words
    names = f"timestamps/{size}.checkpoint, timestamps/{size}.tsr"
    assert f"Not judged beyond their digests: {names}." in words
    files = contents(path)
    note = files[f"timestamps/{size}.checkpoint"]
    assert note != files["checkpoint"]
    kept = tmp_path / "kept"
    kept.write_bytes(note)
    assert check(path, kept=kept.read_bytes())[0], "the log grew from what was stamped"
    (tmp_path / "stamp.tsr").write_bytes(files[f"timestamps/{size}.tsr"])
    verified = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-data", kept, "-in", tmp_path / "stamp.tsr"),
            *("-CAfile", authority.certificate),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in verified.stdout + verified.stderr


def test_a_stamp_under_the_name_of_another_size_stays_out_of_the_evidence(
    stamped, log, tmp_path
):
    _, size = stamped
    for path in (log / "timestamps").glob(f"{size}.*"):
        shutil.copy(path, path.with_stem(str(size + 1)))
    export(Scope(), tmp_path / "second.zip", log, KEY)
    names = set(contents(tmp_path / "second.zip"))
    assert f"timestamps/{size}.checkpoint" in names
    assert f"timestamps/{size + 1}.checkpoint" not in names


def test_page_and_program_take_one_whole_stamp_and_no_stranger(stamped, tmp_path):
    path, size = stamped
    files = contents(path)
    note, reply = f"timestamps/{size}.checkpoint", f"timestamps/{size}.tsr"
    less = {name: data for name, data in files.items() if name not in (note, reply)}
    pair = files[note], files[reply]
    variants = {
        "untouched": (files, True),
        "none": (less, True),
        "one of the two": (less | {reply: pair[1]}, False),
        "of two numbers": (less | {note: pair[0], "timestamps/7.tsr": pair[1]}, False),
        "another": (files | {"timestamps/7.checkpoint": b"", "timestamps/7.tsr": b""}, False),
        "another size": (
            less | {"timestamps/7.checkpoint": pair[0], "timestamps/7.tsr": pair[1]},
            False,
        ),
        "another log": (files | {note: pair[0].replace(b"/log/1\n", b"/log/2\n")}, False),
        "a stranger": (files | {"timestamps/readme": b"hello"}, False),
        "deeper": (less | {f"timestamps/x/{size}.tsr": b"", note: b""}, False),
        "no number": (
            less | {"timestamps/07.tsr": b"", "timestamps/07.checkpoint": b""},
            False,
        ),
    }
    with opened(tmp_path, files) as page:
        for name, (found, good) in variants.items():
            listed = pack(tmp_path / "variant.zip", relisted(found))
            sound, words = check(listed)
            assert sound is good, (name, words)
            assert judged(page, listed)[0] is good, name
            assert told(judged(page, listed)[1]) == told(words), name
    changed = files | {reply: pair[1] + b"x"}
    assert not check(pack(tmp_path / "variant.zip", changed))[0]


def relisted(files):
    """As whoever holds the log's key could: the manifest lists these files."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
        if name not in ("manifest.json", "manifest.sig")
    }
    return resign(files | {"manifest.json": json.dumps(manifest).encode()})

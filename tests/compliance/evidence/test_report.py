"""The report of an export, read back as a reader program reads it."""

import io
import json

import pypdf

from compliance.audit.checkpoint import verifier_key
from compliance.evidence.paper import certificate
from compliance.evidence.report import Counts, Report, fingerprint, write
from tests.compliance.evidence.test_tables import line

VKEY = verifier_key("example.org/log/1", bytes(range(32))) + "\n"


def report(counts, **changes):
    values = {
        "origin": "example.org/log/1",
        "begin": 10,
        "end": 20,
        "size": 100,
        "created": "2026-11-22T20:15:00Z",
        "scope": ("All applications.", "Asked for: from 2026-11-01 to the end (UTC)."),
        "details": 10,
        "removed": 3,
        "contents": 0,
        "counts": counts,
        "checkpoint": "example.org/log/1\n100\nq83v\n\n— example.org/log/1 c2ln\n",
        "verifier_key": VKEY,
        "not_proven": ("It is not proven where a machine stands.",),
        "files": {"entries.jsonl": {"bytes": 1, "sha256": "ab" * 32}},
    }
    return Report(**values | changes)


def read(made):
    out = io.BytesIO()
    write(made, out, certificate.in_use())
    return out.getvalue(), pypdf.PdfReader(io.BytesIO(out.getvalue()))


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def counts_of(*lines):
    counts = Counts()
    assert list(counts.counted(lines)) == list(lines)
    return counts


def test_it_says_what_was_counted_what_is_proven_and_how_to_check():
    owner = {"id": "0" * 36, "name": "helpdesk <b>&"}
    about = {"application": owner, "decision": "mask", "categories": {"personal": 2}}
    _data, pdf = read(report(counts_of(line(1, **about), line(2, **about))))
    text = text_of(pdf)
    for said in (
        "Entries 10 to 19, of 100",
        "helpdesk <b>& 2",
        "mask 2",
        "personal 4",
        "2026-11-22 2",
        "Removed before by rule: 3",
        "It is not proven where a machine stands.",
        "python3 -I verify.py",
        fingerprint(VKEY),
        "ab" * 32,
    ):
        assert "".join(said.split()) in "".join(text.split()), said


def test_the_same_for_machines_is_attached(signer):
    counts = Counts()
    counts.applications["日本"] = 2
    _data, pdf = read(report(counts))
    (attached,) = pdf.attachments["report.json"]
    said = json.loads(attached)
    assert (said["begin"], said["end"], said["size"]) == (10, 20, 100)
    assert said["counts"]["applications"] == {"日本": 2}
    assert said["files"]["entries.jsonl"]["sha256"] == "ab" * 32
    assert signer.fingerprint in text_of(pdf)


def test_a_name_that_the_font_cannot_show_is_told_by_its_code_points():
    counts = Counts()
    counts.applications["日\u202e x"] = 1
    _data, pdf = read(report(counts))
    assert "[U+65E5][U+202E] x" in text_of(pdf)


def test_many_days_become_months():
    counts = Counts()
    for year in (2024, 2025):
        for month in range(1, 13):
            for day in range(1, 29):
                counts.days[f"{year}-{month:02}-{day:02}"] += 1
    _data, pdf = read(report(counts))
    assert "2024-02 28" in text_of(pdf)
    assert "2024-02-01" not in text_of(pdf)

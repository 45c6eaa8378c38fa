"""The pack for a person's request: what is found, handed out and written down about it."""

import importlib
import json
import logging
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from compliance.audit import asking, erasure, keystore, ledger, vault
from compliance.evidence import packs
from compliance.models import Content, Event, PackAnswer
from tests.compliance.evidence.filling import CASE, OTHER, PERSON, fields, told

stored = pytest.mark.database


def test_a_person_is_found_by_identifier_and_nobody_else_is(filled, build):
    said, _ = build("access-request")
    found = fields(said)
    assert said["requests_found"] == 2
    assert said["found_by"] == [PERSON]
    assert len(found["requests"]["data"]["requests"]) == 2
    mine = filled.blind(PERSON).encode()
    for _, begin, end in found["requests"]["entries"]:
        for row in ledger.leaves(begin, end):
            named = row.type == "request.admitted"
            assert not named or mine in (row.detail or b"")
    assert found["copy"]["origin"] == "missing"
    assert 'never "all"' in said["law"]["notes"][0]


def test_nobody_is_found_by_an_identifier_that_nobody_named(filled, build):
    said, _ = build("access-request", identifiers=("nobody@example.org",))
    found = fields(said)
    assert found["confirmation"]["data"] == {"requests": 0}
    assert found["categories"]["origin"] == "missing"


@stored
def test_who_was_named_in_a_scan_is_found_too(record, build):
    detail = record.about(record.crm) | {"subjects": [record.blind(PERSON)], "texts": 2}
    for name in ("decision", "model", "policy", "site", "country", "model_digest"):
        del detail[name]
    scan = record.event("privacy.scanned", detail, record.crm, "5c" * 16)
    record.writer.append_sync([scan])
    record.sign()
    said, _ = build("access-request")
    found = fields(said)
    (one,) = found["requests"]["data"]["requests"]
    assert (one["request"], one["decision"], one["end"]) == (
        "5c" * 16,
        "examined only",
        "scanned",
    )
    assert found["categories"]["data"]["categories"] == {"personal": 2, "payment": 1}
    assert found["recipients"]["origin"] == "missing"


@stored
def test_a_copy_of_what_was_kept_is_checked_handed_out_and_recorded(record, build):
    text = json.dumps({"part": "prompt", "body": "Dear Anna"}).encode()
    request = record.request(record.crm, named=(PERSON,), kept=text)
    record.request(record.crm, named=(OTHER,), kept=b'{"part":"prompt","body":"Dear Bernd"}')
    record.sign()
    said, files = build("access-request")
    assert files[f"contents/{request}-prompt.json"] == text
    assert [name for name in files if name.startswith("contents/")] == [
        f"contents/{request}-prompt.json"
    ]
    assert fields(said)["copy"]["origin"] == "verified"
    detail = told(Event.objects.get(type="content.disclosed"))
    assert (detail["requests"], detail["actor"]) == (1, "olga")
    assert CASE in detail["reason"]


@stored
def test_no_copy_is_handed_out_of_what_was_erased_while_the_pack_was_made(
    record, build, tmp_path, monkeypatch
):
    request = record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"A"}')
    record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"B"}')
    record.sign()

    def erase(_context, _sections):
        erasure.erase("request", request, actor="ewa", reason="Asked for.")
        return {}

    files = importlib.import_module("compliance.evidence.packs.build").FILES
    with monkeypatch.context() as patch:
        patch.setitem(files, "access-request", erase)  # called when all texts have been read
        with pytest.raises(packs.PackImpossible, match="erased while"):
            build("access-request")
    assert list(tmp_path.glob("pack-*.zip")) == []
    assert not Event.objects.filter(type__in=("content.disclosed", "pack.exported")).exists()
    _, files = build("access-request")
    assert len([name for name in files if name.startswith("contents/")]) == 1


@stored
def test_no_copy_is_handed_out_of_what_an_erasure_is_under_way_to(
    record, build, tmp_path, monkeypatch
):
    record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"A"}')
    record.request(record.crm, named=(OTHER,), kept=b'{"part":"prompt","body":"B"}')
    record.sign()

    def ask(person):
        def asked(_context, _sections):
            asking.ask("subject", person, actor="ewa", reason="Asked for.")
            return {}

        return asked

    files = importlib.import_module("compliance.evidence.packs.build").FILES
    monkeypatch.setitem(files, "access-request", ask(OTHER))  # called when all texts were read
    _, made = build("access-request")
    assert len([name for name in made if name.startswith("contents/")]) == 1
    monkeypatch.setitem(files, "access-request", ask(PERSON))
    with pytest.raises(packs.PackImpossible, match="is to be erased"):
        build("access-request")
    assert len(list(tmp_path.glob("pack-*.zip"))) == 1
    assert Event.objects.filter(type="pack.exported").count() == 1


@stored
@pytest.mark.parametrize("step", ["half done", "done"])
def test_no_copy_is_handed_out_of_what_an_erasure_took_before_it_was_through(
    record, build, tmp_path, monkeypatch, step
):
    request = record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"A"}')
    record.sign()

    def erase(_context, _sections):
        with monkeypatch.context() as patch:
            if step == "half done":
                patch.setattr(erasure, "_finish", _killed)
            with suppress(Killed):
                erasure.erase("request", request, actor="ewa", reason="Asked for.")
        assert not Content.objects.exists()
        return {}

    files = importlib.import_module("compliance.evidence.packs.build").FILES
    monkeypatch.setitem(files, "access-request", erase)
    with pytest.raises(packs.PackImpossible, match="was erased while"):
        build("access-request")
    assert list(tmp_path.glob("pack-*.zip")) == []


class Killed(Exception):
    """Stands for the end of the process that erases."""


def _killed(*_given):
    raise Killed


def forged(request, commitment_key, text):
    """As whoever has the database and the vault can: other text, sealed as it should be."""
    row = Content.objects.get(request=request)
    key = aes_key_unwrap(keystore.store().open(row.bucket, row.generation), bytes(row.wrapped))
    nonce = bytes(vault.NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, commitment_key + text, vault._about(request, "prompt"))
    Content.objects.filter(pk=row.pk).update(data=nonce + sealed)
    assert vault.read(request) == [("prompt", commitment_key, text)]


@stored
@pytest.mark.parametrize("with_key", ["its own", "another"])
def test_no_copy_is_handed_out_of_kept_text_that_the_log_does_not_commit_to(
    record, build, tmp_path, with_key
):
    request = record.request(record.crm, named=(PERSON,), kept=b'{"part":"prompt","body":"A"}')
    record.sign()
    ((_part, key, _text),) = vault.read(request)
    forged(
        request, key if with_key == "its own" else bytes(32), b'{"part":"prompt","body":"B"}'
    )
    before = Event.objects.count()
    with pytest.raises(packs.PackImpossible, match="not what the log commits to") as error:
        build("access-request")
    assert request in str(error.value)
    assert "body" not in str(error.value)
    assert list(tmp_path.glob("pack-*.zip")) == []
    assert Event.objects.count() == before  # nothing was disclosed, and nothing says it was


@stored
def test_no_identifier_of_the_person_is_in_the_database_or_a_log(filled, build, caplog):
    caplog.set_level(logging.DEBUG)
    build("access-request", identifiers=(PERSON, "nobody-else-quillworthy"))
    for model in (Event, PackAnswer):
        for row in model.objects.values():
            for value in row.values():
                stored = bytes(value) if isinstance(value, bytes | memoryview) else str(value)
                data = stored if isinstance(stored, bytes) else stored.encode()
                assert b"quillworthy" not in data
    assert "quillworthy" not in caplog.text
    written = told(Event.objects.get(type="pack.exported"))
    assert filled.blind(PERSON) not in json.dumps(written)

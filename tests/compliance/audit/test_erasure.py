"""What is erased cannot be opened any more, by nobody, from no copy; the log stands."""

import dataclasses
import json
import secrets
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from compliance.audit import asking, caretaker, erasure, keystore, subjects, vault
from compliance.audit.asking import ErasureRefused, Work
from compliance.audit.certificate import places
from compliance.audit.keys import create_key
from compliance.audit.keystore import VaultUnreadable
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.audit.writer import Writer
from compliance.detection import identifiers
from compliance.evidence.bundle import Scope, export
from compliance.models import Content as Stored
from compliance.models import ContentBucket, ContentSubject, Erasure, Event
from compliance.vocabulary import Content
from tests.compliance.audit.events import admitted, completed, now, register
from tests.compliance.evidence.packing import check
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.database

ANNA, BEN = "anna.quillworthy@example.org", "+49 30 2345678"
HOUR = 3_600_000_000  # microseconds


@pytest.fixture
def data(database, settings, tmp_path):
    folder = tmp_path / "data"
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=folder, country="DE")
    create_key(folder / "keys" / "subject-index")
    create_key(folder / "keys" / "log.ed25519")
    return folder


@pytest.fixture
def writer(data):
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    yield writer
    writer.stop()


def request_id(bucket=None):
    """As the API gives them: the second first."""
    while True:
        request = f"{int(time.time()):08x}{secrets.token_hex(12)}"
        if bucket in (None, vault.bucket_of(request)):
            return request


def key_of(data):
    return bytes.fromhex((data / "keys" / "subject-index").read_text())


def keep(writer, data, *persons, bucket=None, days=1, text=b"a prompt"):
    """A request with prompt and answer about `persons`; its id."""
    request = request_id(bucket)
    about = tuple(subjects.blind(key_of(data), person) for person in persons)
    expires = now() + round(days * 24 * HOUR)
    for one, part in ((admitted(request), "prompt"), (completed(request), "output")):
        content = Content(part, text, expires, about)
        writer.append_sync([dataclasses.replace(one, content=content)])
    return request


def erase(value=ANNA, kind="subject"):
    return erasure.erase(kind, value, actor="officer", reason="Art. 17")


def said(kind):
    return [
        json.loads(bytes(event.detail or b""))
        for event in Event.objects.filter(type=kind).order_by("id")
    ]


def test_a_persons_content_is_gone_and_the_others_can_still_be_read(writer, data):
    bucket = vault.bucket_of(mine := keep(writer, data, ANNA))
    mate = keep(writer, data, BEN, bucket=bucket)
    done = erase()
    assert vault.read(mine) == []
    assert [text for _, _, text in vault.read(mate)] == [b"a prompt"] * 2
    assert (done.state, done.requests) == ("done", 1)
    assert not ContentSubject.objects.filter(request=mine).exists()
    (detail,) = said("content.erased")
    assert detail["requests"] == [mine]
    assert (detail["actor"], detail["reason"], detail["buckets"]) == (
        "officer",
        "Art. 17",
        [bucket],
    )
    assert keystore.store().generations(bucket) == [1]


def test_content_of_several_persons_dies_with_any_of_them(writer, data):
    request = keep(writer, data, ANNA, BEN)
    assert erase("030 / 234 56 78").requests == 0  # BEN was named by the caller, as typed
    assert erase(BEN).requests == 1
    assert vault.read(request) == []
    assert erase(ANNA).requests == 0


def test_one_request_alone_can_be_erased(writer, data):
    first, second = keep(writer, data, ANNA), keep(writer, data, ANNA)
    assert erase(f"chatcmpl-{first}", "request").requests == 1
    assert vault.read(first) == []
    assert vault.read(second)


def test_who_is_not_found_is_told_so_and_that_is_on_record(data):
    done = erase()
    assert (done.state, done.requests) == ("done", 0)
    assert said("content.erased")[0]["requests"] == []
    assert "Found 0 requests" in done.certificate


def test_erasing_again_is_harmless(writer, data):
    keep(writer, data, ANNA)
    first, second = erase(), erase()
    assert (first.requests, second.requests) == (1, 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("subject", " "), ("subject", "x" * 257), ("request", "12"), ("expiry", "x")],
)
def test_what_cannot_be_meant_is_refused(data, kind, value):
    with pytest.raises(ErasureRefused):
        erase(value, kind)
    assert not Erasure.objects.exists()


def test_an_erasure_needs_a_reason(data):
    with pytest.raises(ErasureRefused, match="reason"):
        erasure.erase("subject", ANNA, actor="officer", reason=" ")


def test_the_certificate_says_what_was_erased_and_where_it_is_on_record(writer, data):
    keep(writer, data, ANNA)
    done = erase()
    integrate(data)
    assert "Found 1 requests; 2 kept texts" in done.certificate
    assert "Art. 17" in done.certificate
    assert "as blind indexes whom the" in done.certificate  # what remains is a person's, too
    (index,) = places(done)
    assert Event.objects.get(leaf__index=index).type == "content.erased"
    assert ANNA not in done.certificate


def integrate(data):
    key = bytes.fromhex((data / "keys" / "log.ed25519").read_text())
    notary = Notary(data / "log", key, "domicile.local/log/1")
    while notary.integrate_once():
        pass


def test_the_log_stands_after_an_erasure(writer, data):
    register()
    keep(writer, data, ANNA)
    integrate(data)
    erase()
    integrate(data)
    report = verify_log()
    assert report.ok, report.words


def test_evidence_that_was_exported_before_and_after_verifies(writer, data):
    keep(writer, data, ANNA)
    integrate(data)
    key = bytes.fromhex((data / "keys" / "log.ed25519").read_text())
    paths = [data / "before.zip", data / "after.zip"]
    export(Scope(), paths[0], data / "log", key)
    erase()
    integrate(data)
    export(Scope(), paths[1], data / "log", key)
    for path in paths:
        sound, words = check(path)
        assert sound, words


def test_the_caretaker_completes_what_was_asked_and_expires_what_is_due(writer, data):
    old, asked = keep(writer, data, BEN, days=0), keep(writer, data, ANNA)
    asking.ask("subject", ANNA, actor="officer", reason="Art. 17")  # its process died here
    caretaker._expired.value = float("-inf")
    caretaker.look()
    assert not Stored.objects.exists()
    caretaker.look()
    assert vault.read(old) == vault.read(asked) == []
    assert len(said("content.erased")) == len(said("content.expired")) == 1


def test_an_erasure_says_how_far_it_is_and_why_it_waits(writer, data, monkeypatch):
    for bucket in (3, 4):
        keep(writer, data, ANNA, bucket=bucket)
    waits = asking.ask("subject", ANNA, actor="officer", reason="Art. 17")

    def full(*_given):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(keystore.KeyStore, "destroy", full)
        caretaker.carry_out(waits.pk)
        caretaker.look()
    waits.refresh_from_db()
    work = Work.of(waits)
    assert (work.total, work.buckets, work.fault) == (2, [3], "No space left on device")
    caretaker.carry_out(waits.pk)
    waits.refresh_from_db()
    assert (waits.state, waits.requests) == ("done", 2)
    caretaker.carry_out(waits.pk)
    caretaker.carry_out(waits.pk + 1)
    assert len(said("content.erased")) == 1


def test_a_backup_made_before_cannot_be_opened(writer, data, database):
    """The copy has the ciphertext and the wrapped key; the key that wraps is nowhere."""
    if database.vendor != "sqlite":
        pytest.skip("copies the database's file; PostgreSQL's own dumps hold the same rows")
    request = keep(writer, data, ANNA, text=ANNA.encode())
    vault_before = {path.name: path.read_bytes() for path in keys(data)}
    with (
        closing(sqlite3.connect(database.name)) as live,
        closing(sqlite3.connect(data / "backup")) as copy,
    ):
        live.backup(copy)
    erase()
    writer.stop()
    connection.close()
    for old in database_files(database):
        old.unlink()
    shutil.copy(data / "backup", database.name)
    assert Stored.objects.filter(request=request).count() == 2
    with pytest.raises(VaultUnreadable):
        vault.read(request)
    # It was the key that was missing, nothing else:
    for name, content in vault_before.items():
        (data / "vault" / "keys" / name).write_bytes(content)
        (data / "vault" / "keys" / name).chmod(0o600)
    assert vault.read(request)[0][2] == ANNA.encode()
    assert erasure.reapply() == 1
    assert vault.read(request) == []
    assert not Stored.objects.exists()


def keys(data):
    return sorted((data / "vault" / "keys").iterdir())


def database_files(database):
    from pathlib import Path  # noqa: PLC0415

    return [
        path
        for ending in ("", "-wal", "-shm", "-journal")
        if (path := Path(f"{database.name}{ending}")).exists()
    ]


def test_neither_a_value_nor_a_key_that_opens_it_is_left_in_any_file(
    writer, data, database, tmp_path
):
    request = keep(writer, data, ANNA, text=ANNA.encode())
    bucket_keys = {bytes.fromhex(path.read_text()) for path in keys(data)}
    data_keys = [
        aes_key_unwrap(key, bytes(row.wrapped))
        for row in Stored.objects.filter(request=request)
        for key in bucket_keys
    ]
    needles = [ANNA.encode(), *forms(bucket_keys), *forms(data_keys)]
    assert hits(tmp_path, needles), "the search finds nothing where there is something"
    erase()
    writer.stop()
    connection.close()
    assert hits(tmp_path, needles) == []


def forms(secrets_):
    return [form for key in secrets_ for form in (key, key.hex().encode())]


def hits(folder, needles):
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


def test_later_content_of_the_same_person_is_not_touched_by_a_reapplied_erasure(writer, data):
    keep(writer, data, ANNA)
    erase()
    time.sleep(1.1)
    later = keep(writer, data, ANNA)
    assert erasure.reapply() == 0
    assert vault.read(later)


def test_a_long_list_of_erasures_is_held_against_the_database_in_few_queries(writer, data):
    keep(writer, data, ANNA)
    erase()
    store = keystore.store()

    def queries(entries):
        moment = int(time.time())
        with store.lock():
            for number in range(entries):
                person = {"kind": "subject", "subjects": [secrets.token_hex(32)]}
                request = {"kind": "request", "request": secrets.token_hex(16)}
                store.list_erasure((request if number % 2 else person) | {"time": moment})
        with CaptureQueriesContext(connection) as ran:
            assert erasure.reapply() == 0
        return len(ran)

    assert queries(10) == queries(100)


def test_an_erasure_on_the_list_is_found_among_many_that_are_not(writer, data):
    keep(writer, data, ANNA)
    erase()
    earlier = keep(writer, data, BEN)
    store = keystore.store()
    moment = {"time": int(time.time()) + 1}
    with store.lock():
        for _ in range(300):
            store.list_erasure(
                {"kind": "subject", "subjects": [secrets.token_hex(32)]} | moment
            )
        store.list_erasure({"kind": "request", "request": earlier} | moment)
    assert erasure.reapply() == 1
    assert vault.read(earlier) == []


def test_what_is_past_its_time_goes_and_the_rest_stays(writer, data):
    old = keep(writer, data, ANNA, days=0)
    kept = keep(writer, data, ANNA)
    assert erasure.expire() == 1
    assert Stored.objects.filter(request=old).count() == 0
    assert vault.read(kept)
    assert said("content.expired") == [
        {
            "requests": 1,
            "buckets": [vault.bucket_of(old)],
            "time": said("content.expired")[0]["time"],
        }
    ]
    assert erasure.expire() == 0
    assert erasure.expire(datetime.now(UTC) + timedelta(days=2)) == 1
    assert vault.read(kept) == []


def test_each_bucket_is_renewed_once_a_run(writer, data):
    bucket = 17
    for _ in range(5):
        keep(writer, data, ANNA, bucket=bucket, days=0)
    assert erasure.expire() == 5
    assert ContentBucket.objects.get(number=bucket).generation == 1


def test_two_erasures_at_once_are_both_done(writer, data):
    requests = {
        ANNA: keep(writer, data, ANNA, bucket=5),
        BEN: keep(writer, data, BEN, bucket=5),
    }
    other = keep(writer, data, bucket=5)
    together = threading.Barrier(2)
    done = []

    def run(person):
        try:
            together.wait()
            done.append(erase(person))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(person,)) for person in (ANNA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(one.state, one.requests) for one in done] == [("done", 1)] * 2
    assert all(vault.read(request) == [] for request in requests.values())
    assert len(vault.read(other)) == 2
    assert len(said("content.erased")) == 2


def test_what_is_kept_while_others_are_erased_can_be_read(writer, data):
    """No data key is wrapped under a key that is being destroyed."""
    stop = threading.Event()
    kept = []

    def go_on():
        while not stop.is_set():
            kept.append(keep(writer, data, BEN, bucket=9))

    thread = threading.Thread(target=go_on)
    thread.start()
    rounds, deadline = 0, time.monotonic() + PATIENCE
    try:
        while rounds < 12 or len(kept) < 6:
            assert time.monotonic() < deadline, "the other keeps nothing"
            keep(writer, data, ANNA, bucket=9)
            assert erase().requests == 1
            rounds += 1
    finally:
        stop.set()
        thread.join()
    for request in kept:
        assert len(vault.read(request)) == 2


def test_unreadable_in_as_few_steps_also_among_a_thousand(writer, data):
    with CaptureQueriesContext(connection) as alone:
        keep(writer, data, ANNA, bucket=5)
        assert erase().requests == 1
    mine = keep(writer, data, ANNA, bucket=3)
    row = Stored.objects.get(request=mine, part="prompt")
    Stored.objects.bulk_create(
        Stored(
            request=request_id(3), part="prompt", application=None, bucket=3, generation=0,
            wrapped=row.wrapped, data=row.data, expires=row.expires,
        )
        for _ in range(1_000)
    )  # fmt: skip
    with CaptureQueriesContext(connection) as among:
        assert erase().requests == 1
    keep(writer, data, ANNA, bucket=3)
    assert len(among) <= len(alone) + 10, "not a statement for each of the others"
    assert Stored.objects.filter(generation=1).count() == 1_002


@law(max_examples=200)
@given(st.text(max_size=40))
def test_an_identifier_is_found_as_it_was_indexed_whatever_it_is(identifier):
    key = bytes(32)
    assert subjects.typed(key, identifier, "DE")[0] == subjects.blind(key, identifier)


@pytest.mark.parametrize(
    ("entity", "in_text", "typed"),
    [
        ("EMAIL_ADDRESS", "Anna@Example.org", " anna@example.ORG"),
        ("PHONE_NUMBER", "+49 30 2345678", "030/2345678"),
        ("PHONE_NUMBER", "030 2345678", "+49 (0)30 234 56 78"),
        ("PHONE_NUMBER", "0049302345678", "+49 30 2345678"),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("CREDIT_CARD", "4111-1111-1111-1111", "4111 1111 1111 1111"),
        ("DE_TAX_ID", "12 345 678 901", "12345678901"),
        ("UK_NINO", "QQ 12 34 56 C", "qq123456c"),
    ],
)
def test_a_person_is_found_however_the_identifier_is_spelled(entity, in_text, typed):
    key = bytes(32)
    (indexed,) = subjects.found(key, [(entity, in_text)])
    assert indexed in subjects.typed(key, typed, "DE")


def test_every_national_identifier_is_indexed_and_what_is_nobodys_is_not():
    national = {one.entity for one in identifiers.ALL if one.country}
    assert [entity for entity in sorted(national) if not subjects.strong(entity)] == []
    others = {"PERSON", "LOCATION", "ADDRESS", "DATE_OF_BIRTH", "ORGANIZATION", "IP_ADDRESS"}
    assert [entity for entity in sorted(others) if subjects.strong(entity)] == []


def test_names_and_short_numbers_are_not_indexed_and_stay_apart():
    key = bytes(32)
    assert subjects.found(key, [("PERSON", "Anna Quillworthy"), ("DATE_TIME", "2026")]) == ()
    assert len(subjects.typed(key, "A-1234", "DE")) == 1

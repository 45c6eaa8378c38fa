"""Content is kept encrypted beside the log, with its event or not at all."""

import dataclasses
import json
import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import erasure, keystore, vault
from compliance.audit.entry import EntryInvalid, commitment, encode
from compliance.audit.keystore import VaultUnreadable
from compliance.audit.writer import Writer
from compliance.models import Content as Stored
from compliance.models import ContentBucket, ContentSubject, Event, WriterEpoch
from compliance.vocabulary import Content, RecordUnavailable
from tests.compliance.audit.events import admitted, completed, event, now, request_id
from tests.compliance.audit.giving_up import given_up
from tests.services.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

HOUR = 3_600_000_000  # microseconds
PERSON = "ab" * 32
TEXT = b'{"body":"{\\"x\\":1}","findings":[],"part":"prompt"}'


@pytest.fixture(autouse=True)
def data(settings, tmp_path):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def writer():
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    yield writer
    writer.stop()


def keeping(one, part="prompt", text=TEXT, subjects=(PERSON,), expires=None):
    content = Content(part, text, expires or now() + HOUR, subjects)
    return dataclasses.replace(one, content=content)


def entry(request, kind):
    return json.loads(bytes(Event.objects.get(request=request, type=kind).entry))


def test_what_is_kept_can_be_read_and_its_entry_commits_to_it(writer):
    request = request_id()
    writer.append_sync([keeping(admitted(request))])
    writer.append_sync([keeping(completed(request), "output", b'{"part":"output"}')])
    parts = vault.read(request)
    assert [(part, text) for part, _, text in parts] == [
        ("prompt", TEXT),
        ("output", b'{"part":"output"}'),
    ]
    for (_, key, text), kind in zip(
        parts, ("request.admitted", "request.completed"), strict=True
    ):
        assert entry(request, kind)["content"] == commitment(key, text)
    assert ContentSubject.objects.values_list("request", "subject").get() == (request, PERSON)


def test_the_parts_of_a_request_share_a_bucket_and_many_requests_use_all():
    requests = [request_id() for _ in range(20_000)]  # one in 10^31 misses one
    assert {vault.bucket_of(request) for request in requests} == set(range(256))


def test_neither_the_text_nor_a_key_stands_in_the_database_or_the_vault_in_clear(
    writer, tmp_path
):
    request = request_id()
    writer.append_sync([keeping(admitted(request), text=b"anna.quillworthy@example.org")])
    (row,) = Stored.objects.all()
    assert b"quillworthy" not in bytes(row.data)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"quillworthy" not in path.read_bytes(), path
    modes = {path.stat().st_mode & 0o77 for path in (tmp_path / "data").rglob("*")}
    assert modes == {0}


def test_an_event_that_keeps_nothing_has_no_commitment_to_content(writer):
    request = request_id()
    writer.append_sync([admitted(request)])
    assert "content" not in entry(request, "request.admitted")
    assert not Stored.objects.exists()
    assert vault.read(request) == []


def test_ciphertext_is_bound_to_its_request_and_part(writer):
    first, second = request_id(), request_id()
    for request in (first, second):
        writer.append_sync([keeping(admitted(request))])
    row = Stored.objects.get(request=first)
    Stored.objects.filter(request=second).update(
        data=row.data, wrapped=row.wrapped, bucket=row.bucket, generation=row.generation
    )
    with pytest.raises(VaultUnreadable):
        vault.read(second)


def test_what_has_expired_is_not_read(writer):
    request = request_id()
    writer.append_sync([keeping(admitted(request))])
    assert vault.read(request)
    Stored.objects.filter(request=request).update(expires=timezone.now())
    assert vault.read(request) == []


def test_a_request_is_refused_where_the_vault_cannot_take_its_content(writer, data):
    data.mkdir(parents=True)
    (data / "vault").write_text("in the way")
    request, other = request_id(), request_id()
    with pytest.raises(RecordUnavailable, match="vault"):
        writer.append_sync([keeping(admitted(request))])
    assert not Event.objects.filter(request=request).exists()
    writer.append_sync([admitted(other)])  # what keeps nothing is not concerned
    (data / "vault").unlink()
    writer.append_sync([keeping(admitted(request))])
    assert vault.read(request)


def test_no_vault_is_made_beside_what_was_kept_in_one_that_is_away(writer, data):
    """As when its disk is not mounted: new keys would take the place of those that matter."""
    first, second = request_id(), request_id()
    writer.append_sync([keeping(admitted(first))])
    (data / "vault").rename(data / "away")
    with pytest.raises(RecordUnavailable, match="is not there"):
        writer.append_sync([keeping(admitted(second))])
    with pytest.raises(VaultUnreadable, match="Mount it"):
        erasure.erase("request", first, actor="anna", reason="asked")
    assert not (data / "vault").exists()
    (data / "away").rename(data / "vault")
    writer.append_sync([keeping(admitted(second))])
    assert vault.read(first)
    assert vault.read(second)


def test_an_end_stands_also_where_the_vault_cannot_take_the_output(writer, data):
    request = request_id()
    writer.append_sync([keeping(admitted(request))])
    bucket = vault.bucket_of(request)
    path = data / "vault" / "keys" / f"{bucket:03d}.0"
    path.write_text("not a key")
    writer.append_sync([keeping(completed(request), "output")])
    said = json.loads(bytes(Event.objects.get(type="request.completed").detail or b""))
    assert said["content"] == "vault_unavailable"
    assert "content" not in entry(request, "request.completed")


def test_an_output_without_its_prompt_is_not_kept(writer):
    """The prompt was erased while the answer was being written."""
    request = request_id()
    writer.append_sync([admitted(request)])
    writer.append_sync([keeping(completed(request), "output")])
    assert not Stored.objects.exists()
    assert not ContentSubject.objects.exists()


def test_content_is_wrapped_under_the_generation_that_the_database_knows(writer):
    request = request_id()
    bucket = vault.bucket_of(request)
    ContentBucket.objects.filter(number=bucket).update(generation=7)
    connection.close()
    writer.append_sync([keeping(admitted(request))])
    assert Stored.objects.get().generation == 7
    assert keystore.store().generations(bucket) == [7]
    assert vault.read(request)


def test_an_admission_whose_caller_left_ends_without_a_second_prompt():
    fenced = threading.Event()
    writer = Writer("web-2", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    writer.append_sync([admitted()])
    with transaction.atomic():  # nobody else can write meanwhile
        WriterEpoch.objects.select_for_update().get(source="web-2")
        request = given_up(writer, lambda: keeping(admitted()), 0.3)
    wait_until(Event.objects.filter(request=request, type="request.failed").exists, "its end")
    writer.stop()
    assert not fenced.is_set()
    assert "content" not in entry(request, "request.failed")
    assert [part for part, _, _ in vault.read(request)] == ["prompt"]


@pytest.mark.parametrize(
    "content",
    [
        Content("other", b"{}", 1),
        Content("prompt", b"{}", -1),
        Content("prompt", b"{}", 1, ("anna@example.org",)),
    ],
)
def test_content_that_is_not_in_form_is_refused(content):
    one = dataclasses.replace(admitted(), content=content)
    with pytest.raises(EntryInvalid, match="content"):
        encode(one, source="web-1", epoch=1, seq=0, key=bytes(32))


def test_only_an_event_of_a_request_has_content():
    one = dataclasses.replace(event("login"), content=Content("prompt", b"{}", 1))
    with pytest.raises(EntryInvalid, match="content"):
        encode(one, source="web-1", epoch=1, seq=0, key=bytes(32))

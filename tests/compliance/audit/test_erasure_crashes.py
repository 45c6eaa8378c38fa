"""An erasure killed between any two of its steps is completed by the next process."""

import dataclasses
import json
import random
import secrets
import time

import pytest
from django.db import connection

from compliance.audit import erasure, keystore, subjects, vault
from compliance.audit.keys import create_key, read_key
from compliance.audit.writer import Writer
from compliance.models import Content as Stored
from compliance.models import ContentBucket, Erasure, Event
from compliance.vocabulary import Content
from tests.compliance.audit.events import admitted, now
from tests.services import killing
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.database

ANNA, BEN = "anna@example.org", "ben@example.org"
HOUR = 3_600_000_000  # microseconds
BUCKET = 11
MOST = 1_024  # steps of an erasure
WATCHED = ("keystore.py", "erasure.py", "asking.py", "keys.py", "journal.py", "transaction.py")
LASTING = {"fsync", "pwrite", "write", "unlink", "link", "open", "flock", "mkdir", "execute"}


@pytest.fixture
def data(database, settings, tmp_path):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    create_key(tmp_path / "keys" / "subject-index")
    return tmp_path


def keep(data, *persons, expires=HOUR):
    """A prompt of one bucket about each of `persons`; the requests' ids."""
    key = read_key(data / "keys" / "subject-index")
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    kept = {}
    for person in persons:
        request = ""
        while not request or vault.bucket_of(request) != BUCKET:
            request = f"{int(time.time()):08x}{secrets.token_hex(12)}"
        about = (subjects.blind(key, person),)
        content = Content("prompt", person.encode(), now() + expires, about)
        writer.append_sync([dataclasses.replace(admitted(request), content=content)])
        kept[person] = request
    writer.stop()
    return kept


def killed_at(point, work):
    """Kill `work` before its `point`th step: a call or a return in what erases, or a call of
    the system or the database.
    """
    connection.close()
    return killing.killed_at(point, work, calls=LASTING, modules=WATCHED)


def erase():
    erasure.erase("subject", ANNA, actor="officer", reason="Art. 17")


def check_erased(kept):
    """All is as if nothing had happened in between."""
    assert vault.read(kept[ANNA]) == []
    assert not Stored.objects.filter(request=kept[ANNA]).exists()
    assert [text for _, _, text in vault.read(kept[BEN])] == [BEN.encode()]
    current = ContentBucket.objects.get(number=BUCKET).generation
    assert keystore.store().generations(BUCKET) == [current]


def crash_and_recover(data, point):
    """Whether the child was killed, and how many events there are of the one erasure."""
    kept = keep(data, ANNA, BEN)
    events = Event.objects.filter(type="content.erased").count()
    noted = Erasure.objects.count()
    killed = killed_at(point, erase)
    if Erasure.objects.count() == noted:  # nobody was told that it would be done
        assert len(vault.read(kept[ANNA])) == 1
        erase()
    erasure.recover()
    check_erased(kept)
    erased = Event.objects.filter(type="content.erased")
    said = json.loads(bytes(erased.latest("id").detail or b""))
    assert said["requests"] == [kept[ANNA]], "the record does not say what was erased"
    assert said["buckets"] == [BUCKET]
    return killed, erased.count() - events


def points(data):
    """How many steps an erasure has."""
    low, high = 0, MOST
    while low < high:
        middle = (low + high) // 2
        keep(data, ANNA, BEN)
        if killed_at(middle, erase):
            low = middle + 1
        else:
            high = middle
        erasure.recover()
        erase()
    return low


def run(data, seed, count):
    last = points(data)
    assert 60 < last < MOST, "the steps were not counted"
    chosen = range(last) if count is None else random.Random(seed).sample(range(last), count)
    for point in sorted(chosen):
        killed, recorded = crash_and_recover(data, point)
        assert (killed, recorded) == (True, 1), f"step {point} of {last}, seed {seed}"


def test_an_erasure_killed_between_steps_is_completed(data):
    run(data, 20, 8)


@pytest.mark.soak
def test_an_erasure_killed_before_each_of_its_steps_is_completed(data):
    run(data, 0, None)


def test_what_expires_is_gone_also_after_a_kill(data):
    for point in (20, 60, 100, 140):
        kept = keep(data, ANNA, expires=0) | keep(data, BEN)
        killed_at(point, erasure.expire)
        erasure.expire()
        check_erased(kept)

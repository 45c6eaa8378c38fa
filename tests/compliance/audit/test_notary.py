import shutil
import sqlite3
import threading
from functools import partial

import django.db
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import checkpoint, journal, leases, merkle, tiles
from compliance.audit.epoch import Epoch
from compliance.audit.notary import POLL, PUBLISH, Notary, NotaryRefuses
from compliance.audit.storage import storage
from compliance.audit.writer import Writer
from compliance.models import Event, Leaf, LogHead, WriterEpoch
from tests.compliance.audit.events import admitted, completed, event, request_id
from tests.services.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"


@pytest.fixture
def notary(folder):
    return Notary(folder, KEY, ORIGIN)


def note(*events):
    with transaction.atomic():
        journal.record("console", events)


def entries():
    return [
        bytes(leaf.event.entry)
        for leaf in Leaf.objects.select_related("event").order_by("index")
    ]


def signed(folder):
    return checkpoint.verify((folder / "checkpoint").read_bytes(), ORIGIN, PUBLIC)


def grown(folder, size):
    return signed(folder).size > size


def agree(folder):
    """The checkpoint, the head and a tree made from nothing say the same."""
    state = signed(folder)
    leaves = [merkle.leaf_hash(entry) for entry in entries()]
    assert state.size == len(leaves)
    assert state.root == merkle.root(leaves)
    assert tiled(folder, state.size) == entries()
    head = LogHead.objects.get()
    assert (head.size, bytes(head.root)) == (state.size, state.root)


def tiled(folder, size):
    found = []
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        bundle = (folder / tiles.entries_path(number, width)).read_bytes()
        held = list(tiles.entries_in(bundle))
        data = (folder / tiles.tile_path(0, number, width)).read_bytes()
        assert tiles.hashes_in(data, width) == [merkle.leaf_hash(entry) for entry in held]
        found += held
    return found


def test_an_empty_log_has_a_checkpoint(notary, folder):
    assert notary.integrate_once() == 0
    assert signed(folder) == checkpoint.Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT)


def test_events_of_a_source_are_integrated_in_their_order(notary, folder):
    for step in range(5):
        note(*(event("a.step", detail=place) for place in range(step * 70)))
        notary.integrate_once()
        agree(folder)
    seqs = Leaf.objects.order_by("index").values_list("event__seq", flat=True)
    assert list(seqs) == list(range(700))


def test_a_log_of_more_than_one_level_of_tiles_agrees(notary, folder):
    for _ in range(3):
        note(*(event("a.step") for _ in range(1000)))
        while notary.integrate_once():
            pass
    agree(folder)
    assert (folder / "tile/1/000.p/11").exists()
    assert not (folder / "tile/0/000.p").exists()


def test_the_notary_waits_at_a_hole(notary, folder):
    note(event("a.zero"))
    for seq in (2, 3, 1):
        stored = Event.objects.get(seq=0, source="console")
        stored.pk, stored.seq, stored.entry = None, seq, b'{"seq":%d}' % seq
        stored.save(force_insert=True)
        notary.integrate_once()
    order = Leaf.objects.order_by("index").values_list("event__seq", flat=True)
    assert list(order) == [0, 1, 2, 3]
    agree(folder)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_another_notary_goes_on_where_one_stopped(folder, size):
    note(*(event("a.step") for _ in range(size)))
    Notary(folder, KEY, ORIGIN).integrate_once()
    note(*(event("a.step") for _ in range(300)))
    Notary(folder, KEY, ORIGIN).integrate_once()
    agree(folder)


@pytest.mark.parametrize("lost", ["checkpoint", "tile", ""])
def test_lost_files_are_made_again_from_the_database(folder, lost):
    note(*(event("a.step") for _ in range(1300)))
    Notary(folder, KEY, ORIGIN).integrate_once()
    target = folder / lost
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    note(event("a.step"))
    Notary(folder, KEY, ORIGIN).integrate_once()
    agree(folder)


def test_entries_that_were_committed_and_not_published_are_published_at_the_next_start(folder):
    note(*(event("a.step") for _ in range(600)))
    crashed = Notary(folder, KEY, ORIGIN)
    crashed._take(crashed._recover())
    Notary(folder, KEY, ORIGIN).integrate_once()
    agree(folder)


def rewind(size):
    LogHead.objects.update(size=size, root=merkle.root(map(merkle.leaf_hash, entries()[:size])))


def test_a_database_behind_its_checkpoint_is_not_signed(folder):
    note(*(event("a.step") for _ in range(10)))
    Notary(folder, KEY, ORIGIN).integrate_once()
    before = (folder / "checkpoint").read_bytes()
    rewind(5)
    with pytest.raises(NotaryRefuses, match="older copy"):
        Notary(folder, KEY, ORIGIN).integrate_once()
    assert (folder / "checkpoint").read_bytes() == before


@pytest.mark.parametrize("count", [3, 300])
def test_a_database_with_other_entries_than_its_checkpoint_is_not_signed(
    folder, tmp_path, count
):
    note(*(event("a.step") for _ in range(count)))
    other = tmp_path / "other"
    Notary(folder, KEY, ORIGIN).integrate_once()
    forged = Notary(other, KEY, ORIGIN)
    forged._folder.prepare()
    root = merkle.root([merkle.leaf_hash(b"{}")] * count)
    (other / "checkpoint").write_bytes(
        checkpoint.sign(
            checkpoint.Checkpoint(ORIGIN, count, root),
            Ed25519PrivateKey.from_private_bytes(KEY),
        )
    )
    with pytest.raises(NotaryRefuses, match="not the ones"):
        forged.integrate_once()


def test_a_head_that_was_changed_is_not_signed(folder):
    note(*(event("a.step") for _ in range(10)))
    Notary(folder, KEY, ORIGIN).integrate_once()
    LogHead.objects.update(root=bytes(32))
    with pytest.raises(NotaryRefuses, match="not the ones"):
        Notary(folder, KEY, ORIGIN).integrate_once()


def test_a_full_tile_that_was_changed_is_never_overwritten(folder):
    note(*(event("a.step") for _ in range(300)))
    crashed = Notary(folder, KEY, ORIGIN)
    crashed._take(crashed._recover())
    path = folder / "tile/0/000"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(256 * 32))
    with pytest.raises(NotaryRefuses, match="tile/0/000"):
        Notary(folder, KEY, ORIGIN).integrate_once()
    assert path.read_bytes() == bytes(256 * 32)


def test_a_checkpoint_by_another_key_is_not_continued(folder):
    Notary(folder, bytes(32), ORIGIN).integrate_once()
    with pytest.raises(NotaryRefuses, match="not ours"):
        Notary(folder, KEY, ORIGIN).integrate_once()


def test_a_second_leader_is_fenced_by_the_head(folder, tmp_path):
    first = Notary(folder, KEY, ORIGIN)
    second = Notary(tmp_path / "second", KEY, ORIGIN)
    first.integrate_once()
    second.integrate_once()
    note(event("a.step"))
    first.integrate_once()
    note(event("a.step"))
    tree = second._tree
    assert tree
    with pytest.raises(django.db.OperationalError, match="Another notary"):
        second._take(tree)
    assert LogHead.objects.get().size == 1


@pytest.fixture
def running(folder, monkeypatch):
    """A notary that leads in a thread, with a short lease."""
    monkeypatch.setattr(leases, "LOOK", 0.1)
    started, stop = [], threading.Event()

    def start():
        notary = Notary(folder, KEY, ORIGIN)
        notary._leases = leases.Leases(lease=0.3)
        thread = threading.Thread(target=notary.run, args=(stop,))
        thread.start()
        started.append(thread)

    yield start
    stop.set()
    for thread in started:
        thread.join()


def test_the_requests_of_a_dead_writer_end_as_lost_once(running, folder):
    ended, lost = request_id(), request_id()
    row = WriterEpoch.objects.create(
        source="web-7", epoch=1, opened=timezone.now(), lease_until=timezone.now()
    )
    epoch = Epoch(row.pk, "web-7", 1)
    events = [admitted(ended), admitted(lost), completed(ended)]
    assert storage().insert(row.pk, [epoch.row(e, n) for n, e in enumerate(events)], None)
    running()
    running()  # the second stands by
    wait_until(lambda: WriterEpoch.objects.get(pk=row.pk).closed, "the writer counts as dead")
    ends = Event.objects.filter(request=lost).order_by("id")
    assert [(e.source, e.type) for e in ends] == [
        ("web-7", "request.admitted"),
        ("notary", "request.lost"),
    ]
    assert Event.objects.filter(request=ended).count() == 2
    assert Event.objects.filter(type="writer.lost").count() == 1
    assert storage().insert(row.pk, [epoch.row(admitted(), 3)], None) is False
    wait_until(lambda: Event.objects.count() == Leaf.objects.count(), "all is integrated")
    wait_until((folder / "checkpoint").exists, "there is a checkpoint")
    wait_until(lambda: signed(folder).size == Leaf.objects.count(), "all is signed")
    agree(folder)


def test_a_writer_that_dies_beside_a_long_request_leaves_more_than_one_statement_can_name(
    folder,
):
    """All that it admitted since the request began: over the limit of values of a statement."""
    lost = request_id()
    short = [request_id() for _ in range(150)]
    row = WriterEpoch.objects.create(source="web-7", epoch=1, opened=timezone.now())
    epoch = Epoch(row.pk, "web-7", 1)
    events = [
        admitted(lost),
        *(one for name in short for one in (admitted(name), completed(name))),
    ]
    assert storage().insert(row.pk, [epoch.row(one, n) for n, one in enumerate(events)], None)
    dead = leases.Leases(lease=0.0)
    if connection.vendor == "sqlite":
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 100)
    dead.end_dead()
    dead._looked -= leases.LOOK
    assert dead.end_dead() == 1
    assert Event.objects.get(type="request.lost").request == lost


def test_a_living_writer_is_left_alone(monkeypatch):
    monkeypatch.setattr("compliance.audit.writer.RENEW", 0.1)  # s: many times within a lease
    monkeypatch.setattr(leases, "LOOK", 0.0)
    fenced = threading.Event()
    writer = Writer("web-1", on_fenced=fenced.set, timeout=PATIENCE)
    writer.start()
    writer.append_sync([event("a.begun")])
    notary = leases.Leases(lease=0.0)  # seen twice unrenewed, it would be dead
    for _ in range(5):
        assert notary.end_dead() == 0
        wait_until(partial(renewed, "web-1", lease_of("web-1")), "the lease is renewed")
    writer.append_sync([event("a.alive")])
    writer.stop()
    assert not fenced.is_set()


def lease_of(source):
    return WriterEpoch.objects.get(source=source).lease_until


def renewed(source, before):
    return lease_of(source) != before


def test_a_writer_that_renews_no_more_is_ended(monkeypatch):
    monkeypatch.setattr(leases, "LOOK", 0.0)
    WriterEpoch.objects.create(source="web-7", epoch=1, opened=timezone.now())
    notary = leases.Leases(lease=0.0)
    assert [notary.end_dead() for _ in range(3)] == [0, 1, 0]


def test_news_are_signed_within_a_second(running, folder):
    assert PUBLISH + POLL < 1  # where nothing else keeps the machine busy
    running()
    wait_until((folder / "checkpoint").exists, "there is a checkpoint")
    for _ in range(3):
        note(event("a.step"))
        wait_until(partial(grown, folder, signed(folder).size), "the news are signed")

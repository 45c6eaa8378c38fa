"""After a restore: the notary refuses, the operator decides, the log says what is lost."""

import json
import os
import shutil
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from compliance.audit import checkpoint, copies, generation, journal, ledger
from compliance.audit.copies import Places
from compliance.audit.files import LogFolder, folder_of
from compliance.audit.generation import ResumeRefused
from compliance.audit.leader import leadership
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.tree import Tree
from compliance.audit.verify import verify_log
from compliance.models import Event, Generation, Leaf, LogHead
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("database")
on_both = pytest.mark.database  # the others are about files and signatures

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"


@pytest.fixture
def places(folder, tmp_path):
    return Places(folder, tmp_path / "outside")


@pytest.fixture
def older(database, folder):
    copies = Copies(database, folder)
    yield copies
    copies.drop()


def note(count):
    with transaction.atomic():
        journal.record("console", [event("a.step", number=n) for n in range(count)])


def integrate(places):
    notary = Notary(places.log, KEY, ORIGIN, places.outside)
    while notary.integrate_once():
        pass
    return signed(places, ledger.current().number)


def signed(places, number):
    note = (folder_of(places.log, number) / "checkpoint").read_bytes()
    return checkpoint.verify(note, f"example.org/log/{number}", PUBLIC)


def grow(places, *counts):
    for count in counts:
        note(count)
        integrate(places)
    return signed(places, ledger.current().number)


def resume(places, *given):
    return generation.resume(
        places, KEY, ORIGIN, actor="anna", reason="The disk of 3 May failed.", given=given
    )


def kept(places):
    """The one copy that is outside."""
    (path,) = places.outside.glob("*.checkpoint")
    return path.read_bytes()


def resumed():
    return [
        json.loads(bytes(row.detail or b"")) for row in Event.objects.filter(type="log.resumed")
    ]


def sound(places):
    report = verify_log(places.log, PUBLIC)
    assert report.ok, "\n".join(report.words)
    return "\n".join(report.words)


@pytest.fixture
def lost(places, older):
    """A log of 900 entries of which a restore brought 600 back; the old checkpoint."""
    grow(places, 300, 300)
    number = older.take()
    old = grow(places, 300)
    older.put_back(number)
    return old


@on_both
def test_a_database_behind_a_copy_of_its_checkpoint_is_not_signed(places, lost):
    with pytest.raises(NotaryRefuses, match="audit resume --after-restore"):
        integrate(places)
    assert signed(places, 1).size == 600
    note(1)
    with pytest.raises(NotaryRefuses, match="900 entries, and the database has 600"):
        integrate(places)


def test_without_any_newer_checkpoint_a_restored_log_just_goes_on(places, lost):
    shutil.rmtree(places.outside)
    assert resume(places) is None
    assert grow(places, 5).size == 605
    assert LogHead.objects.get().generation == 1
    assert not Generation.objects.exists()


def test_a_copy_that_is_not_behind_goes_on_without_a_new_generation(places, older):
    grow(places, 10)
    older.put_back(older.take())
    assert resume(places) is None
    assert grow(places, 1) == signed(places, 1)
    assert LogHead.objects.get().generation == 1


@on_both
def test_the_next_generation_names_the_lost_range_in_its_first_entry(places, lost):
    before, note = ledger.current(), kept(places)
    missing = resume(places)
    assert missing is not None
    assert missing.lost == range(600, 900)
    state = signed(places, 2)
    assert state.size >= 1
    first = Leaf.objects.select_related("event").get(index=600).event
    assert (first.type, first.source, first.epoch, first.seq) == ("log.resumed", "log", 2, 0)
    said = json.loads(bytes(first.detail or b""))
    assert said.pop("time")
    assert said == {
        "actor": "anna",
        "also_lost": [],
        "checked": False,  # the restore replaced the tiles
        "checkpoint": note.decode(),
        "database_root": before.root.hex(),
        "database_size": 600,
        "first": 600,
        "generation": 2,
        "lost_begin": 600,
        "lost_end": 900,
        "old_origin": ORIGIN,
        "old_root": lost.root.hex(),
        "old_size": 900,
        "reason": "The disk of 3 May failed.",
    }
    assert checkpoint.verify(note, ORIGIN, PUBLIC) == lost
    closed = Generation.objects.get()
    assert (closed.number, closed.first, closed.size) == (1, 0, 600)
    assert closed.checkpoint == said["checkpoint"]
    assert "Entries 600 to 899 of generation 1 were lost" in sound(places)


@on_both
def test_the_new_generation_grows_and_is_sound(places, lost):
    resume(places)
    assert grow(places, 300, 300).size > 600
    words = sound(places)
    assert str(Event.objects.count()) in words
    head = LogHead.objects.get()
    assert (head.generation, head.first) == (2, 600)
    assert head.first + head.size == Leaf.objects.count() == Event.objects.count()
    tree = Tree(LogFolder(folder_of(places.log, 2)), head.size)
    assert tree.root() == bytes(head.root)
    assert tree.entry(0) == bytes(Leaf.objects.get(index=600).event.entry)


@on_both
def test_what_waited_when_the_copy_was_made_joins_the_new_generation(places, older):
    grow(places, 20)
    note(7)
    number = older.take()
    integrate(places)
    older.put_back(number)
    resume(places)
    integrate(places)
    assert LogHead.objects.get().size == 8
    sound(places)


def test_with_the_old_tiles_it_is_checked_that_the_database_holds_their_beginning(
    places, older
):
    grow(places, 300)
    number = older.take()
    grow(places, 300)
    older.put_back(number, log=False)
    resume(places)
    assert resumed()[0]["checked"] is True
    assert signed(places, 1).size == 600, "the old generation's files stay as they are"
    sound(places)


def test_a_database_of_another_log_is_not_resumed(places, older, tmp_path):
    places.log.mkdir()
    number = older.take()
    grow(places, 300)
    theirs = tmp_path / "theirs"
    shutil.copytree(places.log, theirs)
    older.put_back(number)
    shutil.rmtree(places.outside)
    grow(places, 200)
    shutil.rmtree(places.log)
    shutil.copytree(theirs, places.log)
    with pytest.raises(ResumeRefused, match="of another log, or was changed"):
        resume(places)
    assert not Generation.objects.exists()


def test_a_checkpoint_that_somebody_kept_shows_a_loss_that_nothing_here_shows(
    places, lost, tmp_path
):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(kept(places))
    shutil.rmtree(places.outside)
    missing = resume(places, theirs)
    assert missing is not None
    assert missing.lost == range(600, 900)


def test_a_log_that_went_on_from_an_older_copy_is_told_to_have_forked(places, lost, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(kept(places))
    shutil.rmtree(places.outside)
    grow(places, 400)
    with pytest.raises(ResumeRefused, match="forked"):
        resume(places, theirs)


def test_a_log_that_went_on_from_an_older_copy_while_the_copies_were_away_is_not_signed(
    places, older
):
    """It has outgrown the checkpoint outside, so that no size tells of the fork."""
    grow(places, 300)
    number = older.take()
    grow(places, 300)
    older.put_back(number)
    away = places.outside.rename(places.outside.with_name("away"))
    grow(places, 500)
    shutil.rmtree(places.outside)
    away.rename(places.outside)
    before = kept(places)
    with pytest.raises(NotaryRefuses, match="not the ones"):
        grow(places, 1)
    assert kept(places) == before


def test_a_checkpoint_of_another_log_is_refused_by_name(places, lost, tmp_path):
    state = checkpoint.Checkpoint("example.com/log/1", 5000, bytes(32))
    other = tmp_path / "other"
    other.write_bytes(checkpoint.sign(state, Ed25519PrivateKey.from_private_bytes(KEY)))
    with pytest.raises(ResumeRefused, match=r"example\.com/log/1"):
        resume(places, other)
    forged = checkpoint.Checkpoint(ORIGIN, 5000, bytes(32))
    other.write_bytes(checkpoint.sign(forged, Ed25519PrivateKey.generate()))
    with pytest.raises(ResumeRefused, match="not signed by the key"):
        resume(places, other)


def test_a_generation_that_was_lost_whole_is_named_and_its_number_not_used_again(places, older):
    grow(places, 300)
    number = older.take()
    grow(places, 10)
    older.put_back(number)
    resume(places)
    second = grow(places, 40)
    older.put_back(number)
    with pytest.raises(NotaryRefuses, match="log/2"):
        integrate(places)
    missing = resume(places)
    assert missing is not None
    assert missing.number == 3
    said = resumed()[0]
    assert (said["lost_begin"], said["lost_end"], said["generation"]) == (300, 310, 3)
    assert said["also_lost"] == [
        {"origin": "example.org/log/2", "root": second.root.hex(), "size": second.size}
    ]
    grow(places, 5)
    assert "All of example.org/log/2 was lost" in sound(places)


def test_a_third_generation_is_as_sound_as_the_second(places, older, lost):
    resume(places)
    grow(places, 20)
    number = older.take()
    grow(places, 20)
    older.put_back(number)
    missing = resume(places)
    assert missing is not None
    assert (missing.held.number, missing.number) == (2, 3)
    grow(places, 10)
    assert "of generation 2 were lost" in sound(places)


@on_both
def test_a_resumption_that_says_something_else_than_the_database_is_not_sound(places, lost):
    resume(places)
    with connection.cursor() as cursor:  # as the database's owner can
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER compliance_generation_no_update")
        else:
            cursor.execute("ALTER TABLE compliance_generation DISABLE TRIGGER USER")
    Generation.objects.update(size=599)
    assert "Entry 0 of generation 2 does not say how" in " ".join(
        verify_log(places.log, PUBLIC).problems
    )


def test_a_changed_entry_of_an_ended_generation_is_found(places, lost):
    resume(places)
    sound(places)
    tile = next(path for path in (places.log / "tile" / "entries").rglob("*") if path.is_file())
    data = bytearray(tile.read_bytes())
    data[10] ^= 1
    tile.write_bytes(data)
    assert not verify_log(places.log, PUBLIC).ok


def test_a_second_resume_finds_nothing_to_do(places, lost):
    assert resume(places) is not None
    assert resume(places) is None
    assert LogHead.objects.get().generation == 2


@on_both
def test_two_resumes_at_once_begin_one_generation(places, lost, monkeypatch):
    monkeypatch.setattr(generation, "PATIENCE", PATIENCE)
    outcomes = []

    def run():
        try:
            outcomes.append(resume(places))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert LogHead.objects.get().generation == 2
    assert Event.objects.filter(type="log.resumed").count() == 1
    sound(places)


@on_both
def test_nothing_is_resumed_while_a_notary_leads(places, lost, monkeypatch):
    monkeypatch.setattr(generation, "PATIENCE", 0.2)
    held, done = threading.Event(), threading.Event()

    def lead():
        with leadership(threading.Event()):
            held.set()
            done.wait(PATIENCE)
        connection.close()

    thread = threading.Thread(target=lead)
    thread.start()
    try:
        assert held.wait(PATIENCE)
        with pytest.raises(ResumeRefused, match="stop the appliance first"):
            resume(places)
    finally:
        done.set()
        thread.join()
    assert not Generation.objects.exists()


def crash_at(step, places):
    """Resume in a child that ends at its `step`th durable change; its exit code."""
    connection.close()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        left = [step]

        def counted(function):
            def call(*arguments, **named):
                if left[0] == 0:
                    os._exit(9)
                left[0] -= 1
                return function(*arguments, **named)

            return call

        for name in ("fsync", "link", "rename", "replace"):
            setattr(os, name, counted(getattr(os, name)))
        for name in ("commit", "_commit"):
            setattr(connection, name, counted(getattr(connection, name)))
        resume(places)
        code = 0
    finally:
        os._exit(code)


@on_both
def test_a_resume_that_is_cut_short_at_any_step_is_mended_by_another(places, older, tmp_path):
    grow(places, 30)
    number = older.take()
    grow(places, 30)
    outside = tmp_path / "outside-before"
    shutil.copytree(places.outside, outside)
    codes = []
    for step in range(100):
        older.put_back(number)
        shutil.rmtree(places.outside)
        shutil.copytree(outside, places.outside)
        codes.append(crash_at(step, places))
        resume(places)
        assert LogHead.objects.get().generation == 2, f"step {step}"
        assert Event.objects.filter(type="log.resumed").count() == 1
        assert resumed()[0]["lost_end"] == 60
        assert signed(places, 2).size == LogHead.objects.get().size
        if codes[-1] == 0:
            break
    assert codes[-1] == 0
    assert set(codes[:-1]) == {9}
    assert len(codes) > 8
    grow(places, 5)
    sound(places)


def test_a_copy_outside_never_goes_back(tmp_path):
    key = Ed25519PrivateKey.from_private_bytes(KEY)
    for size, expected in ((5, 5), (9, 9), (7, 9)):
        state = checkpoint.Checkpoint(ORIGIN, size, bytes(32))
        copies.keep(tmp_path, state, checkpoint.sign(state, key), b"\0\1\2\3")
        assert (
            checkpoint.parse((tmp_path / "00010203.checkpoint").read_bytes()).size == expected
        )


def test_a_log_goes_on_where_no_copy_can_be_kept(places, caplog):
    places.outside.write_text("not a folder")
    assert grow(places, 3, 3).size == 6
    assert "No copy of the checkpoint" in caplog.text

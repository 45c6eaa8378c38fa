"""The log's key is rotated while the log grows; whoever holds an old key can follow."""

import json
import os
import shutil
import threading
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import checkpoint, generation, handover, journal, ledger, rotation
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.files import folder_of
from compliance.audit.generation import ResumeRefused
from compliance.audit.handover import Chain, Handover, HandoverInvalid
from compliance.audit.keys import create_key
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.ring import FileRing, public_of, signer_of
from compliance.audit.rotation import RotationRefused
from compliance.audit.verify import verify_log
from compliance.models import Event, Leaf
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("database")
on_both = pytest.mark.database

ORIGIN = "example.org/log/1"
NAME = "example.org/log"


class Log:
    """A log with its ring of keys, in a folder."""

    def __init__(self, folder):
        self.places = Places(folder / "log", folder / "outside")
        self.ring = FileRing(folder / "keys")
        self.first = create_key(self.ring.path)

    @property
    def public(self):
        return public_of(self.ring.current())

    @property
    def checkpoint(self):
        number = ledger.current().number
        return (folder_of(self.places.log, number) / "checkpoint").read_bytes()

    def grow(self, count=3):
        with transaction.atomic():
            journal.record("console", [event("a.step", number=n) for n in range(count)])
        self.integrate()

    def integrate(self):
        notary = Notary(self.places.log, self.ring, ORIGIN, self.places.outside)
        while notary.integrate_once():
            pass

    def begin(self, reason="Once a year."):
        return rotation.begin(self.ring, self.places, ORIGIN, actor="anna", reason=reason)

    def rotate(self):
        one = self.begin()
        self.integrate()
        assert rotation.done(self.ring, one)
        return one

    def report(self, key=None):
        return verify_log(self.places.log, key or self.public)

    def sound(self, key=None):
        report = self.report(key)
        assert report.ok, "\n".join(report.words)
        return report

    def resume(self):
        return generation.resume(
            self.places, self.ring, ORIGIN, actor="anna", reason="The disk failed."
        )


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path)
    log.grow()
    return log


@pytest.fixture
def older(database, log):
    copies = Copies(database, log.places.log)
    yield copies
    copies.drop()


def signed_by(note, key, origin=ORIGIN):
    try:
        checkpoint.verify(note, origin, key)
    except CheckpointInvalid:
        return False
    return True


def lines(log, generation=1):
    folder = folder_of(log.places.log, generation)
    return handover.parse((folder / "rotations").read_text())


@on_both
def test_both_keys_sign_the_first_checkpoint_that_covers_the_rotation(log):
    old = log.public
    log.rotate()
    new = log.public
    assert new != old
    bridge = (log.places.log / "bridge-1").read_bytes()
    assert bridge == log.checkpoint
    assert signed_by(bridge, old)
    assert signed_by(bridge, new)
    log.grow()
    assert signed_by(log.checkpoint, new)
    assert not signed_by(log.checkpoint, old)
    line = (log.places.log / "verifier-key").read_text().strip()
    assert checkpoint.parse_verifier_key(line) == (ORIGIN, new)
    log.sound(old)
    log.sound(new)


def test_the_old_key_is_nowhere_any_more(log, tmp_path):
    log.rotate()
    assert sorted(path.name for path in log.ring.folder.iterdir()) == ["log.ed25519"]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or log.first.hex().encode() not in path.read_bytes()


def test_the_old_keys_bytes_are_overwritten_before_its_name_goes(log, monkeypatch):
    held = log.ring.path.open("rb")  # keeps the blocks, as a disk does
    log.rotate()
    with held:
        assert log.first.hex().encode() not in held.read()


def test_the_event_names_both_keys_and_is_signed_by_the_old_one(log):
    old = log.public
    log.rotate()
    row = Event.objects.get(type="log.key_rotated")
    detail = json.loads(bytes(row.detail or b""))
    assert (detail["actor"], detail["reason"]) == ("anna", "Once a year.")
    assert detail["verifier_key_before"] == checkpoint.verifier_key(ORIGIN, old)
    assert detail["verifier_key"] == checkpoint.verifier_key(ORIGIN, log.public)
    (one,) = lines(log)
    assert (one.generation, one.index) == (1, Leaf.objects.get(event=row).index)
    assert b64encode(one.signature).decode() == detail["handover"]
    one.check(NAME)


def test_a_key_can_be_rotated_again_and_again(log):
    keys = [log.public]
    for _ in range(3):
        log.rotate()
        log.grow(2)
        keys.append(log.public)
    assert len(set(keys)) == 4
    chain = rotation.chain(log.places, ORIGIN, keys[0])
    assert chain.keys == tuple(keys)
    assert [one.index for one in lines(log)] == sorted(one.index for one in lines(log))
    for key in keys:
        log.sound(key)
    for number in (1, 2, 3):
        note = (log.places.log / f"bridge-{number}").read_bytes()
        assert signed_by(note, keys[number - 1])
        assert signed_by(note, keys[number])


@on_both
def test_a_notary_that_runs_takes_up_the_new_key(log, monkeypatch):
    monkeypatch.setattr(rotation, "PATIENCE", PATIENCE)
    stop = threading.Event()
    notary = Notary(log.places.log, log.ring, ORIGIN, log.places.outside)
    thread = threading.Thread(target=notary.run, args=(stop,))
    thread.start()
    try:
        one = log.begin()
        assert rotation.complete(log.ring, one, lambda: None, PATIENCE)
    finally:
        stop.set()
        thread.join()
    assert log.public == one.new
    log.sound()


def test_the_old_key_stays_until_both_have_signed(log):
    notary = Notary(log.places.log, log.ring, ORIGIN, log.places.outside)
    notary.integrate_once()
    one = log.begin()
    assert notary._tree is not None
    assert notary._take(notary._tree) == 1
    notary._settle()
    assert log.public == one.old
    notary._publish(notary._tree)
    notary._settle()
    assert rotation.done(log.ring, one)


def test_where_no_notary_runs_the_rotation_is_completed_all_the_same(log):
    one = log.begin()
    assert rotation.complete(log.ring, one, log.integrate, PATIENCE)
    assert log.public == one.new


def test_a_second_rotation_at_once_is_the_same_one(log):
    assert log.begin() == log.begin("Another reason.")
    log.integrate()
    assert Event.objects.filter(type="log.key_rotated").count() == 1


def test_nobody_rotates_while_another_holds_the_keys(log, monkeypatch):
    monkeypatch.setattr(rotation, "PATIENCE", 0)
    with log.ring.lock() as held:
        assert held
        with pytest.raises(RotationRefused, match="run it again"):
            log.begin()
    one = log.begin()
    with log.ring.lock():  # a backup, while the notary signs
        log.integrate()
        assert not rotation.done(log.ring, one)
        assert signed_by(log.checkpoint, one.old)
    log.grow()
    assert rotation.done(log.ring, one)
    log.sound()


class Killed(BaseException):
    """Stands for SIGKILL at one system call."""


CALLS = ("fsync", "link", "replace", "rename", "unlink")


def killed_at(step, monkeypatch, work):
    """Do `work` until its system call number `step`; whether it got that far."""
    count = iter(range(10_000))
    with monkeypatch.context() as patch:
        for name in CALLS:
            real = getattr(os, name)

            def call(*arguments, _real=real, **options):
                if next(count) == step:
                    patch.undo()  # what is dead calls nothing any more
                    raise Killed
                return _real(*arguments, **options)

            patch.setattr(os, name, call)
        try:
            work()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.soak)])
def test_a_kill_at_any_step_loses_neither_the_log_nor_its_key(log, monkeypatch, stride):
    step = done = 0
    while killed_at(step, monkeypatch, log.rotate):
        step += stride
        before = log.public
        assert log.ring.path.exists()
        log.integrate()
        if log.ring.waiting.exists():  # it was never recorded: the command is run again
            assert not rotation.done(log.ring, log.begin())
            log.integrate()
        assert not log.ring.waiting.exists()
        assert not log.ring.leaving.exists()
        log.grow(1)
        assert signed_by(log.checkpoint, log.public)
        done += log.public != before
    assert step > 20
    assert done > 0
    log.sound(public_of(signer_of(log.first)))


def test_a_kill_between_two_commits_is_mended_by_the_notary(log, monkeypatch):
    def dies(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "place", dies)
        with pytest.raises(Killed):
            log.rotate()
    successor = log.ring.successor()
    assert successor is not None
    assert not signed_by(log.checkpoint, successor)
    log.integrate()
    assert not log.ring.waiting.exists()
    log.sound()


def test_verify_tells_a_checkpoint_by_a_key_that_was_put_aside(log):
    thief = signer_of(log.first)
    log.rotate()
    log.grow()
    state = checkpoint.parse(log.checkpoint)
    (log.places.log / "checkpoint").write_bytes(checkpoint.sign(state, thief))
    (problem,) = [one for one in log.report().problems if "does not sign at that size" in one]
    assert "put aside before and stolen" in problem


def test_verify_tells_a_checkpoint_by_a_key_whose_rotation_is_not_in_the_log(log):
    other = signer_of(bytes(32))
    state = checkpoint.parse(log.checkpoint)
    (log.places.log / "checkpoint").write_bytes(checkpoint.sign(state, other))
    assert any("not signed by the key" in one for one in log.report().problems)


def test_verify_tells_a_rotation_that_the_old_key_did_not_sign(log):
    stranger = signer_of(bytes(32))
    before, after, _ = handover.make(ORIGIN, signer_of(log.first), public_of(stranger))
    _, _, signature = handover.make(ORIGIN, stranger, public_of(stranger))
    detail = {
        "handover": b64encode(signature).decode(),
        "verifier_key": after,
        "verifier_key_before": before,
    }
    with transaction.atomic():
        journal.record("command", [event("log.key_rotated", **detail)])
    with pytest.raises(NotaryRefuses, match="not signed by the key that it puts aside"):
        log.integrate()
    assert any("puts aside" in one for one in log.report().problems)


def test_a_ring_from_before_the_rotation_signs_nothing(log, tmp_path):
    shutil.copytree(log.ring.folder, tmp_path / "saved")
    log.rotate()
    shutil.rmtree(log.ring.folder)
    shutil.copytree(tmp_path / "saved", log.ring.folder)
    with pytest.raises(NotaryRefuses, match="a copy of the folder keys that was made after"):
        log.grow()
    with pytest.raises(RotationRefused, match="the key here is an older one"):
        log.begin()
    with pytest.raises(ResumeRefused, match="the key here is an older one"):
        log.resume()


def test_a_key_that_was_made_anew_signs_nothing(log):
    log.rotate()
    log.ring.path.unlink()
    with pytest.raises(NotaryRefuses, match="cannot be read"):
        log.grow()
    create_key(log.ring.path)
    with pytest.raises(NotaryRefuses, match="none of those that the log was signed with"):
        log.integrate()


@on_both
def test_a_rotation_that_a_restore_lost_is_named_in_the_next_generation(log, older):
    first = log.public
    number = older.take()
    log.rotate()
    log.grow()
    older.put_back(number)
    with pytest.raises(NotaryRefuses, match="an older copy of the database was restored"):
        log.integrate()
    assert log.resume().number == 2
    row = Event.objects.get(type="log.resumed")
    (told,) = json.loads(bytes(row.detail or b""))["key_rotations"]
    assert (told["generation"], told["verifier_key"]) == (1, lines(log, 2)[0].after)
    log.grow()
    log.rotate()
    log.grow()
    assert signed_by(log.checkpoint, log.public, "example.org/log/2")
    assert len(lines(log, 2)) == 2
    log.sound(first)
    log.sound()


def test_a_restored_ring_and_database_do_not_go_on_with_the_old_key(log, older, tmp_path):
    shutil.copytree(log.ring.folder, tmp_path / "saved")
    number = older.take()
    log.rotate()
    older.put_back(number)
    shutil.rmtree(log.ring.folder)
    shutil.copytree(tmp_path / "saved", log.ring.folder)
    with pytest.raises(NotaryRefuses, match="the key here is an older one"):
        log.integrate()
    with pytest.raises(ResumeRefused, match="the key here is an older one"):
        log.resume()


def test_a_rotation_that_waits_while_the_log_is_resumed_completes_in_the_new_generation(
    log, older
):
    number = older.take()
    log.grow()
    older.put_back(number)
    one = log.begin()
    log.resume()
    log.integrate()
    assert rotation.done(log.ring, one)
    assert (folder_of(log.places.log, 2) / "bridge-1").exists()
    log.sound()


def test_rotations_are_copied_outside_as_soon_as_that_folder_is_back(log):
    outside, gone = log.places.outside, log.places.outside.with_name("gone")
    outside.rename(gone)
    outside.write_bytes(b"no folder")
    log.rotate()
    outside.unlink()
    gone.rename(outside)
    log.grow()
    (copy,) = outside.glob("*.rotations")
    assert copy.read_bytes() == (log.places.log / "rotations").read_bytes()


def test_a_forged_line_of_the_file_of_rotations_moves_nobody(log):
    thief = signer_of(bytes(32))
    _, after, signature = handover.make(ORIGIN, thief, public_of(thief))
    real = checkpoint.verifier_key(ORIGIN, log.public)
    forged = Handover(1, 1, real, after, signature)
    (log.places.outside / "00000000.rotations").write_text(forged.line + "nonsense\n")
    log.grow()
    assert rotation.chain(log.places, ORIGIN, log.public) == Chain((log.public,))


class TestChain:
    """Which keys follow from each other, and who signs at which size."""

    KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 5)]
    RAW = [public_of(key) for key in KEYS]

    def one(self, old, new, index, generation=1, origin=ORIGIN):
        made = handover.make(origin, self.KEYS[old], self.RAW[new])
        return Handover(generation, index, *made)

    def test_each_size_has_its_key(self):
        chain = handover.chain(NAME, self.RAW[1], [self.one(0, 1, 5), self.one(1, 2, 7, 2)])
        wanted = {(1, 0): 0, (1, 5): 0, (1, 6): 1, (1, 99): 1, (2, 7): 1, (2, 8): 2, (3, 1): 2}
        for place, number in wanted.items():
            assert chain.at(*place) == self.RAW[number]

    def test_what_is_known_from_elsewhere_continues_it(self):
        known = [self.one(1, 2, 9), self.one(3, 0, 2, origin="other.example/log/1")]
        chain = handover.chain(NAME, self.RAW[0], [self.one(0, 1, 5)], known)
        assert chain.keys == tuple(self.RAW[:3])

    @pytest.mark.parametrize(
        "recorded",
        [
            [(0, 1, 5), (2, 3, 7)],  # does not begin where the one before ended
            [(0, 1, 5), (1, 0, 7)],  # back to a key that was put aside
            [(0, 1, 7), (1, 2, 5)],  # not in the log's order
            [(0, 1, 5), (1, 2, 5)],  # two at one place
        ],
    )
    def test_rotations_that_do_not_follow_are_refused(self, recorded):
        with pytest.raises(HandoverInvalid):
            handover.chain(NAME, self.RAW[0], [self.one(*one) for one in recorded])

    def test_two_rotations_of_one_key_are_a_fork(self):
        with pytest.raises(HandoverInvalid, match="stolen"):
            handover.chain(NAME, self.RAW[0], [self.one(0, 1, 5)], [self.one(0, 2, 5)])

    def test_a_rotation_of_another_log_is_refused(self):
        other = self.one(0, 1, 5, origin="other.example/log/1")
        with pytest.raises(HandoverInvalid, match="another log"):
            handover.chain(NAME, self.RAW[0], [other])

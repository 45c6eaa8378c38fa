"""Having this log cosigned: what is asked when, and what is kept."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from compliance.audit import checkpoint, conflicts, cosignature, cosigned
from compliance.audit.asker import Reply
from compliance.audit.verify import verify_log
from compliance.audit.witness import Witness as Role
from compliance.models import Cosignature, LogHead, Witness, WitnessPolicy
from tests.compliance.audit.organisation import ORIGIN, PUBLIC, Organisation, mine

pytestmark = pytest.mark.database


@pytest.fixture
def ours(database, tmp_path):
    return Organisation(database, tmp_path / "log")


def newest():
    return next(cosigned.notes(LogHead.objects.get().generation))


def key_of(witness):
    return cosignature.parse_verifier_key(witness.verifier_key)


def test_a_checkpoint_is_cosigned_kept_and_served_with_its_cosignature(ours):
    witness = ours.enrol()
    ours.grow(10)
    ours.look()
    state, note = newest()
    assert state == mine((ours.folder / "checkpoint").read_bytes())
    assert cosignature.cosigned(note, *key_of(witness)) is not None
    assert (ours.folder / "cosigned").read_bytes() == note
    witness.refresh_from_db()
    assert (witness.size, witness.error) == (state.size, "")
    assert witness.cosigned is not None


def test_two_witnesses_stand_under_one_checkpoint(ours):
    witnesses = [ours.enrol(at) for at in range(2)]
    ours.grow(5)
    ours.look()
    # the second is told what the first saw: they share a row here
    ours.pass_time()
    ours.look()
    _, note = newest()
    for witness in witnesses:
        assert cosignature.cosigned(note, *key_of(witness)) is not None
    assert mine(note).size == 5


def test_a_witness_is_asked_at_most_once_in_an_interval_and_only_for_news(ours):
    witness = ours.enrol()
    ours.grow()
    assert ours.look()
    ours.grow()
    assert not ours.look()
    ours.pass_time()
    assert ours.look()
    ours.pass_time()
    assert not ours.look(), "there was no news"
    ours.grow()
    assert ours.look()
    ours.grow()
    assert not ours.look()
    Witness.objects.update(wanted=dt.datetime.now(dt.UTC))
    assert ours.look(), "an officer wanted it at once"
    witness.refresh_from_db()
    assert (witness.size, witness.wanted) == (LogHead.objects.get().size, None)


def test_who_is_not_active_or_has_no_address_is_not_asked(ours):
    ours.enrol(0, active=False)
    ours.enrol(1, address="")
    ours.grow()
    assert not ours.look()


def test_a_witness_that_is_away_says_so_and_is_asked_again(ours):
    witness = ours.enrol()
    ours.grow()

    def away(_method):
        raise ConnectionRefusedError(111, "Connection refused")

    ours.answer = away
    ours.look()
    witness.refresh_from_db()
    assert "does not answer: Connection refused" in witness.error
    ours.answer = None
    ours.pass_time()
    ours.look()
    witness.refresh_from_db()
    assert (witness.error, witness.size) == ("", 1)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(404, "text/plain", b""), "does not know this log"),
        (Reply(403, "text/plain", b""), "does not know the key"),
        (Reply(500, "text/plain", b""), "answered 500"),
        (Reply(409, "text/plain", b"7\n"), "does not say which size"),
        (Reply(409, "text/x.tlog.size", b"seven\n"), "does not say which size"),
        (Reply(409, "text/x.tlog.size", b"9999999999999999999\n"), "does not say which size"),
        (Reply(200, "text/plain", b""), "holds no cosignature"),
        (Reply(200, "text/plain", b"\xff\xfe not a line\n"), "holds no cosignature"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_nothing_else(ours, reply, words):
    witness = ours.enrol()
    ours.grow(3)
    ours.answer = lambda _method: reply
    ours.look()
    witness.refresh_from_db()
    assert words in witness.error
    assert not Cosignature.objects.exists()
    assert not conflicts.standing(1)


def test_a_false_cosignature_is_not_kept(ours):
    witness = ours.enrol()
    ours.grow(3)
    thief = Role(witness.name, b"t" * 32)
    text = mine((ours.folder / "checkpoint").read_bytes()).text()
    line = cosignature.cosign(text, witness.name, thief._key, 1)
    ours.answer = lambda _method: Reply(200, "text/plain", line.encode())
    ours.look()
    ours.answer = None
    assert not Cosignature.objects.exists()


@pytest.mark.parametrize("moment", [2**63 - 1, 1_790_000_000_000])
def test_a_cosignature_of_no_time_is_not_kept_and_the_others_are_asked(ours, moment):
    odd, other = ours.enrol(1), ours.enrol(0)
    ours.grow(3)
    text = mine((ours.folder / "checkpoint").read_bytes()).text()
    line = cosignature.cosign(text, odd.name, ours.roles[odd.address]._key, moment)
    first = iter([Reply(200, "text/plain", line.encode())])

    def answer(_method):
        ours.answer = None
        return next(first)

    ours.answer = answer
    ours.look()
    odd.refresh_from_db()
    assert f"has the time {moment}" in odd.error
    assert [one.witness for one in Cosignature.objects.all()] == [other]


def test_the_asking_goes_on_after_whatever_happened(ours, monkeypatch, caplog):
    monkeypatch.setattr("compliance.audit.asker.LOOK", 0.001)
    ours.enrol()
    ours.grow(3)
    stop = threading.Event()
    times = []

    def answer(_method):
        times.append(1)
        if len(times) > 1:
            stop.set()
            raise ConnectionRefusedError
        ours.pass_time()
        raise RecursionError("secret words")

    ours.answer = answer
    ours.asker.run(stop)
    assert len(times) == 2
    assert "RecursionError" in caplog.text
    assert "secret words" not in caplog.text


def test_a_witness_that_has_seen_the_log_before_is_followed(ours):
    ours.enrol()
    ours.grow(5)
    ours.look()
    Witness.objects.update(size=0, asked=None)
    ours.grow(5)
    ours.look()
    assert Witness.objects.get().size == 10


def test_the_check_of_the_log_holds_it_against_what_was_cosigned(ours):
    witness = ours.enrol()
    ours.grow(10)
    ours.look()
    policy = f"witness w1 {witness.verifier_key}\nquorum w1\n"
    WitnessPolicy.objects.create(text=policy, actor="test", time=dt.datetime.now(dt.UTC))
    report = verify_log(ours.folder, PUBLIC)
    assert report.ok, report.words
    assert "The first 10 entries: Witnessed by w1, as the policy demands." in report.notes
    kept = Cosignature.objects.get()
    other = checkpoint.Checkpoint(ORIGIN, 10, bytes(32))
    Cosignature.objects.update(note=checkpoint.sign(other, ours.key).decode())
    report = verify_log(ours.folder, PUBLIC)
    assert any("the log has forked" in problem for problem in report.problems)
    assert any("NOT witnessed by w1" in problem for problem in report.problems)
    Cosignature.objects.update(note=kept.note, size=10)
    Witness.objects.update(active=False)
    report = verify_log(ours.folder, PUBLIC)
    assert any("NOT witnessed by w1" in problem for problem in report.problems)

"""What a witness knows that this log does not: it stops the notary if it is proven."""

from __future__ import annotations

import threading

import pytest

from compliance.audit import checkpoint, conflicts, copies, generation
from compliance.audit.asker import Reply
from compliance.audit.copies import Places
from compliance.audit.handover import Chain
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.verify import verify_log
from compliance.models import Alarm, Event, LogHead
from tests.compliance.audit.organisation import KEY, ORIGIN, PUBLIC, Organisation, detail_of
from tests.compliance.audit.restoring import Copies

pytestmark = pytest.mark.database


@pytest.fixture
def ours(database, tmp_path):
    return Organisation(database, tmp_path / "log")


@pytest.fixture
def before(ours):
    copies = Copies(ours.database, ours.folder)
    yield copies
    copies.drop()


def rolled_back(ours, before, then):
    """The log as it was at 10 entries, grown by `then`; its witness remembers 20."""
    ours.enrol()
    ours.grow(10)
    ours.look()
    number = before.take()
    ours.grow(10)
    ours.pass_time()
    ours.look()
    assert ours.remembered["size"] == 20
    known = ours.remembered
    before.put_back(number)
    for copy in ours.outside.glob("*.checkpoint"):
        copy.unlink()  # the whole machine was set back
    ours.remembers(known)
    ours.grow(then)
    ours.pass_time()
    ours.look()
    return known


def refuses(ours, words):
    with pytest.raises(NotaryRefuses, match=words):
        Notary(ours.folder, KEY, ORIGIN, ours.outside).integrate_once()


def test_a_log_that_was_set_back_learns_it_from_its_witness(ours, before):
    known = rolled_back(ours, before, 3)
    detail = detail_of("witness.conflict")
    assert (detail["reason"], detail["size"], detail["known"]) == ("smaller", 13, 20)
    assert detail["checkpoint"] == known["checkpoint"]
    alarm = Alarm.objects.get(kind="witness.conflict")
    assert "20 entries" in alarm.words
    (found,) = copies.known(
        Places(ours.folder.with_name("none"), ours.outside), ORIGIN, keys()
    )[-1:]
    assert found.state.size == 20
    refuses(ours, "older copy of the database")
    ours.look()
    assert ours.halted, "the notary that runs was not stopped"


def test_a_log_that_was_set_back_and_went_on_for_longer_is_a_fork(ours, before):
    rolled_back(ours, before, 30)
    detail = detail_of("witness.conflict")
    assert (detail["reason"], detail["size"], detail["known"]) == ("fork", 40, 20)
    refuses(ours, "other entries")


def test_one_that_grew_to_the_same_size_is_a_fork(ours, before):
    rolled_back(ours, before, 10)
    assert detail_of("witness.conflict")["reason"] == "fork"


def keys():
    return Chain((PUBLIC,))


@pytest.mark.parametrize("then", [3, 10, 30])
def test_after_a_conflict_the_log_goes_on_in_another_generation(ours, before, then):
    rolled_back(ours, before, then)
    places = Places(ours.folder, ours.outside)
    done = generation.resume(places, KEY, ORIGIN, actor="test", reason="A drill.")
    assert done is not None
    assert done.lost == range(10 + then, max(20, 10 + then))
    said = detail_of("log.resumed")
    assert said["witnesses"] == {"example.net/witness": 20}
    assert not conflicts.standing(LogHead.objects.get().generation)
    Notary(ours.folder, KEY, ORIGIN, ours.outside).integrate_once()


def claims(count, shown):
    """Answers of a witness that says it knows `count` entries."""
    return lambda method: (
        Reply(409, "text/x.tlog.size", b"%d\n" % count) if method == "POST" else shown
    )


@pytest.mark.parametrize("older", [False, True])
def test_a_witness_that_claims_more_without_proof_is_told_of_and_stops_nothing(ours, older):
    """What it shows, if anything, is a checkpoint that the entries here lead to."""
    witness = ours.enrol()
    ours.grow(5)
    note = (ours.folder / "checkpoint").read_bytes()
    ours.grow(3)
    ours.answer = claims(900, Reply(200 if older else 404, "text/plain", note))
    for _ in range(2):
        ours.look()
        ours.pass_time()
    detail = detail_of("witness.conflict")
    assert (detail["known"], detail["checkpoint"]) == (900, "")
    alarm = Alarm.objects.get(kind="witness.conflict")
    assert "claims that example.org/log/1 had 900 entries" in alarm.words
    assert "signed on" in alarm.words
    assert not ours.halted
    ours.grow(2)
    report = verify_log(ours.folder, PUBLIC)
    assert report.ok, report.words
    assert alarm.words in report.notes
    assert not conflicts.reach(1)
    ours.answer = None
    ours.pass_time()
    ours.look()
    witness.refresh_from_db()
    assert witness.size > 8, "it was not asked again"


def test_a_claim_that_is_proven_later_stops_the_log(ours):
    ours.enrol()
    ours.grow(5)
    ours.answer = claims(900, Reply(404, "text/plain", b""))
    ours.look()
    assert not conflicts.standing(1)
    proof = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 700, bytes(32)), ours.key)
    ours.answer = claims(900, Reply(200, "text/plain", proof))
    ours.pass_time()
    ours.look()
    assert conflicts.reach(1) == {"example.net/witness": 700}, "as many as the proof says"
    refuses(ours, "700 entries")


def test_a_conflict_is_recorded_once(ours, before):
    rolled_back(ours, before, 3)
    for _ in range(3):
        ours.pass_time()
        ours.look()
    assert Event.objects.filter(type="witness.conflict").count() == 1


def test_a_notary_that_leads_ends_when_a_witness_contradicts(ours):
    ours.grow()
    notary = Notary(ours.folder, KEY, ORIGIN, ours.outside)
    notary.halt("A witness says otherwise.")
    with pytest.raises(NotaryRefuses, match="says otherwise"):
        notary.run(threading.Event())


def test_the_check_of_the_log_says_what_a_witness_contradicts(ours, before):
    rolled_back(ours, before, 3)
    report = verify_log(ours.folder, PUBLIC)
    assert any("an older copy of the database" in problem for problem in report.problems)

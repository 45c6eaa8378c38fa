"""Having this log cosigned: what is asked when, what is kept, and what stops the notary."""

from __future__ import annotations

import datetime as dt
import json
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import F

from compliance.audit import (
    catalogue,
    checkpoint,
    conflicts,
    copies,
    cosignature,
    cosigned,
    generation,
    journal,
    submission,
)
from compliance.audit.asker import Asker, Reply
from compliance.audit.copies import Places
from compliance.audit.followed import add_rotations
from compliance.audit.handover import Chain, Handover, make
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.verify import verify_log
from compliance.audit.witness import Witness as Role
from compliance.models import (
    Alarm,
    Change,
    Cosignature,
    Event,
    LogHead,
    Witness,
    WitnessedLog,
    WitnessPolicy,
)
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies

pytestmark = pytest.mark.database

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"
ADDRESS = "http://127.0.0.1:9/witness"
SEEDS = {"example.net/witness": b"n" * 32, "example.com/witness": b"c" * 32}


def mine(note):
    return checkpoint.verify(note, checkpoint.parse(note).origin, PUBLIC)


class Organisation:
    """A log of ours, and witnesses that know it; all of them in one database."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.outside = folder.with_name("outside")
        self.halted: list[str] = []
        self.key = Ed25519PrivateKey.from_private_bytes(KEY)
        self.calls = []
        self.roles = {
            f"{ADDRESS}/{at}": Role(name, seed) for at, (name, seed) in enumerate(SEEDS.items())
        }
        self.answer = None  # in place of the witness's
        WitnessedLog.objects.create(
            origin=ORIGIN,
            verifier_keys=checkpoint.verifier_key(ORIGIN, PUBLIC),
            told=dt.datetime.now(dt.UTC)
            - dt.timedelta(minutes=1),  # so that its events are not in this log
        )
        self.asker = Asker(folder, mine, self.call, 60, self.outside, self.halted.append)

    def enrol(self, at=0, **more):
        address, role = list(self.roles.items())[at]
        return Witness.objects.create(
            name=role.name,
            verifier_key=role.verifier_key,
            **({"address": address} | more),
        )

    def call(self, method, url, body):
        self.calls.append((method, url))
        if self.answer is not None:
            return self.answer(method)
        address, _, path = url.removeprefix(ADDRESS).lstrip("/").partition("/")
        role = self.roles[f"{ADDRESS}/{address}"]
        if path == "add-rotations":
            found = add_rotations(body)
        elif method == "POST":
            assert path == "add-checkpoint"
            found = role.add_checkpoint(body)
        else:
            found = role.last(path.removesuffix("/checkpoint"))
        return Reply(found.status, found.kind, found.body)

    def grow(self, count=1):
        with transaction.atomic():
            journal.record("console", [event("a.step") for _ in range(count)])
        notary = Notary(self.folder, KEY, ORIGIN, self.outside)
        while notary.integrate_once():
            pass

    def pass_time(self, seconds=61):
        earlier = F("asked") - dt.timedelta(seconds=seconds)
        Witness.objects.exclude(asked=None).update(asked=earlier)

    def look(self):
        self.calls.clear()
        self.asker.look()
        return self.calls

    @property
    def remembered(self):
        """What a witness elsewhere still knows after a restore here."""
        return WitnessedLog.objects.values("size", "root", "checkpoint").get()

    def remembers(self, known):
        WitnessedLog.objects.update(**known)


@pytest.fixture
def ours(database, tmp_path):
    return Organisation(database, tmp_path / "log")


@pytest.fixture
def before(ours):
    copies = Copies(ours.database, ours.folder)
    yield copies
    copies.drop()


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


def detail_of(kind):
    event = Event.objects.get(type=kind)
    detail = json.loads(bytes(event.detail or b""))
    assert not catalogue.unknown(kind, detail)
    return detail


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


def test_the_check_of_the_log_says_what_a_witness_contradicts(ours, before):
    rolled_back(ours, before, 3)
    report = verify_log(ours.folder, PUBLIC)
    assert any("an older copy of the database" in problem for problem in report.problems)


def rotations(old, new, signer=None):
    """The file with one handover, as the notary writes it."""
    before, after, signature = make(ORIGIN, signer or old, new.public_key().public_bytes_raw())
    if signer is not None:
        before = checkpoint.verifier_key(ORIGIN, old.public_key().public_bytes_raw())
    return Handover(1, 3, before, after, signature).line


def test_a_witness_follows_a_log_whose_key_was_rotated(ours):
    witness = ours.enrol()
    ours.grow(5)
    ours.look()
    new = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    state = mine((ours.folder / "checkpoint").read_bytes())
    ours.grow(1)
    grown = mine((ours.folder / "checkpoint").read_bytes())
    (ours.folder / "checkpoint").write_bytes(checkpoint.sign(grown, new))
    public = new.public_key().public_bytes_raw()
    ours.asker._mine = lambda note: checkpoint.verify(note, ORIGIN, public)
    ours.pass_time()
    ours.look()
    witness.refresh_from_db()
    assert "does not know the key" in witness.error
    thief = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
    for signer, follows in ((thief, False), (None, True)):
        (ours.folder / "rotations").write_text(rotations(ours.key, new, signer))
        ours.pass_time()
        ours.look()
        witness.refresh_from_db()
        assert (witness.size == grown.size) is follows
        assert (witness.size == state.size) is not follows
    assert detail_of("witnessed_log.key_followed")["log"] == ORIGIN
    assert heeded() == [checkpoint.verifier_key(ORIGIN, public)]
    left = Change.objects.filter(table="compliance_witnessedlog", verb="UPDATE")
    assert not left.exists(), "a change that no event speaks of"


def heeded():
    return WitnessedLog.objects.get().verifier_keys.split()


def shows(*handovers):
    return add_rotations("".join(handovers).encode()).status


def test_a_key_that_was_put_aside_speaks_for_a_log_no_more(ours):
    second, third, thief = (
        Ed25519PrivateKey.from_private_bytes(one * 32) for one in (b"2", b"3", b"t")
    )
    lines = [
        checkpoint.verifier_key(ORIGIN, one.public_key().public_bytes_raw())
        for one in (second, third)
    ]
    first = rotations(ours.key, second)
    assert shows(first) == 200
    assert heeded() == lines[:1]
    role = next(iter(ours.roles.values()))
    stolen = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 1, bytes(32)), ours.key)
    assert role.add_checkpoint(submission.body(0, [], stolen)).status == 403
    assert shows(rotations(ours.key, thief)) == 403, "the thief of the old key names one of his"
    assert heeded() == lines[:1]
    both = (first, rotations(second, third))
    assert [shows(*both) for _ in range(3)] == [200] * 3
    assert shows(first) == 403, "that leads to no key that counts"
    assert heeded() == lines[1:]
    assert Event.objects.filter(type="witnessed_log.key_followed").count() == 2


def test_a_witness_that_was_given_both_keys_drops_the_one_that_is_put_aside(ours):
    second = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    line = checkpoint.verifier_key(ORIGIN, second.public_key().public_bytes_raw())
    WitnessedLog.objects.update(
        verifier_keys=f"{checkpoint.verifier_key(ORIGIN, PUBLIC)}\n{line}"
    )
    assert shows(rotations(ours.key, second)) == 200
    assert heeded() == [line]
    assert detail_of("witnessed_log.key_followed")["verifier_key"] == line

"""Time stamps on checkpoints, by an authority that is real: `openssl ts`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import shutil
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from appliance.calling import Calls
from appliance.management.commands import notary as command
from appliance.services.programs import PASSAGES
from compliance.audit import checkpoint, journal, stamp, stamp_files, stamps
from compliance.audit.authority import StampInvalid, trusted
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.files import LogFolder
from compliance.audit.keys import create_key, read_key
from compliance.audit.notary import Notary
from compliance.audit.ring import ring_of
from compliance.audit.stamper import Stamper
from tests.compliance.audit.commands import audit
from tests.compliance.audit.events import event
from tests.services.timestamps import Authority, Door
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is the authority")

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "domicile.local/log/1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "house")


@pytest.fixture(scope="module")
def anchors(authority):
    return trusted(authority.certificate)


@pytest.fixture
def changed(authority):
    """Another certificate for the same authority, for one test."""
    yield authority.certify
    authority.certify()


def mine(note):
    return checkpoint.verify(note, ORIGIN, PUBLIC)


def asked(data=b"what is stamped"):
    return stamp.query(hashlib.sha256(data).digest())


def test_the_stamp_that_openssl_gives_is_believed_by_its_issuer_or_by_itself(
    authority, anchors
):
    query = asked()
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    reply = authority.reply(query)
    found = stamp.checked(reply, query, anchors)
    assert before <= found.time <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    assert found.authority == "CN=House time,O=House"
    assert stamp.checked(reply, query, trusted(authority.folder / "tsa.pem")) == found
    assert stamp.read(reply) == found


def test_openssl_reads_our_question_as_we_mean_it(authority):
    path = authority.folder / "ours.tsq"
    path.write_bytes(asked(b"abc"))
    words = subprocess.run(
        ["openssl", "ts", "-query", "-in", path, "-text"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Hash Algorithm: sha256" in words
    assert "Certificate required: yes" in words
    assert f"{stamp.asked_of(path.read_bytes())[1]:X}" in words


def test_an_answer_to_another_question_is_refused(authority, anchors):
    reply = authority.reply(asked())
    with pytest.raises(StampInvalid, match="nonce"):
        stamp.checked(reply, asked(), anchors)
    with pytest.raises(StampInvalid, match="other bytes"):
        stamp.checked(reply, asked(b"something else"), anchors)


def test_a_refusal_is_no_stamp(authority, anchors):
    with pytest.raises(StampInvalid, match="its answer is rejection"):
        stamp.checked(authority.reply(b"garbage"), asked(), anchors)


def test_a_certificate_for_another_purpose_stamps_nothing(authority, anchors, changed):
    query = asked()
    reply = authority.reply(query)
    assert stamp.checked(authority.insists(reply), query, anchors)
    for purpose in ("timeStamping", "critical,timeStamping,codeSigning", ""):
        changed(purpose)
        with pytest.raises(StampInvalid, match="not one for time stamping alone"):
            stamp.checked(authority.insists(reply), query, anchors)


def test_a_certificate_whose_time_is_over_stamps_nothing(authority, anchors, changed):
    changed(days=-1)
    query = asked()
    reply = authority.reply(query)
    with pytest.raises(StampInvalid, match="is valid from"):
        stamp.checked(reply, query, anchors)


def test_an_authority_that_nobody_named_is_refused(authority, tmp_path):
    query = asked()
    stranger = Authority(tmp_path / "stranger")
    with pytest.raises(StampInvalid, match="not in DOMICILE_TSA_CERTIFICATE"):
        stamp.checked(authority.reply(query), query, trusted(stranger.certificate))


def test_a_time_that_was_changed_later_is_refused_and_so_is_another_signature(
    authority, anchors
):
    query = asked()
    reply = authority.reply(query)
    found = stamp.checked(reply, query, anchors)
    moment, later = (
        f"{time:%Y%m%d%H%M%SZ}".encode()
        for time in (found.time, found.time + dt.timedelta(hours=1))
    )
    assert reply.count(moment) == 1
    with pytest.raises(StampInvalid, match="changed after it was signed"):
        stamp.checked(reply.replace(moment, later), query, anchors)
    with pytest.raises(StampInvalid, match="signature of the time stamp is false"):
        stamp.checked(reply[:-1] + bytes([reply[-1] ^ 1]), query, anchors)


def test_of_all_changes_of_one_bit_none_moves_what_is_signed(authority, anchors):
    """What is believed in spite of a change says the same: only unsigned numbers took it."""
    query = asked()
    reply = authority.reply(query)
    found = stamp.checked(reply, query, anchors)
    believed = 0
    for at in range(len(reply)):
        mutant = bytearray(reply)
        mutant[at] ^= 1 << at % 8
        try:
            assert stamp.checked(bytes(mutant), query, anchors) == found
            believed += 1
        except StampInvalid:
            pass
    assert believed < len(reply) // 10
    for cut in (b"", reply[:-1], reply + b"\0", b"garbage", reply * 80):
        with pytest.raises(StampInvalid):
            stamp.checked(cut, query, anchors)


@pytest.fixture
def log(database, tmp_path):
    folder = tmp_path / "data" / "log"

    class Log:
        def __init__(self):
            self.files, self.folder = LogFolder(folder), folder

        def grow(self, count=1, key=KEY):
            with transaction.atomic():
                journal.record("console", [event("a.step") for _ in range(count)])
            Notary(folder, key, ORIGIN).integrate_once()
            return self

    return Log().grow(3)


@pytest.fixture
def door(authority, monkeypatch):
    monkeypatch.setattr("appliance.calling.PATIENCE", PATIENCE)  # openssl may be slow to start
    with Door(lambda query: (200, authority.reply(query))) as found:
        yield found


@pytest.fixture
def stamper(log, door, authority):
    kind = "application/timestamp-query"
    call = Calls((), None, PATIENCE, only=(door.address,), kind=kind)
    return Stamper(log.folder, mine, call, door.address, authority.certificate)


def test_the_newest_checkpoint_is_stamped_once_a_day(log, stamper, door, anchors):
    assert stamper.look()
    assert door.asked == [("application/timestamp-query", "/tsa")]
    assert stamp_files.sizes(log.files) == [3]
    note = log.files.read("timestamps/3.checkpoint")
    assert note == log.files.read("checkpoint")
    found = stamps.checked(log.files, *stamps.kept(log.files, 3), mine, anchors)
    assert found.authority.startswith("CN=House time")
    log.grow()
    assert not stamper.look()
    assert len(door.asked) == 1


def test_the_day_after_and_where_a_stamp_was_damaged_another_is_asked(
    log, stamper, monkeypatch
):
    assert stamper.look()
    log.grow()
    monkeypatch.setattr("compliance.audit.stamper.INTERVAL", dt.timedelta(0))
    assert stamper.look()
    monkeypatch.undo()
    log.grow()
    assert not stamper.look()
    (log.folder / "timestamps" / "4.tsr").write_bytes(b"damaged")
    assert stamper.look()
    assert stamp_files.sizes(log.files) == [3, 4, 5]


def test_a_checkpoint_of_another_key_is_stamped_at_once(log, stamper, monkeypatch):
    assert stamper.look()
    log.grow()
    other = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    note = log.files.read("checkpoint")
    both = checkpoint.sign(
        checkpoint.parse(note), Ed25519PrivateKey.from_private_bytes(KEY), other
    )
    log.files.replace("checkpoint", both)
    assert stamper.look()


def test_a_checkpoint_that_is_not_this_logs_is_not_kept_as_stamped(log, stamper):
    state = checkpoint.parse(log.files.read("checkpoint"))
    other = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    log.files.replace("checkpoint", checkpoint.sign(state, other))
    with pytest.raises(CheckpointInvalid):
        stamper.look()
    assert not stamp_files.sizes(log.files)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: (200, b"garbage"), "not one of RFC 3161"),
        (lambda _: (200, b""), "not one of RFC 3161"),
        (lambda _: (302, b""), "answered 302"),
        (lambda _: (500, b"x" * 1000), "answered 500"),
        (lambda _: (200, b"x" * 1_000_000), "longer than any"),
    ],
)
def test_an_authority_that_answers_with_something_else_costs_its_stamp_alone(
    log, stamper, door, answer, said
):
    well, door.answer = door.answer, answer
    with pytest.raises((StampInvalid, OSError), match=said):
        stamper.look()
    assert len(door.asked) == 1, "a redirection is not followed"
    assert not stamp_files.sizes(log.files)
    door.answer = well
    log.grow()
    assert stamper.look()


def test_an_authority_that_never_answers_is_left_at_a_deadline(log, door, authority):
    gone = threading.Event()
    door.answer = lambda _: (200 if gone.wait(60) else 500, b"")
    call = Calls((), None, 0.3, only=(door.address,))
    stamper = Stamper(log.folder, mine, call, door.address, authority.certificate)
    try:
        with pytest.raises(OSError, match=r"in full after 0\.3 seconds"):
            stamper.look()
    finally:
        gone.set()


def test_the_thread_goes_on_after_a_failure_and_ends_when_told(
    log, stamper, door, caplog, monkeypatch
):
    monkeypatch.setattr("compliance.audit.stamper.LOOK", 0.0)
    stop = threading.Event()

    def answer(_query):
        stop.set()
        return 200, b"garbage"

    door.answer = answer
    stamper.run(_After(stop))
    assert "No time stamp from" in caplog.text
    assert "RFC 3161" in caplog.text


class _After(threading.Event):
    """Set once the authority was asked."""

    def __init__(self, asked):
        super().__init__()
        self._asked = asked

    def wait(self, timeout=None):  # noqa: ARG002 - as that of an event
        return self._asked.is_set()


def test_a_stamp_before_the_newest_entry_or_in_the_future_is_refused(log, authority, anchors):
    note = log.files.read("checkpoint")
    asked = stamps.question(log.files, note or b"", 3)
    reply = authority.reply(asked.query)
    ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)
    with pytest.raises(StampInvalid, match="in the future"):
        stamps.keep(log.files, asked, reply, mine, anchors, ago)
    assert not stamp_files.sizes(log.files)


def test_a_clock_that_runs_ahead_shows_in_the_stamp(database, tmp_path, authority, anchors):
    folder = tmp_path / "log"
    ahead = dataclasses.replace(event("a.step"), time=event("a.step").time + 3_600_000_000)
    with transaction.atomic():
        journal.record("console", [ahead])
    Notary(folder, KEY, ORIGIN).integrate_once()
    files = LogFolder(folder)
    asked = stamps.question(files, files.read("checkpoint") or b"", 1)
    with pytest.raises(StampInvalid, match="covers an entry of"):
        stamps.keep(files, asked, authority.reply(asked.query), mine, anchors)


def copied(folder, size):
    """A stamp's files under the name of another size, as somebody who writes there could."""
    (old,) = stamp_files.sizes(folder)
    for kind in ("checkpoint", "tsq", "tsr"):
        shutil.copy(
            folder.root / stamp_files.path_of(old, kind),
            folder.root / stamp_files.path_of(size, kind),
        )


def test_a_stamp_under_the_name_of_another_size_is_refused(log, stamper, anchors):
    assert stamper.look()
    reply = stamps.kept(log.files, 3)[1]
    copied(log.files, 9000)
    with pytest.raises(StampInvalid, match=r"9000\.checkpoint holds a checkpoint of 3 entries"):
        stamps.checked(log.files, *stamps.kept(log.files, 9000), mine, anchors)
    with pytest.raises(StampInvalid, match="holds a checkpoint of 3 entries"):
        stamps.question(log.files, log.files.read("checkpoint") or b"", 9000)
    assert stamps.answered(log.files, reply).size == 3
    log.grow()
    assert not stamper.look(), "the name of a size that nobody signed is no reason to ask"


def test_the_newest_stamp_that_is_asked_for_is_not_believed_under_a_greater_name(
    desk, authority, tmp_path
):
    query, answer = tmp_path / "out.tsq", tmp_path / "in.tsr"
    audit("stamp", "request", query)
    answer.write_bytes(authority.reply(query.read_bytes()))
    assert audit("stamp", "add", answer)[0] == 0
    copied(LogFolder(tmp_path / "data" / "log"), 9000)
    code, words = audit("stamp", "show")
    assert (code, "holds a checkpoint of 1 entries" in words) == (1, True)


def test_evidence_gets_the_first_stamp_that_covers_its_range_else_the_newest(tmp_path):
    folder = LogFolder(tmp_path)
    (tmp_path / "timestamps").mkdir()
    assert stamp_files.telling(folder, 5, 9) == []
    for size in (3, 7, 12):
        (tmp_path / "timestamps" / f"{size}.tsr").touch()
    (tmp_path / "timestamps" / "0x5.tsr").touch()
    found = [stamp_files.telling(folder, *ask) for ask in ((2, 12), (5, 12), (8, 11), (1, 2))]
    assert found == [[3, 7, 12], [7, 12, 3], [7, 3], []]


@pytest.fixture
def desk(database, settings, tmp_path, authority):
    data = tmp_path / "data"
    settings.DOMICILE = dataclasses.replace(
        settings.DOMICILE,
        data=data,
        checkpoints=tmp_path / "outside",
        tsa_certificate=str(authority.certificate),
    )
    create_key(data / "keys" / "log.ed25519")

    def grow():
        with transaction.atomic():
            journal.record("console", [event("a.step")])
        key = read_key(data / "keys" / "log.ed25519")
        Notary(data / "log", key, ORIGIN, tmp_path / "outside").integrate_once()

    grow()
    return grow


def test_a_stamp_is_asked_for_and_added_by_file(desk, authority, tmp_path, settings):
    assert audit("stamp", "show")[0] == 2
    query, answer = tmp_path / "out.tsq", tmp_path / "in.tsr"
    code, words = audit("stamp", "request", query)
    assert code == 0, words
    desk()  # the log goes on while the file is on its way
    again = tmp_path / "again.tsq"
    assert audit("stamp", "request", again)[0] == 0
    assert again.read_bytes() != query.read_bytes()
    answer.write_bytes(authority.reply(query.read_bytes()))
    code, words = audit("stamp", "add", answer)
    assert code == 0, words
    assert "entries    1\n" in words
    code, words = audit("stamp", "show")
    assert (code, "CN=House time" in words) == (0, True)
    assert audit("stamp", "add", answer)[0] == 0, "the same again changes nothing"
    other = tmp_path / "other.tsr"
    other.write_bytes(authority.reply(query.read_bytes()))
    code, words = audit("stamp", "add", other)
    assert (code, "already" in words) == (1, True)
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, tsa_certificate="")
    code, words = audit("stamp", "show")
    assert (code, "DOMICILE_TSA_CERTIFICATE" in words) == (1, True)


def test_an_answer_that_was_not_asked_for_is_not_kept(desk, authority, tmp_path):
    answer = tmp_path / "in.tsr"
    for reply in (authority.reply(asked()), b"garbage"):
        answer.write_bytes(reply)
        assert audit("stamp", "add", answer)[0] == 1
    assert audit("stamp", "show")[0] == 2


def test_the_line_in_the_documents_is_what_openssl_takes(desk, authority, tmp_path):
    """docs/regulator.md: what a stranger runs."""
    query, answer = tmp_path / "out.tsq", tmp_path / "in.tsr"
    audit("stamp", "request", query)
    answer.write_bytes(authority.reply(query.read_bytes()))
    assert audit("stamp", "add", answer)[0] == 0
    folder = tmp_path / "data" / "log" / "timestamps"
    line = "openssl ts -verify -data {0}.checkpoint -in {0}.tsr -CAfile authority.pem"
    shutil.copy(authority.certificate, folder / "authority.pem")
    verified = subprocess.run(
        line.format(1).split(), cwd=folder, capture_output=True, text=True, check=False
    )
    assert "Verification: OK" in verified.stdout + verified.stderr
    folder.joinpath("1.checkpoint").write_bytes(b"other")
    changed = subprocess.run(line.format(1).split(), cwd=folder, check=False)
    assert changed.returncode


def test_the_notary_asks_the_authority_that_is_named_and_no_other(
    desk, door, settings, tmp_path, monkeypatch
):
    monkeypatch.delenv(PASSAGES, raising=False)
    ring = ring_of(settings.DOMICILE)
    leads = Notary(tmp_path / "data" / "log", ring, ORIGIN, tmp_path / "outside")
    assert [name for name, _ in command.beside(ring, leads)] == ["witnesses"]
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, tsa=door.address)
    runs = dict(command.beside(ring, leads))
    stamper = runs["time stamps"].__self__  # type: ignore[attr-defined]
    assert stamper.look()
    assert door.asked == [("application/timestamp-query", "/tsa")]
    assert audit("stamp", "show")[0] == 0
    with pytest.raises(PermissionError):
        stamper._call("POST", f"{door.address}/elsewhere", b"")


def test_the_notary_has_no_checkpoint_of_another_generation_stamped(
    desk, door, settings, tmp_path
):
    log = tmp_path / "data" / "log"
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, tsa=door.address)
    ring = ring_of(settings.DOMICILE)
    leads = Notary(log, ring, ORIGIN, tmp_path / "outside")
    stamper = dict(command.beside(ring, leads))["time stamps"].__self__  # type: ignore[attr-defined]
    key = Ed25519PrivateKey.from_private_bytes(read_key(tmp_path / "data/keys/log.ed25519"))
    state = checkpoint.parse((log / "checkpoint").read_bytes())
    other = dataclasses.replace(state, origin=checkpoint.in_generation(ORIGIN, 2))
    LogFolder(log).replace("checkpoint", checkpoint.sign(other, key))
    with pytest.raises(CheckpointInvalid, match="not of"):
        stamper.look()
    assert not stamp_files.sizes(LogFolder(log))

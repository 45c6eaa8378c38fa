"""Packs of a log that began again after a restore, and of one that witnesses cosign."""

import json

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint, cosigned, generation, ledger
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.copies import Places
from compliance.audit.entry import commitment
from compliance.audit.notary import Notary
from compliance.audit.writer import Writer
from compliance.evidence import packs
from compliance.evidence.bundle import Scope, export
from compliance.evidence.packs import answers, covered
from compliance.evidence.packs.law import laws
from compliance.models import Event, Generation
from tests.compliance.audit.restoring import Copies
from tests.compliance.evidence.filling import CASE, ORIGIN, PERSON, fields, pdf_text, yesterday
from tests.compliance.evidence.packing import KEY, check
from tests.compliance.evidence.test_packs import tamper
from tests.compliance.evidence.test_witnessed import cosign, demand
from tests.services.waiting import PATIENCE

stored = pytest.mark.database  # what is read from the database, and how; the rest is words


@pytest.fixture
def resumed(record, database):
    """Two requests in the first generation, an event that a restore lost, three requests."""
    places = Places(record.data / "log", record.data / "outside")

    def sign():
        notary = Notary(places.log, KEY, ORIGIN, places.outside)
        while notary.integrate_once():
            pass

    record.model()
    for _ in range(2):
        record.request(record.mail, named=(PERSON,))
    record.writer.stop()
    sign()
    older = Copies(database, places.log)
    number = older.take()
    record.told("login.failed", {"user": "lost"})
    sign()
    older.put_back(number)
    assert generation.resume(places, KEY, ORIGIN, actor="anna", reason="The disk failed.")
    record.writer = Writer("web-2", on_fenced=lambda: None, timeout=PATIENCE)
    record.writer.start()
    for _ in range(3):
        record.request(record.mail, named=(PERSON,))
    sign()
    yield record
    record.writer.stop()
    older.drop()


def row_of(number, index):
    held = next(one for one in (*ledger.ended(), ledger.current()) if one.number == number)
    (row,) = ledger.leaves(index, index + 1, held.first)
    return row


def judged(path, kept):
    """What the offline verifier says of sound evidence that a pack's checkpoint goes with."""
    sound, words = check(path, None, kept)
    assert sound, words
    return words


@stored
def test_every_pack_counts_what_was_before_a_restore_and_names_its_generation(resumed, build):
    for name in laws():
        if laws()[name].window == "typed":
            typed = {"began": yesterday().isoformat(), "applications": "mail"}
            answers.answer(laws()[name], typed, CASE, actor="olga")
        said, files = build(name)
        jsonschema.validate(said, json.loads(files["pack.schema.json"]))
        whole = {one["generation"]: one for one in said["log"]["generations"]}
        assert [one["origin"] for one in whole.values()] == [ORIGIN, "example.org/log/2"]
        assert "Generation 1 of this log ended" in said["log"]["notes"][0]
        assert all(
            files[f"log/{n}/checkpoint"].decode() == whole[n]["checkpoint"] for n in whole
        )
        cited = set()
        for one in (one for part in said["sections"] for one in part["fields"]):
            for number, begin, end in one["entries"]:
                assert 0 <= begin < end <= whole[number]["size"]
                for row in (row_of(number, index) for index in range(begin, end)):
                    committed = json.loads(row.entry)["detail"]
                    assert commitment(row.detail_key or b"", row.detail or b"") == committed
                cited.add(number)
        assert cited == {1, 2}, name


@stored
def test_requests_of_all_generations_are_counted_and_the_restore_is_a_gap(resumed, build):
    said, files = build("ai-logs")
    found = fields(said, str(resumed.mail.pk))
    assert found["automatic"]["data"] == {"requests": 5, "ends": 5, "open": 0}
    assert found["gaps"]["data"]["events"]["log.resumed"] == 1
    text = " ".join(pdf_text(files).split())
    assert "generation 1: " in text
    assert "; generation 2: " in text
    assert fields(build("access-request")[0])["confirmation"]["data"] == {"requests": 5}


@stored
def test_a_period_before_the_restore_is_read_in_the_generation_of_then(resumed, build):
    (ended,) = Generation.objects.all()
    said, files = build("ai-logs", period=packs.Period(until=ended.ended))
    first, second = said["log"]["generations"]
    assert (first["begin"], second["begin"], second["end"]) == (0, 0, 0)
    assert fields(said, str(resumed.mail.pk))["automatic"]["data"]["requests"] == 2
    assert "--generation 1 --from 0" in files["README.txt"].decode()
    assert "--generation 2" not in files["README.txt"].decode()


def test_evidence_of_each_generation_is_held_against_the_checkpoint_of_the_pack(
    resumed, build, tmp_path
):
    said, files = build("record-of-processing")
    for one in said["log"]["generations"]:
        number = one["generation"]
        scope = Scope(str(one["begin"]), str(one["end"]), generation=number)
        path = tmp_path / f"evidence-{number}.zip"
        export(scope, path, resumed.data / "log", KEY)
        kept = files[f"log/{number}/checkpoint"]
        assert "was not compared" not in judged(path, kept)


def test_a_generation_without_a_checkpoint_is_not_counted_and_said_to_be_left_out(
    resumed, build
):
    (resumed.data / "log" / "checkpoint").unlink()
    said, files = build("ai-logs")
    assert [one["generation"] for one in said["log"]["generations"]] == [2]
    assert "no checkpoint in the log's folder covers them" in " ".join(said["log"]["notes"])
    assert "no checkpoint in the log's folder covers them" in files["README.txt"].decode()
    mail = fields(said, str(resumed.mail.pk))
    assert mail["automatic"]["data"]["requests"] == 3
    assert mail["automatic"]["origin"] == "unproven"
    assert mail["system"]["origin"] == "missing"  # its registration is not proven


@stored
def test_an_entry_of_an_ended_generation_that_was_changed_stops_every_pack(resumed, build):
    entry = bytes(Event.objects.get(pk=1).entry).replace(b'"v":1', b'"v":2')
    tamper("UPDATE compliance_event SET entry = %s WHERE id = %s", entry, 1)
    with pytest.raises(packs.PackImpossible, match="generation 1"):
        build("record-of-processing")


def test_a_pack_carries_the_policy_of_witnesses_and_what_they_cosigned(record, build, tmp_path):
    record.request(record.mail)
    record.sign()
    cosign(record.data / "log", 0, 1)
    demand("both")
    record.request(record.mail)
    record.sign()
    said, files = build("ai-logs")
    (one,) = said["log"]["generations"]
    assert one["cosigned"].count("\u2014 ") == 3
    assert files["log/1/cosigned"].decode() == one["cosigned"]
    assert files["witness-policy"].decode() == said["log"]["witness_policy"]
    assert "Witnessed by w0, w1" in said["log"]["notes"][0]
    assert fields(said, str(record.mail.pk))["automatic"]["data"]["requests"] == 2
    cosign(record.data / "log", 0)
    (one,) = build("ai-logs")[0]["log"]["generations"]
    assert one["checkpoint"].count("\u2014 ") == 2  # with the line of this very checkpoint


def test_a_pack_says_who_has_not_cosigned(filled, build):
    demand("both")
    said, files = build("ai-logs")
    (words,) = said["log"]["notes"]
    assert words.endswith("NOT witnessed by w0, w1; the policy is not met (by nobody).")
    assert "log/1/cosigned" not in files
    assert "NOT witnessed by w0, w1" in " ".join(pdf_text(files).split())


def test_what_witnesses_cosigned_of_other_entries_stops_every_pack(filled, build):
    log = filled.data / "log"
    mine = (log / "checkpoint").read_bytes()
    state = checkpoint.parse(mine)
    signer = Ed25519PrivateKey.from_private_bytes(KEY)
    other = checkpoint.sign(Checkpoint(ORIGIN, state.size, bytes(32)), signer)
    (log / "checkpoint").write_bytes(other)
    cosign(log, 0, 1)
    demand("both")
    (log / "checkpoint").write_bytes(mine)
    with pytest.raises(packs.PackImpossible, match="shown other entries"):
        build("ai-logs")


def test_a_checkpoint_signed_while_a_pack_begins_is_no_sign_of_a_loss(record, monkeypatch):
    record.sign()
    known = cosigned.witnessed

    def signed_meanwhile(number):
        record.told("login.failed", {"user": "eve"})
        record.sign()
        return known(number)

    monkeypatch.setattr(cosigned, "witnessed", signed_meanwhile)
    before = ledger.current().size
    ((one,), _) = covered.generations(record.data / "log")
    assert one.state.size == one.reach == before + 1

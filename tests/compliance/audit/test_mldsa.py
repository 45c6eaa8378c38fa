"""The log's second signature under its checkpoints, by ML-DSA-44."""

import base64
import hashlib
import json
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from django.db import transaction

from compliance.audit import checkpoint, generation, journal, mldsa, notary
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.notary import Notary
from compliance.audit.ring import One
from compliance.audit.second_key import KEY_ADDED
from compliance.audit.verify import verify_log
from compliance.evidence.verify import mldsa44_verify
from compliance.models import Event
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"
SECOND, OTHER = (mldsa.signer_of(bytes([n]) * 32) for n in (7, 8))
STATE = Checkpoint(ORIGIN, 300, bytes(range(32)))


def noted(state=STATE, key=SECOND, moment=1_800_000_000):
    return checkpoint.sign(state, Ed25519PrivateKey.from_private_bytes(KEY)) + mldsa.line(
        state, key, moment
    )


def test_the_line_is_what_the_specification_says():
    line = mldsa.line(STATE, SECOND, 1_800_000_000).decode()
    dash, name, encoded = line.rstrip("\n").split(" ")
    data, public = base64.b64decode(encoded), mldsa.public_of(SECOND)
    origin = ORIGIN.encode()
    signed = struct.pack(">12sB17sQB17sQQ32s", b"subtree/v1\n\0", 17, origin, 1_800_000_000, 17,
                         origin, 0, 300, STATE.root)  # fmt: skip
    assert (dash, name, len(data)) == ("—", ORIGIN, 4 + 8 + 2420)
    assert data[:4] == hashlib.sha256(origin + b"\n\x06" + public).digest()[:4]
    assert data[4:12] == struct.pack(">Q", 1_800_000_000)
    MLDSA44PublicKey.from_public_bytes(public).verify(data[12:], signed)
    assert mldsa44_verify(public, signed, data[12:])


def test_a_checkpoint_with_both_signatures_is_accepted_by_each_key():
    note = noted()
    assert checkpoint.verify(note, ORIGIN, PUBLIC) == STATE
    assert mldsa.signed(note, mldsa.public_of(SECOND)) == 1_800_000_000
    assert mldsa.signed(note, mldsa.public_of(OTHER)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace(b"\n300\n", b"\n301\n"),
        lambda note: note + note.splitlines(keepends=True)[-1],
        lambda note: _flip(note, 4),  # the time
        lambda note: _flip(note, 100),
        lambda note: _flip(note, 2431),
    ],
)
def test_a_changed_second_signature_is_refused(change):
    with pytest.raises(CheckpointInvalid, match="ML-DSA-44"):
        mldsa.signed(change(noted()), mldsa.public_of(SECOND))


def _flip(note, place):
    *rest, line = note.decode().splitlines(keepends=True)
    dash, name, encoded = line.rstrip("\n").split(" ")
    data = bytearray(base64.b64decode(encoded))
    data[place] ^= 1
    return f"{''.join(rest)}{dash} {name} {base64.b64encode(data).decode()}\n".encode()


def test_verifier_keys_are_read_as_they_are_written_and_no_other_way():
    line = mldsa.verifier_key(ORIGIN, mldsa.public_of(SECOND))
    assert mldsa.parse_verifier_key(line) == (ORIGIN, mldsa.public_of(SECOND))
    first = checkpoint.verifier_key(ORIGIN, PUBLIC)
    for broken in (line[:-4], line.replace("org", "net"), first, line[:-8] + "AAAAAAA="):
        with pytest.raises(CheckpointInvalid):
            mldsa.parse_verifier_key(broken)


def test_a_name_that_does_not_fit_is_refused():
    with pytest.raises(CheckpointInvalid, match="255 bytes"):
        mldsa.line(Checkpoint("ü" * 128, 1, bytes(32)), SECOND, 0)


# --- with a notary --------------------------------------------------------------------------


def integrate(folder, second=None):
    with transaction.atomic():
        journal.record("console", [event("policy.proposed")])
    leads = Notary(folder, KEY, ORIGIN, second=second)
    while leads.integrate_once():
        pass


def named():
    rows = Event.objects.filter(type=KEY_ADDED).order_by("id")
    return [json.loads(bytes(row.detail or b""))["verifier_key"] for row in rows]


def problems(folder):
    return "\n".join(verify_log(folder, PUBLIC).problems)


@pytest.mark.database
@pytest.mark.usefixtures("database")
def test_the_log_names_its_second_key_once_and_again_after_another_takes_its_place(folder):
    integrate(folder)
    assert named() == []
    assert not problems(folder)
    for key, count in ((SECOND, 1), (SECOND, 1), (OTHER, 2)):
        integrate(folder, key)
        line = mldsa.verifier_key(ORIGIN, mldsa.public_of(key))
        assert len(named()) == count
        assert named()[-1] == line
        assert (folder / "mldsa-key").read_text() == line + "\n"
        assert mldsa.signed((folder / "checkpoint").read_bytes(), mldsa.public_of(key))
        assert not problems(folder)


@pytest.mark.database
@pytest.mark.usefixtures("database")
def test_a_checkpoint_without_the_second_signature_of_the_named_key_shows(folder):
    integrate(folder, SECOND)
    path = folder / "checkpoint"
    sound = path.read_bytes()
    bare, second = sound.rsplit("—".encode(), 1)
    path.write_bytes(bare)
    assert "is not signed by the ML-DSA-44 key that the log names" in problems(folder)
    path.write_bytes(_flip(sound, 500))
    assert "is false" in problems(folder)
    state = checkpoint.parse(sound)
    path.write_bytes(bare + mldsa.line(state, OTHER, 1))
    assert "is not signed by the ML-DSA-44 key" in problems(folder)
    path.write_bytes(bare + "—".encode() + second)
    assert not problems(folder)


@pytest.mark.database
@pytest.mark.usefixtures("database")
def test_no_checkpoint_is_signed_by_a_second_key_that_its_entries_do_not_name_yet(
    folder, monkeypatch
):
    integrate(folder)
    before = (folder / "checkpoint").read_bytes()
    monkeypatch.setattr(notary, "BATCH", 2)
    with transaction.atomic():
        journal.record("console", [event("policy.proposed") for _ in range(3)])
    leads = Notary(folder, KEY, ORIGIN, second=SECOND)
    assert leads.integrate_once() == 2
    assert (folder / "checkpoint").read_bytes() == before
    assert not problems(folder)
    while leads.integrate_once():
        pass
    assert mldsa.signed((folder / "checkpoint").read_bytes(), mldsa.public_of(SECOND))
    assert not problems(folder)


@pytest.mark.database
def test_a_second_key_whose_entry_a_restore_lost_is_no_fault_of_the_log(folder, database):
    integrate(folder, SECOND)
    older = Copies(database, folder)
    try:
        number = older.take()
        integrate(folder, OTHER)
        older.put_back(number, log=False)
        generation.resume(
            Places(folder), One(KEY), ORIGIN, actor="anna", reason="Lost.", second=OTHER
        )
        integrate(folder, OTHER)
        assert not problems(folder)
    finally:
        older.drop()

"""A witness follows a log whose key is rotated, and heeds no key that was put aside."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint, submission
from compliance.audit.followed import add_rotations
from compliance.audit.handover import Handover, make
from compliance.models import Change, Event, WitnessedLog
from tests.compliance.audit.organisation import ORIGIN, PUBLIC, Organisation, detail_of, mine

pytestmark = pytest.mark.database


@pytest.fixture
def ours(database, tmp_path):
    return Organisation(database, tmp_path / "log")


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

"""Cosignatures and submissions, as C2SP tlog-cosignature and tlog-witness have them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit import checkpoint, cosignature, submission
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.submission import SubmissionInvalid

LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC = KEY.public_key().public_bytes_raw()
NAME = "example.net/witness"
STATE = Checkpoint("example.org/log/1", 7, bytes(range(32)))
NOTE = checkpoint.sign(STATE, LOG)
MOMENT = 1_790_000_000
COSIGNED = NOTE + cosignature.cosign(STATE.text(), NAME, KEY, MOMENT).encode()


def test_a_cosignature_is_made_of_the_bytes_that_the_specification_names():
    line = cosignature.cosign(STATE.text(), NAME, KEY, MOMENT)
    name, encoded = line.removeprefix("— ").rstrip("\n").split(" ")
    data = base64.b64decode(encoded)
    identifier, moment, signature = data[:4], data[4:12], data[12:]
    assert name == NAME
    assert identifier == hashlib.sha256(NAME.encode() + b"\n\x04" + PUBLIC).digest()[:4]
    assert int.from_bytes(moment, "big") == MOMENT
    signed = f"cosignature/v1\ntime {MOMENT}\n{STATE.text()}".encode()
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, signed)


def test_a_cosigned_checkpoint_says_when_and_is_still_the_logs_own():
    assert cosignature.cosigned(COSIGNED, NAME, PUBLIC) == MOMENT
    log_key = LOG.public_key().public_bytes_raw()
    assert checkpoint.verify(COSIGNED, STATE.origin, log_key) == STATE
    assert cosignature.lines_of(COSIGNED, NAME, PUBLIC) == cosignature.cosign(
        STATE.text(), NAME, KEY, MOMENT
    )


def test_who_has_not_cosigned_is_not_said_to_have():
    assert cosignature.cosigned(NOTE, NAME, PUBLIC) is None
    assert cosignature.cosigned(COSIGNED, "example.net/other", PUBLIC) is None
    assert cosignature.cosigned(COSIGNED, NAME, bytes(32)) is None
    assert not cosignature.lines_of(NOTE, NAME, PUBLIC)


@given(st.integers(0, 8 * len(COSIGNED) - 1))
def test_no_flipped_bit_of_a_cosigned_checkpoint_is_accepted(bit):
    changed = bytearray(COSIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        moment = cosignature.cosigned(bytes(changed), NAME, PUBLIC)
    except CheckpointInvalid:
        return
    line = cosignature.cosign(STATE.text(), NAME, KEY, MOMENT).encode()
    untouched = changed.startswith(STATE.text().encode()) and changed.endswith(line)
    assert moment is None or untouched


def test_two_lines_of_one_witness_are_refused():
    line = cosignature.cosign(STATE.text(), NAME, KEY, MOMENT + 1).encode()
    with pytest.raises(CheckpointInvalid, match="malformed"):
        cosignature.cosigned(COSIGNED + line, NAME, PUBLIC)


def test_a_verifier_key_comes_back_and_a_changed_one_does_not():
    line = cosignature.verifier_key(NAME, PUBLIC)
    assert cosignature.parse_verifier_key(line) == (NAME, PUBLIC)
    with pytest.raises(CheckpointInvalid, match="its id is not its own"):
        cosignature.parse_verifier_key(line.replace("net", "com"))
    log_line = checkpoint.verifier_key(NAME, PUBLIC)
    with pytest.raises(CheckpointInvalid, match="not one for cosignatures"):
        cosignature.parse_verifier_key(log_line)
    with pytest.raises(CheckpointInvalid, match="not a witness's verifier key"):
        cosignature.parse_verifier_key(line[:-8])


@given(
    st.integers(0, 2**60),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
)
def test_a_submission_comes_back_as_it_was_made(old, proof):
    found = submission.parse(submission.body(old, proof, COSIGNED))
    assert (found.old, list(found.proof), found.note) == (old, proof, COSIGNED)
    assert (found.text, found.state) == (STATE.text(), STATE)


def test_a_checkpoint_with_more_lines_is_understood_and_all_of_it_is_signed():
    text = STATE.text() + "something of the log's own\n"
    signature = checkpoint.key_id(STATE.origin, LOG.public_key().public_bytes_raw())
    signature += LOG.sign(text.encode())
    encoded = base64.b64encode(signature).decode()
    note = f"{text}\n— {STATE.origin} {encoded}\n".encode()
    found = submission.parse(submission.body(0, (), note))
    assert (found.text, found.state) == (text, STATE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old\n\n" + NOTE,
        b"old 01\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"size 0\n\n" + NOTE,
        b"old 0\nAAAA\n\n" + NOTE,
        b"old 0\n" + 64 * (base64.b64encode(bytes(32)) + b"\n") + b"\n" + NOTE,
        b"old 0\n\xff\n\n" + NOTE,
        b"old 0\n\nexample.org/log/1\n7\n",
        b"old 0\n\n" + NOTE.replace(b"\n7\n", b"\n07\n"),
        b"old 0\n\n" + NOTE + b" " * submission.BODY_MAX,
    ],
)
def test_what_is_no_submission_is_refused(body):
    with pytest.raises(SubmissionInvalid):
        submission.parse(body)

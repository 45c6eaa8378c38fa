import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
STATE = Checkpoint("example.org/log/1", 20852163, bytes(range(32)))
NOTE = checkpoint.sign(STATE, SIGNER)


def test_a_known_verifier_key_has_its_known_id():
    """Of Go's sum.golang.org, whose key everyone knows; the name is hashed with the key."""
    line = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    name, key = checkpoint.parse_verifier_key(line)
    assert name == "sum.golang.org"
    assert checkpoint.verifier_key(name, key) == line


def test_a_signed_checkpoint_is_a_note():
    lines = NOTE.decode().split("\n")
    assert lines[:4] == [
        "example.org/log/1",
        "20852163",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "",
    ]
    assert lines[4].startswith("— example.org/log/1 ")
    assert lines[5:] == [""]
    assert checkpoint.verify(NOTE, STATE.origin, PUBLIC) == STATE


def test_lines_of_witnesses_do_not_disturb():
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = other.sign(STATE.text().encode())
    line = base64.b64encode(b"abcd" + signature).decode()
    note = NOTE + f"— witness.example.com {line}\n".encode()
    assert checkpoint.verify(note, STATE.origin, PUBLIC) == STATE


@settings(max_examples=300)
@given(st.data())
def test_no_change_of_a_byte_is_accepted(data):
    at = data.draw(st.integers(0, len(NOTE) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != NOTE[at]))
    with pytest.raises(CheckpointInvalid):
        checkpoint.verify(NOTE[:at] + bytes([value]) + NOTE[at + 1 :], STATE.origin, PUBLIC)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note + note,
        lambda note: note[:-1],
        lambda note: note + b"\n",
        lambda note: b"\n" + note,
        lambda note: note.replace(b"\n20852163", b"\n020852163"),
        lambda note: note.replace(b"\n", b"\r\n"),
        lambda note: note + note[note.index("—".encode()) :],
        lambda _: b"",
        lambda note: note.replace(b"=\n", b"=\nextension\n", 1),
        lambda _: b"x" * 2_000_000,
    ],
)
def test_what_is_no_checkpoint_of_ours_is_refused(change):
    with pytest.raises(CheckpointInvalid):
        checkpoint.verify(change(NOTE), STATE.origin, PUBLIC)


def test_another_key_or_origin_is_refused():
    with pytest.raises(CheckpointInvalid, match="not signed"):
        checkpoint.verify(NOTE, STATE.origin, bytes(range(32)))
    with pytest.raises(CheckpointInvalid, match=r"not of example\.org/log/2"):
        checkpoint.verify(NOTE, "example.org/log/2", PUBLIC)


@pytest.mark.parametrize("name", ["has space", "has+plus", "", "a\nb"])
def test_an_origin_that_a_note_cannot_carry_is_refused(name):
    if name == "":
        assert checkpoint.origin_of(name, 1) == "/log/1"
        return
    with pytest.raises(CheckpointInvalid, match="not a log's name"):
        checkpoint.origin_of(name, 1)


@pytest.mark.parametrize("text", ["QQ", "QQ==\n", "QR==", "Q Q=", "Qä==", "QQ==="])
def test_base64_has_one_form(text):
    with pytest.raises(CheckpointInvalid):
        checkpoint.decode(text)

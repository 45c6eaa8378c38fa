"""Evidence of a log that signs by ML-DSA-44 too, in both verifiers."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import checkpoint, journal, mldsa
from compliance.audit.notary import Notary
from compliance.evidence.bundle import Scope, export
from compliance.vocabulary import Event
from tests.compliance.audit.events import now
from tests.compliance.evidence.packing import KEY, check, contents, pack, resign
from tests.compliance.evidence.test_browser import judged, opened, told

pytestmark = pytest.mark.usefixtures("database")

ORIGIN = "example.org/log/1"
SECOND, OTHER = (mldsa.signer_of(bytes([n]) * 32) for n in (7, 8))
FIRST = checkpoint.verifier_key(
    ORIGIN, Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
)


@pytest.fixture
def folder(tmp_path):
    """A log whose second key was replaced once."""
    for key in (OTHER, SECOND):
        with transaction.atomic():
            journal.record("console", [Event("policy.proposed", now(), {"name": "x"})] * 3)
        notary = Notary(tmp_path / "log", KEY, ORIGIN, second=key)
        while notary.integrate_once():
            pass
    return tmp_path / "log"


@pytest.fixture
def evidence(folder, tmp_path):
    def make(begin="0", end=""):
        path = tmp_path / f"evidence-{begin}-{end}.zip"
        export(Scope(begin, end), path, folder, KEY)
        return path

    return make


def keys(*seconds):
    return "\n".join(
        [FIRST, *(mldsa.verifier_key(ORIGIN, mldsa.public_of(k)) for k in seconds)]
    )


def judge(path, given):
    return check(path, given.encode())


def signed(files, key=None):
    """The checkpoint signed by the first key, and perhaps by a second one."""
    state = checkpoint.parse(files["checkpoint"])
    note = checkpoint.sign(state, Ed25519PrivateKey.from_private_bytes(KEY))
    return note + (mldsa.line(state, key, 1) if key else b"")


def vkey(key, origin=ORIGIN):
    return mldsa.verifier_key(origin, mldsa.public_of(key)).encode() + b"\n"


def without(files):
    return {name: data for name, data in files.items() if name != "mldsa.vkey"}


def unlisted(files):
    """Whoever holds the first key can leave the second one out of the manifest."""
    manifest = json.loads(files["manifest.json"])
    del manifest["files"]["mldsa.vkey"]
    return without(files) | {"manifest.json": json.dumps(manifest).encode()}


SIGNED_MUTANTS = {
    "a checkpoint that is not signed a second time": lambda f: f | {"checkpoint": signed(f)},
    "one that another key signed": lambda f: f | {"checkpoint": signed(f, OTHER)},
    "one that another key signed, and that key": lambda f: (
        f | {"checkpoint": signed(f, OTHER), "mldsa.vkey": vkey(OTHER)}
    ),
    "a key of another log": lambda f: f | {"mldsa.vkey": vkey(SECOND, "example.net/log/1")},
    "a key that is none": lambda f: f | {"mldsa.vkey": b"x+00000000+AAAA\n"},
    "the first key in the place of the second": lambda f: f | {"mldsa.vkey": f["log.vkey"]},
    "neither key nor signature": lambda f: unlisted(f | {"checkpoint": signed(f)}),
}


def test_evidence_shows_the_second_key_and_both_keys_can_be_given(evidence):
    path = evidence()
    files = contents(path)
    assert files["mldsa.vkey"] == vkey(SECOND)
    for given in (keys(), keys(SECOND), keys(SECOND).replace("\n", " ") + "\n"):
        sound, words = judge(path, given)
        assert sound, words
        assert "Fingerprint of its ML-DSA-44 key: " in words
    sound, words = judge(path, keys(OTHER))
    assert not sound
    assert "another ML-DSA-44 key than the one that you gave" in words


def test_a_range_before_the_newest_second_key_was_named_is_sound(evidence):
    sound, words = check(evidence("0", "5"))
    assert sound, words


def test_evidence_without_a_second_signature_is_refused_where_its_key_was_given(tmp_path):
    with transaction.atomic():
        journal.record("console", [Event("policy.proposed", now(), {"name": "x"})])
    Notary(tmp_path / "log", KEY, ORIGIN).integrate_once()
    export(Scope(), tmp_path / "bare.zip", tmp_path / "log", KEY)
    assert "mldsa.vkey" not in contents(tmp_path / "bare.zip")
    assert judge(tmp_path / "bare.zip", keys())[0]
    sound, words = judge(tmp_path / "bare.zip", keys(SECOND))
    assert not sound
    assert "lacks the ML-DSA-44 key that you gave" in words


def test_whoever_holds_the_first_key_alone_cannot_make_evidence(evidence, tmp_path):
    files = contents(evidence())
    for name, change in SIGNED_MUTANTS.items():
        sound, words = check(pack(tmp_path / "mutant.zip", resign(change(dict(files)))))
        assert not sound, f"{name}\n{words}"
        assert "ML-DSA-44" in words or "verifier key" in words, f"{name}\n{words}"


def test_the_page_judges_the_second_signature_as_the_program_does(evidence, tmp_path):
    path = evidence()
    files = contents(path)
    with opened(tmp_path, files) as page:
        sound, words = judged(page, path)
        assert sound, words
        assert any("ML-DSA-44" in one for one in words)
        assert told(words) == told(check(path)[1])
        for number, (name, change) in enumerate(SIGNED_MUTANTS.items()):
            mutant = pack(tmp_path / f"{number}.zip", resign(change(dict(files))))
            sound, words = judged(page, mutant)
            assert not sound, name
            assert told(words) == told(check(mutant)[1]), name
        for given in (keys(SECOND), keys(OTHER)):
            page.get_by_label("Verifier key of the log").fill(given.replace("\n", " "))
            sound, words = judged(page, path)
            assert sound is (given == keys(SECOND)), words
            assert told(words) == told(judge(path, given)[1])

"""Evidence of a log that witnesses cosign: who did, who did not, by program and by page."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from hypothesis import given

from compliance.audit import checkpoint, cosignature, cosigned, journal, quorum
from compliance.audit.notary import Notary
from compliance.audit.quorum import PolicyInvalid
from compliance.evidence import verify
from compliance.evidence.bundle import Scope, export
from compliance.models import Cosignature, LogHead, Witness, WitnessPolicy
from tests.compliance.audit import test_quorum as policies
from tests.compliance.audit.events import event
from tests.compliance.evidence.conftest import ORIGIN, PUBLIC
from tests.compliance.evidence.packing import KEY, check, contents, pack, resign
from tests.compliance.evidence.test_browser import judged, opened, told

pytestmark = pytest.mark.usefixtures("database")

NAMES = ("example.net/witness", "example.com/witness")
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2)]


def vkey(at):
    return cosignature.verifier_key(NAMES[at], KEYS[at].public_key().public_bytes_raw())


def policy(quorum):
    witnesses = "".join(f"witness w{at} {vkey(at)}\n" for at in range(2))
    key = checkpoint.verifier_key(ORIGIN, PUBLIC)
    return f"log {key}\n{witnesses}group both all w0 w1\nquorum {quorum}\n"


def demand(quorum):
    WitnessPolicy.objects.create(
        text=policy(quorum), actor="test", time=dt.datetime.now(dt.UTC)
    )


def cosign(log, *signers, moment=None):
    note = (log / "checkpoint").read_bytes()
    text = checkpoint.parse(note).text()
    for at in signers:
        row, _ = Witness.objects.get_or_create(name=NAMES[at], verifier_key=vkey(at))
        line = cosignature.cosign(text, NAMES[at], KEYS[at], moment or int(time.time()))
        cosigned.keep(row, 1, note, line)


@pytest.fixture
def grow(log):
    def more(count):
        with transaction.atomic():
            journal.record("console", [event("a.step") for _ in range(count)])
        notary = Notary(log, KEY, ORIGIN)
        while notary.integrate_once():
            pass

    return more


@pytest.fixture
def made(log, tmp_path):
    def make(*scope, name="witnessed.zip"):
        path = tmp_path / name
        path.unlink(missing_ok=True)
        return path, export(Scope(*scope), path, log, KEY)

    return make


def test_evidence_says_who_has_witnessed_it_and_the_policy_goes_with_it(log, made):
    cosign(log, 0, 1)
    demand("both")
    path, summary = made()
    sound, words = check(path)
    assert sound, words
    assert f"Witnessed by w0 ({dt.datetime.now(dt.UTC).year}-" in words
    assert "as the policy in this evidence demands." in words
    assert any("Witnessed by w0, w1" in line for line in summary.words)
    assert contents(path)["witness-policy"].decode() == policy("both")


def test_evidence_that_too_few_have_witnessed_is_not_plainly_sound(log, made):
    cosign(log, 0)
    demand("both")
    path, summary = made()
    sound, words = check(path)
    assert not sound
    assert "NOT WITNESSED by w1, as the policy in this evidence demands" in words
    assert "SOUND, BUT NOT WITNESSED: entries 0 to" in words
    assert "NOT SOUND" not in words
    assert any("NOT witnessed by w" in line for line in summary.words)


def test_without_a_policy_nothing_is_said_of_witnesses(log, made):
    cosign(log, 0)
    path, _ = made()
    sound, words = check(path)
    assert sound, words
    assert "itnessed" not in words.partition("What this does not prove")[0]


def test_evidence_is_made_of_what_was_witnessed_and_of_the_rest_only_if_asked(log, made, grow):
    cosign(log, 0, 1)
    size = Cosignature.objects.all()[0].size
    demand("both")
    grow(7)
    path, summary = made()
    assert (summary.end, check(path)[0]) == (size, True)
    path, summary = made("0", str(size + 5))
    assert (summary.end, check(path)[0]) == (size + 5, False)
    Cosignature.objects.all().delete()
    cosign_old = int(time.time()) - 7200
    cosign(log, 0, 1, moment=cosign_old)
    grow(1)
    path, summary = made()
    size = LogHead.objects.get().size
    assert (summary.end, check(path)[0]) == (size, False), "it waits for an hour at most"


def variants(files):
    """What might be done to witnessed evidence, and what must be said of it."""
    note = files["checkpoint"].decode()
    lines = note.splitlines(keepends=True)
    text = checkpoint.parse(files["checkpoint"]).text()
    other = cosignature.cosign("other\n", NAMES[1], KEYS[1], 5)
    again = cosignature.cosign(text, NAMES[1], KEYS[1], 5)
    far = cosignature.cosign(text, NAMES[1], KEYS[1], 2**62)
    less = "".join(lines[:-1])
    yield "untouched", files, "Witnessed by w0"
    yield "a line less", files | {"checkpoint": less.encode()}, "NOT WITNESSED by w1"
    yield "another's", files | {"checkpoint": (less + other).encode()}, "NOT WITNESSED by w1"
    yield "twice", files | {"checkpoint": (note + again).encode()}, "NOT WITNESSED by w1"
    yield "of a far year", files | {"checkpoint": (less + far).encode()}, "NOT WITNESSED by w1"
    yield "no policy", {k: v for k, v in files.items() if k != "witness-policy"}, "NOT SOUND"
    for name, text in {
        "one more": policy("both").replace("quorum both", "quorum w9"),
        "no quorum": policy("both").replace("quorum both\n", ""),
        "another log": policy("both").replace(
            checkpoint.verifier_key(ORIGIN, PUBLIC), policies.LOG_KEY
        ),
    }.items():
        words = "names other logs" if name == "another log" else "NOT SOUND"
        yield name, files | {"witness-policy": text.encode()}, words
    yield "no text", files | {"witness-policy": b"\xff\xfe"}, "NOT SOUND"


def test_page_and_program_say_the_same_of_every_variant(log, made, tmp_path):
    cosign(log, 0, 1)
    demand("both")
    files = contents(made()[0])
    with opened(tmp_path, files) as page:
        for name, changed, wanted in variants(files):
            whole = set(changed) == set(files)
            path = pack(tmp_path / "variant.zip", resign(dict(changed)) if whole else changed)
            sound, words = check(path)
            assert sound is (name == "untouched"), (name, words)
            assert wanted in words, (name, words)
            assert judged(page, path)[0] is sound, name
            assert told(judged(page, path)[1]) == told(words), name
        own = tmp_path / "policy"
        own.write_text(policy("w0"))
        page.get_by_label("Policy of witnesses").set_input_files(own)
        path = pack(tmp_path / "variant.zip", resign(dict(files)))
        sound, words = judged(page, path)
        assert sound, words
        assert any("as the policy that you gave demands" in line for line in words)


def test_a_reader_may_demand_witnesses_of_their_own(log, made, tmp_path, capsys):
    cosign(log, 0)
    path, _ = made()
    own = tmp_path / "policy"
    for quorum_, code, words in (
        ("w0", 0, "Witnessed by w0"),
        ("both", 1, "NOT WITNESSED by w0, w1"),
        ("w9", 2, "cannot be understood at line 5"),
    ):
        own.write_text(policy(quorum_))
        if quorum_ == "both":
            own.write_text(policy("both"))
            Cosignature.objects.all().delete()
            path, _ = made(name="bare.zip")
        assert verify.main([str(path), "--policy", str(own), "--jobs", "1"]) == code
        assert words in capsys.readouterr().out


@given(policies.policies())
def test_the_program_counts_as_the_appliance_does(made_policy):
    text, _ = made_policy
    ours, theirs = quorum.parse(text), verify.WitnessPolicy(text.encode(), "it")
    for signers in ((), (0,), (0, 1), (1, 3), (0, 1, 2, 3, 4, 5)):
        note = policies.note(*signers)
        log = policies.LOG.public_key().public_bytes_raw()
        assert theirs.judge(note, log)[0] is quorum.judge(ours, note).met


@pytest.mark.parametrize("text", [text for text, _, _ in policies.REFUSED if len(text) < 9_999])
def test_the_program_refuses_what_the_appliance_refuses(text):
    with pytest.raises(PolicyInvalid):
        quorum.parse(text)
    with pytest.raises(verify.Broken):
        verify.WitnessPolicy(text.encode(), "it")

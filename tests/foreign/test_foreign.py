"""Verifiers that we did not write accept what our log signs and proves, and nothing else."""

import hashlib
import os
import random
from collections import Counter
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymerkle import InmemoryTree

from compliance.audit import merkle
from compliance.audit.checkpoint import Checkpoint, parse, sign, verifier_key
from tests.foreign.cases import ORIGIN, Log, mutants, signed_twice
from tests.foreign.install import Unavailable
from tests.foreign.summary import MARK
from tests.foreign.verifiers import EVERYTHING, JUDGES, OVERLOOKED, judged


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Every true statement, and the false ones made from it; checkpoints also signed twice."""
    seed = int(os.environ.get("DOMICILE_SEED", "20"))  # another draws others
    print(f"DOMICILE_SEED={seed}")  # noqa: T201 - it replays the run
    chance = random.Random(seed)
    log = Log.make(tmp_path_factory.mktemp("log"), b"ours")
    other = Log.make(tmp_path_factory.mktemp("other"), b"theirs")
    truths = list(log.truths(chance))
    asked = [
        (one, truth) for truth in truths for one in (truth, *mutants(truth, other, chance))
    ]
    again = [signed_twice(*pair) for pair in asked if pair[1].kind == "checkpoint"]
    return [*(one for one, _ in asked), *again]


def ask(name, cases):
    title, _ = JUDGES[name]
    try:
        return judged(name, cases)
    except Unavailable as error:
        pytest.skip(f"{MARK}{title}: {error}")


@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", JUDGES)
def test_it_accepts_what_is_true_and_rejects_every_mutant(name, questions):
    _, kinds = JUDGES[name]
    asked = [case for case in questions if case.kind in kinds]
    if name == "pymerkle":  # it judges no signatures: nothing that only a signature shows
        asked = [case for case in asked if case.good or not about_the_signature(case)]
    asked = [case for case in asked if case.why not in OVERLOOKED.get(name, set())]
    answers = ask(name, asked)
    wrong = Counter(
        f"{case.kind}, {case.why}: {'rejected' if case.good else 'ACCEPTED'}"
        for case, accepted in zip(asked, answers, strict=True)
        if accepted != case.good
    )
    assert not wrong
    assert sum(case.good for case in asked) >= 40
    assert sum(not case.good for case in asked) > 400


def about_the_signature(case):
    true = {"a bit of the root", "the note of another log of the same name"}
    return case.why not in true and (
        "note" in case.why
        or case.why
        in {
            "a larger size", "a zero before the size", "another origin", "a line more",
            "a bit of the signature", "a bit of the key's id", "a signature cut short",
            "no signature", "another signer's name", "another log's key",
        }
    )  # fmt: skip


@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", JUDGES)
def test_it_would_notice_a_tree_that_is_hashed_otherwise(name, tmp_path):
    """The same log without RFC 6962's prefixes, signed by us: false, however well signed."""
    log = Log.make(tmp_path, b"ours", (5, 8))
    plain = [hashlib.sha256(entry).digest() for entry in log.entries]
    for size in log.notes:
        checkpoint = Checkpoint(ORIGIN, size, merkle.root(plain[:size]))
        log.notes[size] = sign(checkpoint, log.key)
    cases = [log.inclusion(3, 8), log.consistency(5, 8)]
    cases = [replace(case, good=False) for case in cases if case.kind in JUDGES[name][1]]
    assert not any(ask(name, cases))


@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    "name", [name for name, (_, kinds) in JUDGES.items() if "checkpoint" in kinds]
)
def test_it_takes_the_bridge_of_a_rotation_with_either_key_and_no_other(name, tmp_path):
    log = Log.make(tmp_path / "log", b"ours", (5,))
    new, strange = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    bridge = sign(parse(log.notes[5]), new, log.key)
    case = replace(log.inclusion(0, 5), kind="checkpoint", note=bridge)
    keys = [key.public_key().public_bytes_raw() for key in (log.key, new, strange)]
    cases = [replace(case, key=verifier_key(ORIGIN, key)) for key in keys]
    cases[2] = replace(cases[2], good=False)
    assert list(ask(name, cases)) == [True, True, False]


def test_a_tree_of_pymerkle_has_our_roots_and_grows_from_them(tmp_path):
    log = Log.make(tmp_path, b"ours")
    tree = InmemoryTree(algorithm="sha256")
    for entry in log.entries:
        tree.append_entry(entry)
    for size, note in log.notes.items():
        root = parse(note).root
        assert tree.get_root(size) == root
        proof = tree.prove_consistency(size, len(log.entries))
        proof.verify(root, parse(log.notes[len(log.entries)]).root)


def test_all_of_them_together_judge_everything():
    assert frozenset().union(*(kinds for _, kinds in JUDGES.values())) == EVERYTHING

"""What a process that proves can do to the one that asked: nothing but not answer."""

import dataclasses

import pytest

from compliance import proving
from compliance.policy.asking import Asking, Topic
from compliance.policy.default import DEFAULT
from compliance.policy.prove import Verdict
from compliance.proving import ProofImpossible, prove

ASKING = Asking(Topic.UNREACHABLE, DEFAULT, 1_790_000_000_000_000)


def test_an_answer_comes_from_another_process():
    (answer,) = prove(ASKING)
    assert answer.verdict is Verdict.PROVED


def test_a_question_that_takes_too_long_proves_nothing():
    (answer,) = prove(ASKING, seconds=0.001)
    assert answer.verdict is Verdict.UNDECIDED
    assert "Nothing is proved" in answer.words[0]


def test_a_process_that_fails_is_told_and_the_next_question_is_answered():
    broken = dataclasses.replace(ASKING, topic=Topic.LEAVES)  # without what it is about
    with pytest.raises(ProofImpossible, match="never: missing"):
        prove(broken)
    assert not proving._turn.locked()


def test_one_question_at_a_time_is_answered():
    with proving._turn, pytest.raises(ProofImpossible, match="ask again in a minute"):
        prove(ASKING)

"""The solver's model of a policy and `decide` are one law, written twice."""

import dataclasses
import random

import pytest

from compliance.policy.terms import Condition, Where
from compliance.vocabulary import Effect, Obligations
from tests.compliance.policy import chance
from tests.compliance.policy.agreement import Asked


def differing(seed, requests):
    """What is decided otherwise of requests that a seed draws, in words."""
    rng = random.Random(seed)
    made = chance.drawn_policy(rng)
    asked = Asked(made, chance.approvals(rng, made))
    return [said for _ in range(requests) for said in asked.differences(chance.request(rng))]


@pytest.mark.parametrize("seed", range(15))
def test_the_solver_and_the_gate_decide_alike(seed):
    assert differing(seed, 100) == []


@pytest.mark.soak
@pytest.mark.parametrize("part", range(50))
def test_the_solver_and_the_gate_decide_a_hundred_thousand_requests_alike(part):
    first = 1_000 + part * 20
    assert {seed: differing(seed, 100) for seed in range(first, first + 20)} == {
        seed: [] for seed in range(first, first + 20)
    }


def test_what_is_drawn_reaches_every_member_of_the_language():
    rng = random.Random(7)
    drawn = [rule for _ in range(100) for rule in chance.drawn_policy(rng).rules]
    for kind, attribute in (
        (Condition, "when"),
        (Where, "where"),
        (Obligations, "obligations"),
    ):
        reached = {
            member.name
            for rule in drawn
            for member in dataclasses.fields(kind)
            if getattr(getattr(rule, attribute), member.name, None) not in (None, False)
        }
        assert reached == {member.name for member in dataclasses.fields(kind)}
    assert {rule.effect for rule in drawn} == set(Effect)


def test_what_is_drawn_is_decided_in_every_way():
    rng = random.Random(8)
    decided = []
    for _ in range(100):
        made = chance.drawn_policy(rng)
        decided += [chance.decided(made, chance.request(rng)) for _ in range(20)]
    assert {decision.effect for decision in decided} == set(Effect)
    narrowed = [decision.sites for decision in decided if decision.sites is not None]
    assert any(narrowed)
    assert () in narrowed
    assert any(decision.held_by for decision in decided)

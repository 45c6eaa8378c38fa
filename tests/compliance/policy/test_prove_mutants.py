"""Whoever writes the law wrongly for the solver is found out by comparing it with `decide`."""

import inspect
import random
import sys
import types

import pytest

from compliance.policy import symbolic, universe, unnamed
from tests.compliance.policy import chance
from tests.compliance.policy.agreement import Asked

SYMBOLIC = [
    (
        "a block that is not the strictest",
        "yield self.any_spoke(self._asking(self.policy.rules, Effect.BLOCK))",
        "yield session.false",
    ),
    (
        "no default deny where no rule speaks",
        "yield session.no(self.any_spoke(self.spoke))",
        "yield session.false",
    ),
    (
        "no default deny of a kind",
        "yield session.all([found, self._unspoken(kind, self._about(kind))])",
        "yield session.false",
    ),
    (
        "models that nobody asks about",
        "yield session.all([self.spoke[rule.id], other])",
        "yield session.false",
    ),
    (
        "reasoning that is told apart everywhere",
        'yield session.all([self.obliged("withhold_reasoning"), *mixed])',
        "yield session.false",
    ),
    (
        "reasoning that is told apart nowhere",
        'mixed.append(self.case.choices["reasons"][True])',
        "mixed.pop()",
    ),
    (
        "a place that counts though the rule is silent",
        "yield session.any([session.no(self.spoke[rule.id]), here])",
        "yield here",
    ),
    (
        "a place that never counts",
        "yield session.any([session.no(self.spoke[rule.id]), here])",
        "yield session.true",
    ),
    (
        "all of a list instead of any",
        "return self.session.any(self.sets[name][value] for value in sorted(values))",
        "return self.session.all(self.sets[name][value] for value in sorted(values))",
    ),
    (
        "any certification instead of all",
        'yield self.all_of("certifications", where.certifications)',
        'yield self.any_of("certifications", where.certifications)',
    ),
    ("one place too few", "yield self.session.any(spots)", "yield self.session.all(spots)"),
    (
        "regions of all times at once",
        "parts.append(self.session.all([when, here]) if len(alike) > 1 else here)",
        "parts.append(here)",
    ),
    (
        "proofs of any age",
        "return self.among(name, lambda age: age is not None and age <= within)",
        "return self.among(name, lambda age: age is not None)",
    ),
    (
        "never proved is fresh",
        "return self.among(name, lambda age: age is not None and age <= within)",
        "return self.among(name, lambda age: age is None or age <= within)",
    ),
    ("one finding is enough", "least = when.at_least or 1", "least = 1"),
    (
        "one finding too many",
        "return self.session.z3.UGE(total, least)",
        "return self.session.z3.UGT(total, least)",
    ),
    (
        "except means only",
        'yield self.session.no(self.among("application", spared.__contains__))',
        'yield self.among("application", spared.__contains__)',
    ),
    (
        "tools that are offered either way",
        "yield offered if when.tools_offered else self.session.no(offered)",
        "yield offered",
    ),
    (
        "flags that always hold",
        "yield self.among(member, flag.__eq__)",
        "yield self.session.true",
    ),
    ("hours in the wrong zone", "clock = zone(policy.zone_name)", 'clock = zone("UTC")'),
    (
        "a hold that an approval does not satisfy",
        "if rule.effect is Effect.HOLD and rule.id not in approved",
        "if rule.effect is Effect.HOLD",
    ),
    (
        "a hold that treats a text",
        "if rule.effect is not Effect.HOLD and rule.effect.strictness >= effect.strictness",
        "if rule.effect.strictness >= effect.strictness",
    ),
    (
        "a finding that nothing is treated by",
        "parts.append(session.all([self.case.found[kind], session.any([*strict, unspoken])]))",
        "parts.append(session.all([self.case.found[kind], unspoken]))",
    ),
    (
        "an indirect finding that blocks where no rule speaks of it",
        "if kind[0] in UNSPOKEN_ALLOWED",
        "if False",
    ),
    ("obligations that are too large", "and asked <= most", "and asked >= most"),
]
UNIVERSE = [
    (
        "countries that are all alike",
        "alike.setdefault(country, stands.setdefault(sign, country))",
        'alike.setdefault(country, stands.setdefault("", country))',
    ),
    (
        "ages that are all alike",
        "time - proof <= age * moments.SECOND",
        "time - proof < 0 * age",
    ),
    (
        "findings that are counted once",
        "found[kind] = min(found.get(kind, 0) + count, self.counts)",
        "found[kind] = 1",
    ),
]


def mutated(module, old, new):
    """The module with one text replaced, beside the real one."""
    source = inspect.getsource(module)
    assert source.count(old) >= 1, "the text is not there any more"
    made = types.ModuleType(module.__name__ + "_mutated")
    sys.modules[made.__name__] = made  # dataclasses look their module up
    exec(compile(source.replace(old, new), made.__name__, "exec"), vars(made))  # noqa: S102
    return made


def found_out(**modules):
    for seed in range(600):  # a membership that ends is looked at beyond its end by one in 150
        rng = random.Random(seed)
        policy = chance.drawn_policy(rng)
        asked = Asked(policy, chance.approvals(rng, policy), **modules)
        for _ in range(20):
            try:
                if asked.differences(chance.request(rng)):
                    return True
            except AssertionError:  # the request does not even exist in the mutant's world
                return True
    return False


@pytest.mark.soak
@pytest.mark.parametrize(("name", "old", "new"), SYMBOLIC)
def test_a_wrong_law_is_found_out(name, old, new):
    made = mutated(symbolic, old, new)
    assert found_out(symbolic=made), name


@pytest.mark.soak
@pytest.mark.parametrize(("name", "old", "new"), UNIVERSE)
def test_a_world_that_is_too_small_is_found_out(name, old, new):
    made = mutated(universe, old, new)
    assert found_out(worlds=made), name


@pytest.mark.soak
def test_a_name_for_all_others_that_a_document_can_take_is_found_out():
    taken = mutated(unnamed, "while other in names:", "while False:")
    made = mutated(universe, f"from {unnamed.__name__} import", f"from {taken.__name__} import")
    assert found_out(worlds=made)


def test_the_real_law_is_not_found_out():
    rng = random.Random(1)
    policy = chance.drawn_policy(rng)
    asked = Asked(policy, frozenset())
    assert not any(asked.differences(chance.request(rng)) for _ in range(20))

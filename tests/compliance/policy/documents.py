"""Policies and facts for the tests, and strategies that make any."""

from hypothesis import strategies as st

from compliance.policy.rules import MAX_DAYS, Condition, Policy, Retention, Rule, policy
from compliance.vocabulary import Category, Effect, Facts

ENTITIES = ("PERSON", "EMAIL_ADDRESS", "IBAN_CODE", "PASSWORD", "HEALTH")
APPLICATIONS = ("demo", "hr", "support")
MODELS = ("small", "large")

kinds = st.tuples(st.sampled_from(Category), st.sampled_from(ENTITIES))


def some(values):
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1)


@st.composite
def conditions(draw):
    named = draw(some(APPLICATIONS))
    excepted = None if named is not None else draw(some(APPLICATIONS))
    return Condition(
        categories=draw(some(tuple(Category))),
        entities=draw(some(ENTITIES)),
        names_unchecked=draw(st.none() | st.booleans()),
        applications=named,
        applications_except=excepted,
        models=draw(some(MODELS)),
    )


sites = st.none() | st.lists(
    st.sampled_from(("berlin", "paris", "rome")), min_size=1, unique=True
).map(tuple)


retentions = st.builds(
    Retention,
    content_days=st.none() | st.integers(0, MAX_DAYS),
    details_days=st.none() | st.integers(1, MAX_DAYS),
)


@st.composite
def policies(draw):
    parts = draw(
        st.lists(
            st.tuples(conditions(), st.sampled_from(Effect), sites), min_size=1, max_size=8
        )
    )
    rules = tuple(
        Rule(f"rule-{number}", f"Says {effect}.", when, effect, where)
        for number, (when, effect, where) in enumerate(parts)
    )
    return policy("made up", draw(st.integers(1, 99)), rules, draw(retentions))


facts = st.builds(
    Facts,
    application=st.sampled_from(APPLICATIONS),
    model=st.sampled_from(MODELS),
    entities=st.dictionaries(kinds, st.integers(0, 3), max_size=4),
    names_unchecked=st.booleans(),
)

coverages = st.frozensets(kinds)


def of(*rules: Rule) -> Policy:
    return policy("test", 1, rules)


def rule(effect: Effect, /, id: str = "rule", sites=None, **when) -> Rule:  # noqa: A002
    return Rule(id, f"{id} says {effect}", Condition(**when), effect, sites)

"""What a replay adds up."""

import json

from hypothesis import given
from hypothesis import strategies as st

from compliance.policy.decide import decide
from compliance.policy.rules import Condition, Rule, Where, policy
from compliance.policy.simulate import EXAMPLES, NOTHING_FOUND, NOWHERE, Tally, changes, outcome
from compliance.vocabulary import Candidate, Category, Effect, Facts, Obligations, Serving
from tests.compliance.policy.documents import any_facts, policies

DAY = 24 * 3600 * 1_000_000
NOON = 1_780_056_000_000_000  # 2026-05-29T12:00:00Z
MAIL = (Category.PERSONAL, "EMAIL_ADDRESS")
AT_HOME = Serving(candidates=(Candidate("home", "DE"),))

ALLOW = policy("a", 1, (Rule("all", "All.", Condition(), Effect.ALLOW),))
MASK = policy(
    "a",
    2,
    (
        Rule("all", "All.", Condition(), Effect.ALLOW),
        Rule("mail", "No mail.", Condition(entities=frozenset({"EMAIL_ADDRESS"})), Effect.MASK),
    ),
)
AWAY = policy(
    "a",
    3,
    (Rule("all", "All.", Condition(), Effect.ALLOW, where=Where(countries=frozenset({"FR"}))),),
)
SHORT = policy(
    "a",
    4,
    (Rule("all", "All.", Condition(), Effect.ALLOW, obligations=Obligations(max_tokens=9)),),
)


def asked(*kinds, application="hr", time=NOON):
    return Facts(application, "small", dict.fromkeys(kinds, 1), time=time, serving=AT_HOME)


def test_what_changes_is_counted_by_outcome_application_category_and_day():
    tally = Tally()
    tally.add(ALLOW, MASK, asked(MAIL), "1" * 32)
    tally.add(ALLOW, MASK, asked(), "2" * 32)
    tally.add(ALLOW, MASK, asked(MAIL, application="demo", time=NOON + DAY), "3" * 32)
    assert (tally.seen, tally.changed, tally.same_outcome) == (3, 2, 0)
    assert tally.outcomes == {("allow", "mask"): 2, ("allow", "allow"): 1}
    assert tally.applications["hr"] == {("allow", "mask"): 1, ("allow", "allow"): 1}
    assert tally.categories == {
        "personal": {("allow", "mask"): 2},
        NOTHING_FOUND: {("allow", "allow"): 1},
    }
    assert tally.days == {"2026-05-29": [2, 1], "2026-05-30": [1, 1]}
    first = tally.examples[0]
    assert (first.request, first.application, first.time) == ("1" * 32, "hr", NOON)
    assert (first.rules_before, first.rules_after) == (("all",), ("all", "mail"))
    assert first.what == ("outcome: allow becomes mask",)


def test_a_policy_that_leaves_no_site_is_an_outcome_of_its_own():
    before, after = (decide(one, asked(), frozenset()) for one in (ALLOW, AWAY))
    assert (outcome(before), outcome(after)) == ("allow", NOWHERE)
    assert changes(before, after) == ("outcome: allow becomes nowhere",)


def test_an_obligation_that_differs_is_told_although_the_outcome_is_the_same():
    tally = Tally()
    tally.add(ALLOW, SHORT, asked(), "1" * 32)
    assert (tally.changed, tally.same_outcome) == (1, 1)
    assert tally.examples[0].what == ("max tokens: unlimited becomes 9",)


def test_examples_are_bounded_and_counts_are_not():
    tally = Tally()
    for number in range(EXAMPLES + 5):
        tally.add(ALLOW, MASK, asked(MAIL), f"{number:032x}")
    assert (len(tally.examples), tally.changed) == (EXAMPLES, EXAMPLES + 5)


@given(policies(), policies(), st.lists(any_facts(), max_size=6), st.integers(0, 6))
def test_a_replay_that_was_written_down_in_between_comes_to_the_same(one, other, given, at):
    whole, part = Tally(), Tally()
    for number, known in enumerate(given):
        if number == at:
            part = Tally.read(json.loads(json.dumps(part.written())))
        for tally in (whole, part):
            tally.add(one, other, known, f"{number:032x}")
    assert part == whole
    assert whole.changed <= whole.seen == sum(whole.outcomes.values())


@given(policies(), st.lists(any_facts(), max_size=4))
def test_against_itself_nothing_changes(one, given):
    tally = Tally()
    for known in given:
        tally.add(one, one, known, "0" * 32)
    assert tally.changed == 0
    assert all(before == after for before, after in tally.outcomes)

"""Policies that block all requests, in forms that no look at single rules shows."""

import pytest

from compliance.policy.paths import blocks_all, lets_plainly
from compliance.policy.prove import Verdict
from compliance.policy.rules import Hours
from compliance.policy.universe import Known
from compliance.vocabulary import Effect, Facts
from tests.compliance.policy.documents import NOON, of, rule

KNOWN = Known(applications=(Facts("hr", "", owner="ward"), Facts("crm", "", owner="branch")))
ELSE = rule(Effect.ALLOW, id="else")
DAYS = Hours(frozenset({1, 2, 3}))
SHUT = [
    of(ELSE, rule(Effect.BLOCK, hours=Hours(frozenset(range(1, 8))))),
    of(ELSE, *(rule(Effect.BLOCK, id=str(one), names_unchecked=one) for one in (True, False))),
    of(rule(Effect.ALLOW, owners=frozenset({"nobody"}))),
    of(ELSE, rule(Effect.BLOCK, owners=frozenset({"ward", "branch"}))),
    of(
        rule(Effect.ALLOW, id="a", asks={"models": frozenset({"small"})}),
        rule(Effect.ALLOW, id="b", asks={"models": frozenset({"large"})}),
    ),
]
OPEN = [
    of(ELSE, rule(Effect.BLOCK, hours=DAYS)),
    of(ELSE, rule(Effect.BLOCK, names_unchecked=False)),
    of(ELSE, rule(Effect.BLOCK, owners=frozenset({"ward"}))),
    of(rule(Effect.HOLD, owners=frozenset({"ward"}))),
    of(rule(Effect.ALLOW, asks={"models": frozenset({"small"})})),
]


@pytest.mark.parametrize("made", SHUT)
def test_a_policy_that_lets_nothing_pass_is_proved_to(made):
    assert blocks_all(made, since=NOON, known=KNOWN).verdict is Verdict.PROVED
    assert not lets_plainly(made, since=NOON, known=KNOWN)


@pytest.mark.parametrize("made", OPEN)
def test_a_policy_that_lets_something_pass_is_shown_to(made):
    assert blocks_all(made, since=NOON, known=KNOWN).verdict is Verdict.COUNTEREXAMPLE


def test_where_no_application_is_known_any_there_could_be_counts():
    made = of(rule(Effect.ALLOW, owners=frozenset({"nobody"})))
    assert blocks_all(made, since=NOON, known=Known()).verdict is Verdict.COUNTEREXAMPLE
    assert not lets_plainly(made, since=NOON, known=Known())
    assert lets_plainly(of(ELSE), since=NOON, known=Known())


def test_what_the_limit_leaves_open_is_undecided():
    assert blocks_all(OPEN[0], since=NOON, known=KNOWN, limit=1).verdict is Verdict.UNDECIDED

"""The laws by which rules combine, for any policy and any request."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from compliance.policy.conditions import Kind
from compliance.policy.decide import NO_RULE_SPOKE, decide
from compliance.policy.rules import NOTHING_ASKED, Condition, Hours, Rule, Where
from compliance.vocabulary import (
    ANSWER_DUTIES,
    Candidate,
    Category,
    Effect,
    Facts,
    RequestClass,
    Serving,
)
from tests.compliance.policy import documents, plain
from tests.compliance.policy.documents import NOON, SECOND, again, facts, policies, rule, rules

COVERAGE: frozenset[Kind] = frozenset()
MAY_GO_ON = tuple(effect for effect in Effect if effect is not Effect.BLOCK)
EVERY = Rule("zz-every", "Allowed.", Condition(), Effect.ALLOW)

few = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def decided(made, asked, satisfied=frozenset()):
    return decide(made, asked, COVERAGE, satisfied)


def bare(decision):
    """Without what names the version."""
    return replace(decision, digest="")


def stricter(one, other):
    """Whether nothing in `one` is laxer than in `other`."""
    ours, theirs = one.obligations, other.obligations
    return (
        one.effect.strictness >= other.effect.strictness
        and all(
            one.treatments[entity].strictness >= effect.strictness
            for entity, effect in other.treatments.items()
        )
        and within(one.sites, other.sites)
        and at_most(ours.content_days, theirs.content_days)
        and at_most(ours.max_tokens, theirs.max_tokens)
        and within(ours.models, theirs.models)
        and ours.mark_output >= theirs.mark_output
        and ours.review >= theirs.review
        and ours.withhold_reasoning >= theirs.withhold_reasoning
        and ours.realistic_pseudonyms >= theirs.realistic_pseudonyms
        and all(ours.asks(duty) >= theirs.asks(duty) for duty in ANSWER_DUTIES)
        and set(one.held_by) >= set(other.held_by)
        and set(one.excluded) >= set(other.excluded)
    )


def within(one, other):
    return other is None or (one is not None and set(one) <= set(other))


def at_most(one, other):
    return other is None or (one is not None and one <= other)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(policies(), facts)
def test_decisions_are_those_of_the_language_as_it_is_read_plainly(made, asked):
    approved = frozenset(one.id for one in made.rules[::2])
    for satisfied in (frozenset[str](), approved):
        assert seen(decided(made, asked, satisfied)) == plain.decided(made, asked, satisfied)


def some(*values):
    return frozenset(values)


PERSON, HEALTH = (Category.PERSONAL, "PERSON"), (Category.SPECIAL, "HEALTH")
NIGHT = NOON + 12 * 3600 * SECOND
BASE = Facts("hr", "small", {PERSON: 1}, time=NOON, serving=Serving("MIT", "one"))

REACHED = [
    ("categories", some(Category.SPECIAL), {"entities": {HEALTH: 1}}),
    ("entities", some("HEALTH"), {"entities": {HEALTH: 1}}),
    ("names_unchecked", True, {"names_unchecked": True}),
    ("applications", some("mail"), {"application": "mail"}),
    ("applications_except", some("hr", "crm"), {"application": "mail"}),
    ("purposes", some("care"), {"purpose": "care"}),
    ("legal_bases", some("6-1-e"), {"legal_basis": "6-1-e"}),
    ("owners", some("ward"), {"owner": "ward"}),
    ("declared", some(Category.SPECIAL), {"declared": some(Category.SPECIAL)}),
    ("subject_countries", some("CH", "FR"), {"subject_countries": some("DE", "CH")}),
    ("high_risk", True, {"high_risk": True}),
    ("models", some("large"), {"model": "large"}),
    ("licences", some("llama3"), {"serving": Serving("llama3", "one")}),
    ("publishers", some("two"), {"serving": Serving("MIT", "two")}),
    ("restricted", True, {"serving": Serving("MIT", "one", restricted=True)}),
    ("request_class", RequestClass.BATCH, {"request_class": RequestClass.BATCH}),
    ("tools_offered", True, {"tools": some("search")}),
    ("tools", some("pay"), {"tools": some("search", "pay")}),
    ("hours", Hours(None, 22 * 60, 6 * 60), {"time": NIGHT}),
]


@pytest.mark.parametrize(("member", "value", "given_facts"), REACHED)
def test_each_member_of_a_condition_decides_by_its_own_fact(member, value, given_facts):
    made = documents.of(rule(Effect.BLOCK, id="stop", **{member: value}), EVERY)
    for asked, effect in ((replace(BASE, **given_facts), Effect.BLOCK), (BASE, Effect.ALLOW)):
        assert decided(made, asked).effect is effect
        assert seen(decided(made, asked)) == plain.decided(made, asked)


def test_findings_are_counted_together_over_the_kinds_that_a_rule_speaks_of():
    when = {"categories": some(Category.PERSONAL), "at_least": 3}
    made = documents.of(rule(Effect.BLOCK, id="stop", **when), EVERY)
    mail = (Category.PERSONAL, "EMAIL_ADDRESS")
    for found, effect in (
        ({PERSON: 2, mail: 1}, Effect.BLOCK),
        ({PERSON: 2, mail: 0, HEALTH: 5}, Effect.ALLOW),
    ):
        asked = replace(BASE, entities=found)
        assert decided(made, asked).effect is effect
        assert seen(decided(made, asked)) == plain.decided(made, asked)


HERE = Candidate("here", "DE", "house", some("C5", "ISO"), NOON - SECOND, NOON - SECOND)
THERE = Candidate("there", "US", "partner", some("C5"), NOON - 61 * SECOND)

PLACED = [
    ("sites", some("here")),
    ("countries", some("DE", "FR")),
    ("regions", some("EU")),
    ("operators", some("house")),
    ("certifications", some("C5", "ISO")),
    ("attested_within", 60),
    ("witnessed_within", 60),
]


@pytest.mark.parametrize(("member", "value"), PLACED)
def test_each_member_of_a_place_permits_by_its_own_fact(member, value):
    made = documents.of(rule(Effect.ALLOW, id="at", where={member: value}))
    asked = replace(BASE, serving=Serving("MIT", "one", candidates=(HERE, THERE)))
    decision = decided(made, asked)
    assert (decision.sites, decision.excluded) == (("here",), {"there": "at"})
    assert seen(decision) == plain.decided(made, asked)


def seen(decision):
    obligations = decision.obligations
    return {
        "effect": decision.effect,
        "treatments": decision.treatments,
        "rules": decision.rules,
        "sites": decision.sites,
        "excluded": decision.excluded,
        "held_by": decision.held_by,
        "blocked_by": decision.blocked_by,
        **{name: getattr(obligations, name) for name in documents.ASKED},
    }


@few
@given(policies(), facts)
def test_deny_overrides_whatever_else_is_said(made, asked):
    decision = decided(again(made, (*made.rules, rule(Effect.BLOCK, id="stop"))), asked)
    assert decision.effect is Effect.BLOCK
    assert set(decision.treatments.values()) <= {Effect.BLOCK}
    assert "stop" in decision.rules


@few
@given(policies(), facts)
def test_where_no_rule_speaks_of_a_request_or_of_something_in_it_the_answer_is_no(made, asked):
    spoke = set(decided(made, asked).rules)
    silent = [one for one in made.rules if one.id not in spoke]
    if silent:
        decision = decided(again(made, silent), asked)
        assert (decision.effect, decision.rules) == (Effect.BLOCK, ())
        assert decision.reasons == (NO_RULE_SPOKE,)
        assert set(decision.treatments.values()) <= {Effect.BLOCK}
    of_findings = [one for one in (*made.rules, EVERY) if one.when.about_findings]
    present = {kind for kind, count in asked.entities.items() if count > 0}
    for kind in present:
        speaks_not = [one for one in of_findings if not plain_concerns(one.when, kind)]
        others = frozenset(entity for _category, entity in present) - {kind[1]}
        if others:
            speaks_not.append(rule(Effect.ALLOW, id="zz-others", entities=others))
        if speaks_not:
            decision = decided(again(made, speaks_not), asked)
            indirect = kind[0] is Category.INDIRECT and bool(decision.rules)
            same = [one for one in present - {kind} if one[1] == kind[1]]
            if not indirect:
                assert decision.effect is Effect.BLOCK
                assert decision.treatments[kind[1]] is Effect.BLOCK
            elif not same and not any(one.when == Condition() for one in speaks_not):
                assert decision.treatments[kind[1]] is Effect.ALLOW


def plain_concerns(when, kind):
    return kind[0] in (when.categories or {kind[0]}) and kind[1] in (when.entities or {kind[1]})


@few
@given(policies(), facts, st.data())
def test_the_order_of_rules_changes_nothing(made, asked, data):
    other = again(made, data.draw(st.permutations(made.rules)))
    assert bare(decided(made, asked)) == bare(decided(other, asked))


@few
@given(policies(), facts, st.data())
def test_a_rule_given_twice_changes_nothing(made, asked, data):
    twice = replace(data.draw(st.sampled_from(made.rules)), id="zz-again")
    one, other = decided(made, asked), decided(again(made, (*made.rules, twice)), asked)
    assert {"zz-again"} >= set(other.rules) - set(one.rules)
    for name in ("effect", "treatments", "sites", "obligations", "excluded"):
        assert getattr(one, name) == getattr(other, name)


@few
@given(policies(effects=MAY_GO_ON), rules(), facts)
def test_a_rule_added_for_a_request_that_may_go_on_makes_nothing_laxer(made, more, asked):
    before = again(made, (*made.rules, EVERY))
    decision = decided(before, asked)
    assume(decision.effect is not Effect.BLOCK)
    added = replace(more, id="zz-more")
    assert stricter(decided(again(made, (*before.rules, added)), asked), decision)


@few
@given(policies(), rules(effects=(Effect.BLOCK,)), facts)
def test_a_blocking_rule_added_to_any_policy_makes_nothing_laxer(made, more, asked):
    added = again(made, (*made.rules, replace(more, id="zz-more")))
    assert stricter(decided(added, asked), decided(made, asked))


@few
@given(policies(), facts, st.data())
def test_an_approval_turns_its_hold_into_an_allow_and_touches_nothing_else(made, asked, data):
    holds = [one.id for one in made.rules if one.effect is Effect.HOLD]
    satisfied = frozenset(data.draw(st.lists(st.sampled_from(holds or ["none"]))))
    allowed = [
        replace(one, effect=Effect.ALLOW)
        if one.id in satisfied and one.effect is Effect.HOLD
        else one
        for one in made.rules
    ]
    approved = decided(made, asked, satisfied)
    assert bare(approved) == bare(decided(again(made, allowed), asked))
    waiting = decided(made, asked)
    for name in ("treatments", "rules", "sites", "obligations", "excluded"):
        assert getattr(approved, name) == getattr(waiting, name)
    assert set(waiting.held_by) - satisfied == set(approved.held_by)


@few
@given(policies(), facts)
def test_a_decision_does_not_depend_on_what_was_decided_before(made, asked):
    one = decided(made, asked)
    for application in documents.APPLICATIONS:
        decided(made, replace(asked, application=application, entities={}))
    assert decided(made, asked) == one
    assert decided(again(made, made.rules), asked) == one


def test_no_member_of_the_language_is_left_untried():
    assert set(documents.MEMBERS) == set(Condition.__slots__)
    assert {member for member, *_ in REACHED} | {"at_least"} == set(Condition.__slots__)
    assert set(documents.PLACES) == set(Where.__slots__)
    assert {member for member, _ in PLACED} == set(Where.__slots__)
    assert set(documents.ASKED) == set(type(NOTHING_ASKED).__slots__)

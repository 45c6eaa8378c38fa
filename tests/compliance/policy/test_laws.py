"""The laws by which rules combine, for any policy and any request."""

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from compliance.policy.conditions import Kind
from compliance.policy.decide import MODEL_NOT_PERMITTED, NO_RULE_SPOKE, decide
from compliance.policy.rules import NOTHING_ASKED, Condition, Rule, Where, canonical
from compliance.policy.terms import given as said
from compliance.vocabulary import Effect
from tests.compliance.policy import documents, plain
from tests.compliance.policy.documents import again, facts, policies, rule, rules

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
        and set(one.held_by) >= set(other.held_by)
        and set(one.excluded) >= set(other.excluded)
    )


def within(one, other):
    return other is None or (one is not None and set(one) <= set(other))


def at_most(one, other):
    return other is None or (one is not None and one <= other)


def test_decisions_are_those_of_the_language_and_every_member_of_it_is_reached():
    outcomes: defaultdict[str, set[Any]] = defaultdict(set)

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(policies(), facts)
    def agree(made, asked):
        chosen = frozenset(one.id for one in made.rules[::2])
        for satisfied in (frozenset(), chosen):
            decision = decided(made, asked, satisfied)
            expected = plain.decided(made, asked, satisfied)
            assert seen(decision) == expected
        reach(made, asked, decision, outcomes)

    agree()
    members = {f"when.{name}" for name in documents.MEMBERS}
    members |= {f"where.{name}" for name in documents.PLACES}
    assert {name for name in members if outcomes[name] != {True, False}} == set()
    assert outcomes["obligations"] == set(documents.ASKED)
    assert outcomes["effect"] == set(Effect)
    assert outcomes["reasons"] >= {NO_RULE_SPOKE, MODEL_NOT_PERMITTED}


def seen(decision):
    obligations = decision.obligations
    return {
        "effect": decision.effect,
        "treatments": decision.treatments,
        "rules": decision.rules,
        "sites": decision.sites,
        "excluded": decision.excluded,
        "held_by": decision.held_by,
        **{name: getattr(obligations, name) for name in documents.ASKED},
    }


def reach(made, asked, decision, outcomes):
    """Note which members were there, and whether each held and did not."""
    document = {"zone": made.zone_name, "regions": made.regions}
    found = {kind: count for kind, count in asked.entities.items() if count > 0}
    written = json.loads(canonical(made))["rules"]
    for one in written:
        findings = {
            name: value
            for name, value in one["when"].items()
            if name in ("categories", "entities", "at_least")
        }
        for name, value in one["when"].items():
            if name in findings:
                spoken = plain.speaks(findings, asked, found, document) is not None
                outcomes[f"when.{name}"].add(spoken)
            else:
                outcomes[f"when.{name}"].add(plain.holds(name, value, asked, document))
        for name, value in one.get("where", {}).items():
            for site in asked.serving.candidates:
                held = plain.permits({name: value}, site, asked.time, made.regions)
                outcomes[f"where.{name}"].add(held)
        outcomes["obligations"] |= set(one.get("obligations", ()))
    outcomes["effect"].add(decision.effect)
    outcomes["reasons"] |= set(decision.reasons)


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
        if speaks_not:
            decision = decided(again(made, speaks_not), asked)
            assert decision.effect is Effect.BLOCK
            assert decision.treatments[kind[1]] is Effect.BLOCK


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


def test_no_member_of_the_language_is_without_a_strategy():
    assert set(documents.MEMBERS) == set(Condition.__slots__)
    assert set(documents.PLACES) == set(Where.__slots__)
    assert set(documents.ASKED) == set(type(NOTHING_ASKED).__slots__)
    assert said(NOTHING_ASKED) == {}

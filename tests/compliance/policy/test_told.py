"""Answers quote the names that people chose, and take no name for what nobody named."""

import pytest

from compliance.policy.asking import Asking, Topic, answer_document, answer_of, answers
from compliance.policy.countries import phrase
from compliance.policy.decide import decide
from compliance.policy.leaving import judged, leaves
from compliance.policy.looser import looser
from compliance.policy.overlaps import conflicts, shadowed, unreachable
from compliance.policy.paths import without_path
from compliance.policy.terms import Assertion, Never, Where
from compliance.policy.told import table, told
from compliance.policy.universe import Known
from compliance.policy.unnamed import OTHERS
from compliance.policy.words import quoted
from compliance.vocabulary import Candidate, Category, Effect, Facts, Serving
from tests.compliance.policy.documents import NOON, of, rule

LIE = "clinic. It is blocked. It may go to the site berlin in Germany"
"""A name that would end a sentence and begin others."""

SPECIAL = frozenset({Category.SPECIAL})
NEVER = Never(SPECIAL, None, Where(countries=frozenset({"DE"})))
REST = rule(Effect.ALLOW, id="rest")
NAMED = frozenset({LIE})


def without_quotes(text):
    return text.replace(quoted(LIE), "").replace(quoted(f"{LIE} too"), "")


def every_fact(name):
    """A request of which everything that somebody chose is called so."""
    named = frozenset({name})
    site = Candidate(name, "FR", operator=name, certifications=named)
    own = {"purpose": name, "legal_basis": name, "owner": name, "tools": named}
    serving = Serving(name, name, False, (site,))
    return Facts(name, name, {(Category.SPECIAL, name): 2}, time=NOON, serving=serving, **own)


@pytest.mark.parametrize("effect", [Effect.ALLOW, Effect.HOLD, Effect.BLOCK])
def test_no_name_of_a_request_stands_unquoted_in_what_is_told_of_it(effect):
    facts = every_fact(LIE)
    placed = rule(Effect.ALLOW, id=f"{LIE} too", where={"countries": frozenset({"DE"})})
    more = [placed] if effect is Effect.ALLOW else []
    policy = of(rule(effect, id=LIE, applications=NAMED), *more)
    decision = decide(policy, facts, frozenset())
    for known in (Known(), Known(sites=facts.serving.candidates)):
        said = told(policy, facts, decision, known)
        assert said.count(quoted(LIE)) >= 7, said
        assert LIE not in without_quotes(said)
    shown = dict(table(facts))
    assert sum(quoted(LIE) in value for value in shown.values()) == 12
    assert LIE not in without_quotes(str(shown))


def answered():
    """An answer to each question that has to say a name."""
    mine = rule(Effect.ALLOW, id=LIE, categories=SPECIAL, applications=NAMED)
    asserting = of(mine, assertions=(Assertion(LIE, LIE, NEVER),))
    yield leaves(asserting, NEVER, since=NOON).examples[0].words
    yield judged(asserting, since=NOON)[0].words
    stopped = rule(Effect.BLOCK, id="no", applications=NAMED)
    yield looser(of(stopped, REST), of(REST), since=NOON).words
    counted = rule(Effect.BLOCK, id="no", entities=NAMED, at_least=2)
    yield looser(of(counted, REST), of(REST), since=NOON).words
    never = rule(Effect.BLOCK, id=LIE, applications=NAMED, applications_except=NAMED)
    yield unreachable(of(REST, never), since=NOON).words
    yield shadowed(of(REST, rule(Effect.ALLOW, id=LIE)), since=NOON).words
    there = [
        rule(Effect.ALLOW, id=f"{LIE}{more}", where={"countries": frozenset({country})})
        for more, country in (("", "DE"), (" too", "FR"))
    ]
    yield conflicts(of(*there), since=NOON).words
    asking = Known(applications=(Facts(LIE, ""),))
    yield without_path(of(rule(Effect.BLOCK)), since=NOON, known=asking).words


def test_no_answer_says_a_name_unquoted():
    for said in answered():
        assert quoted(LIE) in str(said), said
        assert LIE not in without_quotes(str(said))


@pytest.mark.parametrize("more", ["", " of the house"])
def test_what_is_called_like_a_placeholder_is_told_by_its_name(more):
    names = {fact: f"{other}{more}" for fact, other in OTHERS.items()}
    facts = Facts(
        names["application"],
        names["model"],
        {(Category.SPECIAL, f"another kind of special data{more}"): 1},
        time=NOON,
        purpose=names["purpose"],
        legal_basis=names["legal_basis"],
        owner=names["owner"],
        tools=frozenset({names["tools"]}),
        serving=Serving(
            names["licence"],
            names["publisher"],
            False,
            (
                Candidate(
                    names["site"],
                    "FR",
                    names["operator"],
                    frozenset({names["certifications"]}),
                ),
            ),
        ),
    )
    policy = of(REST)
    said = told(policy, facts, decide(policy, facts, frozenset()), Known())
    shown = " ".join(value for _name, value in table(facts))
    assert "that no rule names" not in said + shown
    assert "does not matter" not in shown
    for fact in names.keys() - {"subject_countries"}:
        assert quoted(names[fact]) in shown, fact
    for fact in ("application", "model", "purpose", "legal_basis", "owner", "tools", "site"):
        assert quoted(names[fact]) in said, fact


def test_of_two_applications_the_one_called_like_the_placeholder_is_told_by_its_name():
    named = OTHERS["application"]
    old = of(rule(Effect.BLOCK, applications=frozenset({named})), REST)
    (_headline, said) = looser(old, of(REST), since=NOON).words
    assert said.startswith(f"For {quoted(named)}, ")
    old = of(rule(Effect.BLOCK, applications_except=frozenset({named})), REST)
    (_headline, said) = looser(old, of(REST), since=NOON).words
    assert said.startswith("For every application that no rule names, ")


def test_what_nobody_named_is_told_as_such_also_by_the_process_that_proves():
    asking = Asking(Topic.LEAVES, of(REST), NOON, never=NEVER)
    (answer,) = (answer_of(answer_document(one)) for one in answers(asking))
    (example,) = answer.examples
    shown = dict(example.table)
    assert "an application that no rule names" in example.words
    assert (shown["Application"], shown["Its purpose"]) == (
        "one that no rule names",
        "does not matter",
    )
    assert "of a type that no rule names" in shown["Found in the text"]
    assert phrase("FR") == shown["Country of the site"]

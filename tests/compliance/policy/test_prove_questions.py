"""Questions about a policy: what is proved, what is shown, and that both are so."""

import random
from dataclasses import replace

import pytest

from compliance.policy import leaving
from compliance.policy.asking import (
    Asking,
    Topic,
    answer_document,
    answer_of,
    answers,
    asking_document,
    asking_of,
)
from compliance.policy.canonical import policy
from compliance.policy.decide import decide
from compliance.policy.default import DEFAULT
from compliance.policy.example import plain
from compliance.policy.leaving import judged, leaves, violated
from compliance.policy.looser import looser
from compliance.policy.overlaps import conflicts, shadowed, unreachable
from compliance.policy.paths import without_path
from compliance.policy.prove import Question, Verdict, holds
from compliance.policy.regions import NEWEST
from compliance.policy.terms import Assertion, Condition, Hours, Never, Retention, Rule, Where
from compliance.policy.universe import Known
from compliance.vocabulary import (
    Candidate,
    Category,
    Effect,
    Endpoint,
    Facts,
    Obligations,
    Serving,
)
from tests.compliance.policy import chance

SINCE = chance.SINCE
GERMANY = Where(countries=frozenset({"DE"}))
EUROPE = Where(regions=frozenset({"EU"}))
SPECIAL = frozenset({Category.SPECIAL})
PERSONAL = frozenset({Category.PERSONAL})
GERMANY_OR_EU = Where(countries=frozenset({"DE"}), regions=frozenset({"EU"}))
NEVER = Never(SPECIAL, None, GERMANY)
REST = Rule("rest", "Allows the rest.", Condition(), Effect.ALLOW)


def of(*rules, retention=None, **more):
    return policy("asked", 1, rules, retention or Retention(), regions=NEWEST, **more)


def rule(name, effect=Effect.ALLOW, where=None, obligations=None, **when):
    asked = obligations or Obligations()
    return Rule(name, f"{name} says {effect}.", Condition(**when), effect, where, asked)


def about(answer):
    return answer.verdict, answer.subjects


# --- Does it leave? -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "proved"),
    [
        ([REST], False),
        ([REST, rule("a", where=GERMANY, categories=SPECIAL)], True),
        ([REST, rule("a", Effect.MASK, categories=SPECIAL)], True),
        ([REST, rule("a", Effect.PSEUDONYMISE, categories=SPECIAL)], False),
        ([REST, rule("a", Effect.BLOCK, categories=SPECIAL)], True),
        ([REST, rule("a", Effect.HOLD, categories=SPECIAL)], False),
        ([REST, rule("a", Effect.BLOCK, entities=frozenset({"HEALTH"}))], False),
        ([rule("a", categories=PERSONAL)], True),  # of special categories no rule speaks
        ([REST, rule("a", where=EUROPE, categories=SPECIAL)], False),
        ([REST, rule("a", Effect.BLOCK, categories=SPECIAL, at_least=3)], False),
        ([REST, rule("a", Effect.BLOCK, hours=Hours(start=480, end=1080))], False),
        (
            [
                REST,
                rule("a", Effect.BLOCK, hours=Hours(start=480, end=1080)),
                rule("b", Effect.BLOCK, hours=Hours(start=1080, end=480)),
            ],
            True,
        ),
    ],
)
def test_whether_special_categories_can_leave_germany(rules, proved):
    answer = leaves(of(*rules), NEVER, since=SINCE)
    assert (answer.verdict is Verdict.PROVED) is proved
    assert len(answer.examples) == (0 if proved else 1)


@pytest.mark.parametrize("category", Category)
def test_a_document_cannot_name_what_stands_for_all_that_it_does_not_name(category):
    categories = frozenset({category})
    others = Question([of(REST)], since=SINCE).world.unnamed[category]
    named = rule("a", Effect.MASK, categories=categories, entities=frozenset({others}))
    never = Never(categories, None, GERMANY)
    answer = leaves(of(REST, named), never, since=SINCE)
    assert answer.verdict is Verdict.COUNTEREXAMPLE
    ((_category, entity),) = answer.examples[0].facts.entities
    assert entity != others
    masked = of(REST, rule("a", Effect.MASK, categories=categories))
    assert looser(masked, of(REST, named), since=SINCE).verdict is Verdict.COUNTEREXAMPLE


def test_an_example_of_many_findings_is_made_plain_without_trying_every_number():
    old = of(rule("a", Effect.MASK, categories=SPECIAL, at_least=100_000), REST)
    coverage = frozenset((Category.SPECIAL, f"E{number}") for number in range(20))
    counted = []

    def shows(facts):
        counted.append(facts)
        return decide(old, facts, coverage).effect is Effect.MASK

    world = Question([old], since=SINCE, known=Known(coverage=coverage)).world
    found = {(Category.SPECIAL, "other"): 120_000, (Category.SPECIAL, "more"): 7}
    facts = chance.request(random.Random(1))
    plainly = plain(world, replace(facts, entities=found), shows)
    assert plainly.entities == {(Category.SPECIAL, "E0"): 100_000}
    assert len(counted) < 200


def test_a_region_is_judged_at_every_time_to_come():
    britain = rule("a", where=Where(countries=frozenset({"GB"})), categories=SPECIAL)
    adequate = Never(SPECIAL, None, Where(regions=frozenset({"ADEQUATE"})))
    answer = leaves(of(REST, britain), adequate, since=SINCE)
    assert answer.verdict is Verdict.COUNTEREXAMPLE
    assert answer.examples[0].facts.time >= 1_956_182_400_000_000  # 28 December 2031
    assert leaves(of(REST, britain), adequate, since=2_000_000_000_000_000).examples


def test_a_registered_site_is_where_it_is_registered():
    at_home = of(REST, rule("a", where=Where(sites=frozenset({"home"})), categories=SPECIAL))
    assert leaves(at_home, NEVER, since=SINCE).verdict is Verdict.COUNTEREXAMPLE
    german = Known(sites=(Candidate("home", "DE"),))
    assert leaves(at_home, NEVER, since=SINCE, known=german).verdict is Verdict.PROVED
    french = Known(sites=(Candidate("home", "FR"),))
    (example,) = leaves(at_home, NEVER, since=SINCE, known=french).examples
    assert (example.candidate.site, example.candidate.country) == ("home", "FR")


def test_an_example_says_as_little_as_shows_it():
    (example,) = leaves(of(REST), NEVER, since=SINCE).examples
    facts = example.facts
    assert facts.entities == {(Category.SPECIAL, "another kind of special data"): 1}
    assert (facts.application, facts.tools) == ("any other application", frozenset())
    assert not facts.high_risk
    coverage = frozenset({(Category.SPECIAL, "HEALTH")})
    (example,) = leaves(of(REST), NEVER, since=SINCE, known=Known(coverage=coverage)).examples
    assert list(example.facts.entities) == [(Category.SPECIAL, "HEALTH")]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_proved_to_stay_is_never_seen_to_leave(seed):
    rng = random.Random(seed)
    made = chance.drawn_policy(rng, most=5)
    place = Where(**chance.drawn(rng, chance.PLACES, 1))
    never = Never(chance.some(rng, Category), None, place)
    answer = leaves(made, never, since=SINCE)
    assert answer.verdict is not Verdict.UNDECIDED
    if answer.verdict is Verdict.COUNTEREXAMPLE:
        return  # `leaves` has asked `decide` about the example
    for _ in range(300):
        facts = chance.request(rng)
        for candidate in facts.serving.candidates:
            alone = replace(facts, serving=replace(facts.serving, candidates=(candidate,)))
            assert not leaving._leaves(made, never, alone, Known())


# --- Rules about rules --------------------------------------------------------------------


def test_a_rule_whose_conditions_exclude_each_other_never_speaks():
    silent = rule("never", tools_offered=True, hours=Hours(start=0, end=1), restricted=False)
    assert unreachable(of(REST, silent), since=SINCE).verdict is Verdict.PROVED
    impossible = rule("never", tools_offered=False, tools=frozenset({"t"}))
    assert about(unreachable(of(REST, impossible), since=SINCE)) == (
        Verdict.COUNTEREXAMPLE,
        ("never",),
    )


@pytest.mark.parametrize(
    ("rules", "idle"),
    [
        ([REST, rule("a", Effect.MASK, categories=SPECIAL)], ()),
        ([REST, rule("a", categories=SPECIAL)], ("a",)),
        (
            [
                REST,
                rule("wide", Effect.BLOCK, categories=SPECIAL),
                rule("narrow", Effect.MASK, categories=SPECIAL, high_risk=True),
            ],
            ("narrow",),
        ),
        (
            [
                REST,
                rule("a", where=EUROPE),
                rule("b", where=Where(countries=frozenset({"FR", "US"}))),
                rule("c", where=Where(countries=frozenset({"FR", "DE"})), high_risk=True),
            ],
            ("rest", "c"),  # the first two leave France alone
        ),
        ([rule("a", where=GERMANY), rule("b", where=GERMANY)], ("a", "b")),
        (
            [
                REST,
                rule("days", obligations=Obligations(content_days=0)),
                rule("more", obligations=Obligations(content_days=7)),
            ],
            ("rest", "more"),
        ),
        ([REST, rule("a", Effect.HOLD), rule("b", Effect.HOLD, high_risk=True)], ("rest", "b")),
    ],
)
def test_rules_that_change_no_decision_are_named(rules, idle):
    answer = shadowed(of(*rules), since=SINCE)
    assert answer.subjects == idle


def test_rules_that_leave_no_site_or_no_model_are_named_with_a_request():
    made = of(
        REST,
        rule("germany", where=GERMANY, applications=frozenset({"hr"})),
        rule("france", where=Where(countries=frozenset({"FR"})), high_risk=True),
        rule("norway", where=Where(countries=frozenset({"NO"})), applications=frozenset({"x"})),
        rule("small", obligations=Obligations(models=frozenset({"s"})), high_risk=True),
        rule("large", obligations=Obligations(models=frozenset({"l"})), restricted=True),
        rule("no", Effect.BLOCK, categories=PERSONAL, entities=frozenset({"PERSON"})),
        rule("yes", categories=PERSONAL),
    )
    answer = conflicts(made, since=SINCE)
    assert answer.subjects == (
        "germany / france",
        "france / norway",
        "small / large",
        "yes / no",
    )
    assert len(answer.examples) == 4
    assert "It may not go to" in answer.examples[0].words


def test_rules_that_leave_no_site_only_later_are_named_with_the_time():
    britain = rule("britain", where=Where(countries=frozenset({"GB"})))
    adequate = rule("adequate", where=Where(regions=frozenset({"ADEQUATE"})))
    (said,) = (answer := conflicts(of(britain, adequate), since=SINCE)).words
    assert said.startswith(
        "The rules “britain” and “adequate” can, from Sunday, 2031-12-28 00:00 UTC on, speak of"
    )
    assert answer.examples[0].facts.time >= 1_956_182_400_000_000
    swiss = rule("britain", where=Where(countries=frozenset({"CH"})))
    assert conflicts(of(swiss, adequate), since=SINCE).verdict is Verdict.PROVED


def test_applications_without_any_path_are_named_with_the_reason():
    served = {"small": Serving("Apache-2.0", "Lab", False, (Candidate("home", "DE"),))}
    hr, lab, demo = (Facts(name, "") for name in ("hr", "lab", "demo"))
    known = Known(applications=(hr, lab, demo), served=served)
    made = of(
        REST,
        rule("a", where=Where(countries=frozenset({"FR"})), applications=frozenset({"hr"})),
        rule("b", Effect.BLOCK, applications=frozenset({"lab"})),
        rule("c", Effect.HOLD, applications=frozenset({"demo"})),
    )
    answer = without_path(made, since=SINCE, known=known)
    assert about(answer) == (Verdict.COUNTEREXAMPLE, ("hr", "lab"))
    assert answer.words[1:] == (
        "“hr”: no site that serves a model is permitted for what it may ask.",
        "“lab”: the policy blocks every request of it.",
    )
    assert without_path(of(REST), since=SINCE, known=known).verdict is Verdict.PROVED


# --- Looser -------------------------------------------------------------------------------

OLD = of(
    REST,
    rule("personal", Effect.MASK, categories=PERSONAL),
    rule("special", Effect.BLOCK, categories=SPECIAL),
    rule("place", where=EUROPE),
    rule("asks", Effect.HOLD, applications=frozenset({"hr"})),
    rule("duty", obligations=Obligations(7, True, 100, None, True), high_risk=True),
    retention=Retention(30, 90),
)


def changed(name, **parts):
    rules = [replace(one, **parts) if one.id == name else one for one in OLD.rules]
    return policy("asked", 2, tuple(rules), OLD.retention, regions=NEWEST)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (
            changed("personal", effect=Effect.PSEUDONYMISE),
            "personal data (GDPR Art. 4) was found",
        ),
        (changed("special", effect=Effect.MASK), "requests that were blocked may go on"),
        (changed("place", where=Where(regions=frozenset({"EEA"}))), "sites are permitted"),
        (changed("asks", effect=Effect.ALLOW), "no person has to approve what was held before"),
        (
            changed("duty", obligations=Obligations(8, True, 100, None, True)),
            "before: 7; now: 8",
        ),
        (
            changed("duty", obligations=Obligations(None, True, 100, None, True)),
            "before: 7; now: 30",
        ),
        (changed("duty", obligations=Obligations(7, True, None, None, True)), "now: no bound"),
        (changed("duty", obligations=Obligations(7, False, 100, None, True)), "not marked"),
        (
            changed("duty", obligations=Obligations(7, True, 100, None, False)),
            "no person has to",
        ),
        (replace(OLD, retention=Retention(30, 91)), "Details of events may be kept for longer"),
    ],
)
def test_what_became_looser_is_told(new, words):
    answer = looser(OLD, new, since=SINCE)
    assert answer.verdict is Verdict.COUNTEREXAMPLE
    assert any(words in said for said in answer.words), answer.words
    assert looser(new, OLD, since=SINCE).verdict is Verdict.PROVED


def test_no_longer_withholding_reasoning_lets_go_on_what_could_not_be_told_apart():
    quiet = of(replace(REST, obligations=Obligations(withhold_reasoning=True)))
    answer = looser(quiet, of(REST), since=SINCE)
    blocked = next(one for one in answer.examples if one.facts.serving.reasons)
    assert blocked.facts.endpoint is Endpoint.COMPLETIONS
    assert "It asks to go on with a text (/v1/completions)." in blocked.words
    told = dict(blocked.table)
    assert told["Endpoint"] == "/v1/completions"
    assert told["It may write down its reasoning"] == "yes"
    assert looser(of(REST), quiet, since=SINCE).verdict is Verdict.PROVED


def test_how_pseudonyms_read_makes_no_version_looser():
    named = of(replace(REST, obligations=Obligations(realistic_pseudonyms=True)))
    assert looser(named, of(REST), since=SINCE).verdict is Verdict.PROVED
    assert looser(of(REST), named, since=SINCE).verdict is Verdict.PROVED


def test_answers_that_may_hold_more_are_looser_and_those_that_are_stopped_are_not():
    masked = of(replace(REST, obligations=Obligations(mask_answers=PERSONAL)))
    stopped = of(replace(REST, obligations=Obligations(block_answers=PERSONAL)))
    special = of(replace(REST, obligations=Obligations(mask_answers=SPECIAL)))
    (_headline, said) = looser(masked, special, since=SINCE).words
    kind = "of personal data (GDPR Art. 4), what only the answer holds"
    assert f"{kind} is not masked any more" in said
    (_headline, said) = looser(stopped, masked, since=SINCE).words
    assert f"{kind} does not end it any more" in said
    assert looser(masked, stopped, since=SINCE).verdict is Verdict.PROVED


def test_for_whom_it_is_looser_is_told_exactly():
    hr, lab = frozenset({"hr"}), frozenset({"lab"})
    old = of(REST, rule("a", Effect.BLOCK, applications=hr | lab, categories=SPECIAL))
    new = of(REST, rule("a", Effect.BLOCK, applications=lab, categories=SPECIAL))
    registered = Known(applications=(Facts("hr", ""), Facts("desk", "")))
    (_headline, said) = looser(old, new, since=SINCE, known=registered).words
    assert said == (
        "For “hr”, where special categories of personal data (GDPR Art. 9) was found: requests"
        " that were blocked may go on (before: blocked; now: allow)."
    )


def test_applications_that_no_rule_names_are_told_together():
    registered = Known(applications=(Facts("hr", ""), Facts("desk", "")))
    old = of(REST, rule("a", Effect.BLOCK, applications=frozenset({"hr"})))
    only = rule("a", Effect.BLOCK, applications=frozenset({"hr"}), high_risk=True)
    (_headline, said) = looser(old, of(REST, only), since=SINCE, known=registered).words
    assert said.startswith("For “hr”, whatever was found: ")
    stricter = of(REST, rule("a", Effect.BLOCK))
    (_headline, said) = looser(stricter, of(REST), since=SINCE, known=registered).words
    assert said.startswith("For every application, whatever was found: ")


def test_what_only_findings_together_show_is_found_too():
    entities = frozenset({"A", "B"})
    old = of(REST, rule("both", Effect.BLOCK, entities=entities, at_least=4))
    new = of(
        REST,
        rule("a", Effect.BLOCK, entities=frozenset({"A"}), at_least=4),
        rule("b", Effect.BLOCK, entities=frozenset({"B"}), at_least=4),
    )
    answer = looser(old, new, since=SINCE)
    assert answer.verdict is Verdict.COUNTEREXAMPLE
    assert all("together" in said for said in answer.words[1:])


def test_every_application_is_named_for_which_only_findings_together_show_it():
    entities = frozenset({"A", "B"})
    named = [
        rule("hr", applications=frozenset({"hr"})),
        rule("lab", applications=frozenset({"lab"})),
    ]
    old = of(REST, *named, rule("both", Effect.BLOCK, entities=entities, at_least=2))
    alone = [
        rule(f"only-{one}", Effect.BLOCK, entities=frozenset({one}), at_least=2)
        for one in sorted(entities)
    ]
    answer = looser(old, of(REST, *named, *alone), since=SINCE)
    assert answer.verdict is Verdict.COUNTEREXAMPLE
    (_headline, said) = answer.words
    assert said.startswith("For every application, where “A” and “B” together was found: ")


@pytest.mark.parametrize("seed", range(8))
def test_a_version_that_is_proved_to_be_no_looser_lets_nothing_more_through(seed):
    rng = random.Random(seed)
    old = chance.drawn_policy(rng, most=4)
    more = [chance.rule(rng, number + 50) for number in range(2)]
    stricter = [one for one in more if one.effect is Effect.BLOCK or seed % 2]
    new = policy("drawn", 2, (*old.rules, *stricter), regions=NEWEST, zone=old.zone)
    if looser(old, new, since=SINCE).verdict is not Verdict.PROVED:
        return
    for _ in range(300):
        facts = chance.request(rng)
        one, other = (decide(made, facts, chance.COVERAGE, holds(made)) for made in (old, new))
        if other.effect is not Effect.BLOCK:
            assert one.effect is not Effect.BLOCK
            assert (
                other.sites is None or one.sites is None or set(other.sites) <= set(one.sites)
            )


# --- Assertions, limits, and the way to another process -----------------------------------


def test_an_assertion_that_is_violated_or_undecided_is_told():
    asserting = replace(of(REST), assertions=(Assertion("stays", "By contract.", NEVER),))
    (wrong,) = violated(judged(asserting, since=SINCE))
    assert wrong.words[0] == "The assertion “stays” (“By contract.”) does not hold."
    (unknown,) = violated(judged(asserting, since=SINCE, limit=1))
    assert unknown.answer.verdict is Verdict.UNDECIDED
    kept = replace(asserting, rules=(*asserting.rules, rule("a", where=GERMANY)))
    assert violated(judged(kept, since=SINCE)) == ()


def test_the_same_question_takes_the_same_effort_each_time():
    spent = {leaves(DEFAULT, NEVER, since=SINCE).spent for _ in range(3)}
    assert len(spent) == 1
    assert spent.pop() > 0


@pytest.mark.parametrize("topic", list(Topic))
def test_a_question_with_too_low_a_limit_is_undecided_and_never_proved(topic):
    asserting = replace(OLD, assertions=(Assertion("stays", "By contract.", NEVER),))
    newer = changed("personal", effect=Effect.ALLOW)
    known = Known(applications=(Facts("hr", ""),))
    conflicting = of(*OLD.rules, rule("two", where=Where(countries=frozenset({"US"}))))
    asked = conflicting if topic is Topic.CONFLICTS else asserting
    asking = Asking(topic, asked, SINCE, known, never=NEVER, old=newer, limit=1)
    assert [answer.verdict for answer in answers(asking)] == [Verdict.UNDECIDED]


def test_a_question_and_its_answer_go_to_another_process_and_back():
    served = {
        "small": Serving(
            "MIT", "Lab", True, (Candidate("home", "DE", "Op", frozenset("c"), 1),)
        )
    }
    coverage = frozenset({(Category.SPECIAL, "HEALTH")})
    sites = (Candidate("home", "DE", "Op", frozenset({"c"})),)
    known = Known(sites, coverage, (Facts("hr", "", purpose="Hiring"),), served)
    asking = Asking(
        Topic.LEAVES, OLD, SINCE, known, NEVER, changed("place", where=GERMANY_OR_EU)
    )
    assert asking_of(asking_document(asking)) == asking
    (answer,) = answers(replace(asking, policy=of(REST)))
    assert answer_of(answer_document(answer)) == answer

import datetime as dt
import sys
from dataclasses import replace

from hypothesis import given, settings

from compliance.policy import compiled
from compliance.policy.compiled import MANY, VERSIONS
from compliance.policy.decide import (
    MODEL_NOT_PERMITTED,
    NO_RULE_SPOKE,
    decide,
    not_enforced,
)
from compliance.policy.default import DEFAULT
from compliance.policy.rules import NOTHING_ASKED, Hours, policy
from compliance.policy.zones import zone
from compliance.vocabulary import Candidate, Category, Effect, Facts, Serving
from tests.compliance.policy.documents import (
    NOON,
    SECOND,
    again,
    coverages,
    facts,
    of,
    policies,
    rule,
    sites,
)

PERSON = (Category.PERSONAL, "PERSON")
IBAN = (Category.PAYMENT, "IBAN_CODE")
PASSWORD = (Category.CREDENTIAL, "PASSWORD")
COVERAGE = frozenset({PERSON, IBAN, PASSWORD})


def asked(*found, application="app", model="small", **more):
    return Facts(application, model, dict.fromkeys(found, 1), **more)


@settings(max_examples=30)
@given(policies(), facts, coverages)
def test_removing_an_allow_that_asks_nothing_else_never_loosens_a_decision(
    made, given_facts, coverage
):
    before = decide(made, given_facts, coverage)
    kept = tuple(
        rule
        for rule in made.rules
        if (rule.effect, rule.obligations) != (Effect.ALLOW, NOTHING_ASKED)
    )
    after = decide(again(made, kept), given_facts, coverage)
    assert after.effect.strictness >= before.effect.strictness
    for entity, effect in before.treatments.items():
        assert after.treatments[entity].strictness >= effect.strictness


def test_a_kind_of_which_no_rule_speaks_is_blocked_though_another_is_allowed():
    made = of(rule(Effect.ALLOW, categories=frozenset({Category.PERSONAL})))
    decision = decide(made, asked(PERSON, IBAN), COVERAGE)
    assert decision.effect is Effect.BLOCK
    assert decision.treatments == {"PERSON": Effect.ALLOW, "IBAN_CODE": Effect.BLOCK}
    assert decision.reasons == ("rule says allow", NO_RULE_SPOKE)


def test_category_and_entity_must_hold_for_one_and_the_same_finding():
    both = rule(
        Effect.BLOCK,
        categories=frozenset({Category.PAYMENT}),
        entities=frozenset({"PERSON"}),
    )
    made = of(both, rule(Effect.ALLOW, id="else"))
    assert decide(made, asked(PERSON, IBAN), COVERAGE).effect is Effect.ALLOW
    assert decide(made, asked((Category.PAYMENT, "PERSON")), COVERAGE).effect is Effect.BLOCK


def test_sites_of_all_rules_that_spoke_are_narrowed_together():
    made = of(
        rule(Effect.ALLOW, id="a", where={"sites": frozenset({"berlin", "paris"})}),
        rule(Effect.ALLOW, id="b", where={"sites": frozenset({"paris", "rome"})}),
        rule(
            Effect.ALLOW,
            id="c",
            where={"sites": frozenset({"oslo"})},
            models=frozenset({"large"}),
        ),
    )
    served = sites("berlin", "oslo", "paris", "rome")
    narrowed = decide(made, asked(serving=served), COVERAGE)
    assert narrowed.sites == ("paris",)
    assert narrowed.excluded == {"berlin": "b", "oslo": "a", "rome": "a"}
    assert decide(made, asked(model="large", serving=served), COVERAGE).sites == ()
    assert decide(DEFAULT, asked(serving=served), COVERAGE).sites is None


def test_the_default_policy_treats_each_kind_as_the_law_distinguishes_it():
    decision = decide(DEFAULT, asked(PERSON, IBAN), COVERAGE)
    assert decision.effect is Effect.PSEUDONYMISE
    assert decision.treatments == {
        "PERSON": Effect.PSEUDONYMISE,
        "IBAN_CODE": Effect.PSEUDONYMISE,
    }
    assert decide(DEFAULT, asked(PERSON, PASSWORD), COVERAGE).effect is Effect.BLOCK
    assert decide(DEFAULT, asked(), COVERAGE).effect is Effect.ALLOW
    for category in (Category.SPECIAL, Category.CRIMINAL):
        assert decide(DEFAULT, asked((category, "X")), COVERAGE).effect is Effect.BLOCK


def test_the_default_policy_lets_unchecked_names_pass_in_the_demo_application_only():
    assert decide(DEFAULT, asked(names_unchecked=True), COVERAGE).effect is Effect.BLOCK
    demo = asked(application="demo", names_unchecked=True)
    assert decide(DEFAULT, demo, COVERAGE).effect is Effect.ALLOW
    blocked = decide(DEFAULT, asked(names_unchecked=True), COVERAGE)
    assert blocked.rules == ("names-unchecked", "otherwise")


def test_rules_that_no_recogniser_can_trigger_are_named():
    assert not_enforced(DEFAULT, COVERAGE) == ("criminal-offences", "special-categories")
    assert decide(DEFAULT, asked(), COVERAGE).not_enforced == (
        "criminal-offences",
        "special-categories",
    )
    with_health = COVERAGE | {(Category.SPECIAL, "HEALTH")}
    assert not_enforced(DEFAULT, with_health) == ("criminal-offences",)
    assert "personal-data" in not_enforced(DEFAULT, frozenset())


@settings(max_examples=30)
@given(policies(), coverages, facts)
def test_a_rule_that_is_not_enforced_never_speaks_of_what_can_be_found(
    made, coverage, asked_for
):
    found = {kind: n for kind, n in asked_for.entities.items() if kind in coverage}
    seen = Facts(asked_for.application, asked_for.model, found, asked_for.names_unchecked)
    decision = decide(made, seen, coverage)
    assert not set(decision.rules) & set(decision.not_enforced)


def calls(run):
    """How many Python functions a call of `run` enters."""
    entered = 0

    def count(_frame, event, _argument):
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return entered


def many(count):
    """A policy of so many rules, of which few can speak of the requests below."""
    elsewhere = tuple(
        rule(Effect.MASK, id=f"rule-{number}", entities=frozenset({f"OTHER_{number}"}))
        if number % 2
        else rule(Effect.MASK, id=f"rule-{number}", applications=frozenset({f"app-{number}"}))
        for number in range(count)
    )
    return of(*elsewhere, rule(Effect.ALLOW, id="else", high_risk=False))


def test_rules_about_other_applications_and_other_findings_cost_nothing():
    request = asked(PERSON, IBAN, (Category.PERSONAL, "EMAIL_ADDRESS"))
    few, more = many(10), many(900)
    for made in (few, more):
        assert decide(made, request, COVERAGE).rules == ("else",)
    spent = [calls(lambda made=made: decide(made, request, COVERAGE)) for made in (few, more)]
    assert spent[0] == spent[1]


def test_what_is_kept_ready_is_bounded():
    for number in range(2 * VERSIONS):
        made = policy("another", number + 1, (rule(Effect.ALLOW),))
        assert decide(made, asked(), COVERAGE).version == number + 1
    assert len(compiled._ready) <= VERSIONS
    ready = compiled.compiled(DEFAULT)
    for number in range(2 * MANY):
        decide(DEFAULT, asked((Category.PERSONAL, f"KIND_{number}")), COVERAGE)
        decide(DEFAULT, asked(application=f"app-{number}"), COVERAGE)
    assert max(len(ready._general), len(ready._special)) <= MANY


def test_two_versions_that_claim_one_digest_are_not_taken_for_each_other():
    made = of(rule(Effect.ALLOW))
    forged = replace(of(rule(Effect.BLOCK)), digest=made.digest)
    assert decide(made, asked(), COVERAGE).effect is Effect.ALLOW
    assert decide(forged, asked(), COVERAGE).effect is Effect.BLOCK
    assert decide(made, asked(), COVERAGE).effect is Effect.ALLOW


def test_a_hold_stops_the_request_and_not_the_text_until_it_is_approved():
    made = of(
        rule(Effect.HOLD, id="look", categories=frozenset({Category.PERSONAL})),
        rule(Effect.MASK, id="names", entities=frozenset({"PERSON"})),
        rule(Effect.ALLOW, id="else"),
    )
    held = decide(made, asked(PERSON), COVERAGE)
    assert (held.effect, held.held_by) == (Effect.HOLD, ("look",))
    assert held.treatments == {"PERSON": Effect.MASK}
    approved = decide(made, asked(PERSON), COVERAGE, frozenset({"look"}))
    assert (approved.effect, approved.held_by) == (Effect.MASK, ())
    blocked = of(*made.rules, rule(Effect.BLOCK, id="stop"))
    decision = decide(blocked, asked(PERSON), COVERAGE, frozenset({"look", "stop"}))
    assert decision.effect is Effect.BLOCK


def test_a_model_that_the_obligations_leave_out_is_blocked_with_a_reason():
    made = of(
        rule(Effect.ALLOW, id="a", asks={"models": frozenset({"small", "large"})}),
        rule(Effect.ALLOW, id="b", asks={"models": frozenset({"large", "huge"})}),
    )
    assert decide(made, asked(model="large"), COVERAGE).effect is Effect.ALLOW
    decision = decide(made, asked(model="small"), COVERAGE)
    assert decision.effect is Effect.BLOCK
    assert decision.reasons == ("a says allow", "b says allow", MODEL_NOT_PERMITTED)
    assert decision.obligations.models == frozenset({"large"})


def test_why_a_request_stops_is_told_by_the_rules_that_stop_it_and_no_others():
    personal = frozenset({Category.PERSONAL})
    made = of(
        rule(Effect.ALLOW, id="allow"),
        rule(Effect.HOLD, id="hold", categories=personal),
        rule(Effect.BLOCK, id="block", entities=frozenset({"PERSON"})),
        rule(Effect.ALLOW, id="small", asks={"models": frozenset({"small"})}),
    )
    assert decide(made, asked(model="small"), COVERAGE).stops == ()
    assert decide(made, asked(model="large"), COVERAGE).stops == (MODEL_NOT_PERMITTED,)
    mail = (Category.PERSONAL, "EMAIL_ADDRESS")
    assert decide(made, asked(mail, model="small"), COVERAGE).stops == ("hold says hold",)
    blocked = decide(made, asked(PERSON, model="large"), COVERAGE)
    assert (blocked.blocked_by, blocked.held_by) == (("block",), ("hold",))
    assert blocked.stops == ("block says block", MODEL_NOT_PERMITTED)


def test_the_hours_of_a_night_belong_to_the_day_on_which_it_began():
    friday_night = Hours(frozenset({5}), 22 * 60, 6 * 60)
    made = of(rule(Effect.ALLOW, hours=friday_night), zone="Europe/Berlin")

    def at(year, month, day, hour, minute):
        berlin = dt.datetime(year, month, day, hour, minute, tzinfo=zone("Europe/Berlin"))
        return decide(made, asked(time=int(berlin.timestamp()) * SECOND), COVERAGE).effect

    assert at(2026, 8, 7, 21, 59) is Effect.BLOCK  # a Friday
    assert at(2026, 8, 7, 22, 0) is Effect.ALLOW
    assert at(2026, 8, 8, 5, 59) is Effect.ALLOW
    assert at(2026, 8, 8, 6, 0) is Effect.BLOCK
    assert at(2026, 8, 8, 22, 0) is Effect.BLOCK  # a Saturday
    assert at(2026, 8, 7, 5, 0) is Effect.BLOCK  # the night of Thursday


def test_hours_follow_the_clock_of_their_zone_through_summer_time():
    office = Hours(None, 8 * 60, 18 * 60)
    made = of(rule(Effect.ALLOW, hours=office), zone="Europe/Berlin")
    for day, first in (((2026, 1, 15), 7), ((2026, 7, 15), 6)):  # UTC of 08:00 in Berlin
        for hour, effect in ((first - 1, Effect.BLOCK), (first, Effect.ALLOW)):
            moment = dt.datetime(*day, hour, 59, tzinfo=dt.UTC)
            time = int(moment.timestamp()) * SECOND
            assert decide(made, asked(time=time), COVERAGE).effect is effect


def test_a_site_must_have_proved_and_been_witnessed_lately():
    made = of(rule(Effect.ALLOW, where={"attested_within": 3600, "witnessed_within": 86_400}))

    def permitted(attested, witnessed):
        site = Candidate("a", "DE", attested=attested, witnessed=witnessed)
        request = asked(time=NOON, serving=Serving(candidates=(site,)))
        return decide(made, request, COVERAGE).sites == ("a",)

    hour, day = 3600 * SECOND, 86_400 * SECOND
    assert permitted(NOON - hour, NOON - day)
    assert permitted(NOON + 1, NOON + 1)
    assert not permitted(NOON - hour - 1, NOON)
    assert not permitted(NOON, NOON - day - 1)
    assert not permitted(None, NOON)
    assert not permitted(NOON, None)


def test_a_site_is_permitted_by_its_name_its_country_or_its_region_and_all_the_rest():
    made = of(
        rule(
            Effect.ALLOW,
            where={
                "sites": frozenset({"far"}),
                "countries": frozenset({"US"}),
                "regions": frozenset({"EEA", "ADEQUATE"}),
                "operators": frozenset({"house", "partner"}),
                "certifications": frozenset({"C5", "ISO 27001"}),
            },
        )
    )
    both = frozenset({"C5", "ISO 27001"})

    def permitted(site, country, operator="house", certifications=both):
        one = Candidate(site, country, operator, certifications)
        request = asked(time=NOON, serving=Serving(candidates=(one,)))
        return decide(made, request, COVERAGE).sites == (site,)

    assert permitted("far", "CN")
    assert permitted("x", "US")
    assert permitted("x", "NO")
    assert permitted("x", "CH", "partner")
    assert not permitted("x", "CA")
    assert not permitted("x", "CN")
    assert not permitted("x", "DE", "other")
    assert not permitted("x", "DE", "house", frozenset({"C5"}))

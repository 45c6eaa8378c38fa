"""Policies and facts for the tests, and strategies that make any."""

import datetime as dt

from hypothesis import strategies as st

from compliance.policy.regions import NEWEST, REGIONS
from compliance.policy.rules import (
    MAX_DAYS,
    NOTHING_ASKED,
    Condition,
    Hours,
    Policy,
    Retention,
    Rule,
    Where,
    policy,
)
from compliance.vocabulary import (
    Candidate,
    Category,
    Effect,
    Endpoint,
    Facts,
    Obligations,
    RequestClass,
    Serving,
)

ENTITIES = ("PERSON", "EMAIL_ADDRESS", "IBAN_CODE", "PASSWORD", "HEALTH")
APPLICATIONS = ("demo", "hr", "support")
MODELS = ("small", "large")
PURPOSES = ("care", "credit")
BASES = ("6-1-e", "6-1-f")
OWNERS = ("ward", "branch")
COUNTRIES = ("DE", "FR", "CH", "US")
LICENCES = ("Apache-2.0", "llama3")
PUBLISHERS = ("one", "two")
TOOLS = ("search", "pay")
SITES = ("berlin", "oslo", "paris", "zurich")
OPERATORS = ("house", "partner")
CERTIFICATES = ("ISO 27001", "C5")
ZONES = ("Europe/Berlin", "Asia/Kolkata", "UTC")

SECOND = 1_000_000
NOON = int(dt.datetime(2026, 8, 5, 12, tzinfo=dt.UTC).timestamp()) * SECOND
"""A Wednesday, in microseconds since the epoch; in Berlin it is 14:00."""

kinds = st.tuples(st.sampled_from(Category), st.sampled_from(ENTITIES))
categories = st.frozensets(st.sampled_from(Category))


def some(values):
    return st.frozensets(st.sampled_from(values), min_size=1)


hours = st.builds(
    Hours,
    days=some(range(1, 8)),
    start=st.just(8 * 60),
    end=st.sampled_from([6 * 60, 18 * 60]),
) | st.builds(Hours, days=some(range(1, 8)))

MEMBERS = {
    "categories": some(tuple(Category)),
    "entities": some(ENTITIES),
    "at_least": st.integers(1, 3),
    "names_unchecked": st.booleans(),
    "applications": some(APPLICATIONS),
    "applications_except": some(APPLICATIONS),
    "purposes": some(PURPOSES),
    "legal_bases": some(BASES),
    "owners": some(OWNERS),
    "declared": some(tuple(Category)),
    "subject_countries": some(COUNTRIES),
    "high_risk": st.booleans(),
    "models": some(MODELS),
    "licences": some(LICENCES),
    "publishers": some(PUBLISHERS),
    "restricted": st.booleans(),
    "request_class": st.sampled_from(RequestClass),
    "tools_offered": st.booleans(),
    "tools": some(TOOLS),
    "hours": hours,
}

PLACES = {
    "sites": some(SITES),
    "countries": some(COUNTRIES),
    "regions": some(tuple(REGIONS)),
    "operators": some(OPERATORS),
    "certifications": some(CERTIFICATES),
    "attested_within": st.sampled_from([60, 3600]),
    "witnessed_within": st.sampled_from([60, 3600]),
}

ASKED = {
    "content_days": st.integers(0, 30),
    "mark_output": st.just(True),
    "max_tokens": st.integers(1, 1000),
    "models": some(MODELS),
    "review": st.just(True),
    "withhold_reasoning": st.just(True),
    "realistic_pseudonyms": st.just(True),
    "mask_answers": some(tuple(Category)),
    "block_answers": some(tuple(Category)),
}


@st.composite
def chosen(draw, members, least=0, most=3):
    """Values for a few of the members, each as likely as the others."""
    names = st.lists(
        st.sampled_from(sorted(members)), min_size=least, max_size=most, unique=True
    )
    return {name: draw(members[name]) for name in draw(names)}


@st.composite
def conditions(draw):
    when = draw(chosen(MEMBERS))
    if "applications" in when:
        when.pop("applications_except", None)
    if "tools" in when and when.get("tools_offered") is False:
        when.pop("tools")
    when.pop("at_least", None)
    if {"categories", "entities"} & set(when):
        when["at_least"] = draw(st.none() | MEMBERS["at_least"])
    return Condition(**when)


wheres = st.none() | st.builds(lambda given: Where(**given), chosen(PLACES, 1))
asked_of = st.just(NOTHING_ASKED) | st.builds(
    lambda given: Obligations(**given), chosen(ASKED, 1)
)


@st.composite
def rules(draw, effects=tuple(Effect), name="rule"):
    effect = draw(st.sampled_from(effects))
    blocks = effect is Effect.BLOCK
    return Rule(
        name,
        f"Says {effect}.",
        draw(conditions()),
        effect,
        None if blocks else draw(wheres),
        NOTHING_ASKED if blocks else draw(asked_of),
    )


retentions = st.builds(
    Retention,
    content_days=st.none() | st.integers(0, MAX_DAYS),
    details_days=st.none() | st.integers(1, MAX_DAYS),
)


def numbered(found):
    """The rules under ids of their own."""
    return tuple(
        Rule(f"rule-{n}", one.description, one.when, one.effect, one.where, one.obligations)
        for n, one in enumerate(found)
    )


def edition(made):
    """The edition that a policy with these rules must name."""
    return NEWEST if any(one.where and one.where.regions for one in made) else None


def again(made, rules):
    """The policy with other rules."""
    return policy(
        made.name,
        made.version,
        tuple(rules),
        made.retention,
        regions=edition(rules),
        zone=made.zone,
    )


@st.composite
def policies(draw, most=5, effects=tuple(Effect)):
    made = numbered(draw(st.lists(rules(effects), min_size=1, max_size=most)))
    return policy(
        "made up",
        draw(st.integers(1, 99)),
        made,
        draw(retentions),
        regions=edition(made),
        zone=draw(st.none() | st.sampled_from(ZONES)),
    )


times = st.integers(NOON - 7 * 86_400 * SECOND, NOON + 7 * 86_400 * SECOND)


@st.composite
def servings(draw, time):
    ages = st.none() | st.integers(0, 7200).map(lambda age: time - age * SECOND)
    found = st.builds(
        Candidate,
        site=st.sampled_from(SITES),
        country=st.sampled_from(COUNTRIES),
        operator=st.sampled_from(OPERATORS),
        certifications=st.frozensets(st.sampled_from(CERTIFICATES)),
        attested=ages,
        witnessed=ages,
    )
    places = draw(st.lists(found, max_size=4, unique_by=lambda one: one.site))
    return Serving(
        draw(st.sampled_from(LICENCES)),
        draw(st.sampled_from(PUBLISHERS)),
        draw(st.booleans()),
        tuple(sorted(places, key=lambda one: one.site)),
        draw(st.booleans()),
    )


@st.composite
def any_facts(draw):
    time = draw(times)
    return Facts(
        application=draw(st.sampled_from(APPLICATIONS)),
        model=draw(st.sampled_from(MODELS)),
        entities=draw(st.dictionaries(kinds, st.integers(0, 3), max_size=4)),
        names_unchecked=draw(st.booleans()),
        time=time,
        purpose=draw(st.sampled_from(PURPOSES)),
        legal_basis=draw(st.sampled_from(BASES)),
        owner=draw(st.sampled_from(OWNERS)),
        declared=draw(categories),
        subject_countries=draw(st.frozensets(st.sampled_from(COUNTRIES))),
        high_risk=draw(st.booleans()),
        request_class=draw(st.sampled_from(RequestClass)),
        tools=draw(st.frozensets(st.sampled_from(TOOLS))),
        serving=draw(servings(time)),
        endpoint=draw(st.sampled_from(Endpoint)),
    )


facts = any_facts()
coverages = st.frozensets(kinds)


def of(*rules: Rule, **more) -> Policy:
    return policy("test", 1, rules, regions=edition(rules), **more)


def rule(effect: Effect, /, id: str = "rule", where=None, asks=None, **when) -> Rule:  # noqa: A002
    return Rule(
        id,
        f"{id} says {effect}",
        Condition(**when),
        effect,
        Where(**where) if where else None,
        Obligations(**asks) if asks else NOTHING_ASKED,
    )


def sites(*names, country="DE"):
    """Sites that serve the model."""
    return Serving(candidates=tuple(Candidate(name, country) for name in sorted(names)))

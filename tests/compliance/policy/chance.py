"""Policies, requests and sites drawn by chance, fast enough for a hundred thousand of them.

Everything comes from one `random.Random`, so that a seed names a case for good.
"""

from compliance.policy.canonical import policy
from compliance.policy.decide import decide
from compliance.policy.regions import NEWEST
from compliance.policy.terms import Condition, Hours, Retention, Rule, Where
from compliance.policy.unnamed import OTHERS
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

SINCE = 1_785_000_000_000_000  # in July 2026
UNTIL = 1_985_000_000_000_000  # in November 2032, after the last known end of an adequacy
SECOND = 1_000_000

# A document may name something as the world of a question names all that nobody named.
ENTITIES = ("PERSON", "EMAIL", "IBAN", "HEALTH", "another kind of personal data")
COUNTRIES = ("DE", "FR", "NO", "CH", "GB", "US", "CN", "CA", "JP", "ZZ")
NAMES = ("a", "b", "c", "d")
APPLICATIONS, MODELS, PURPOSES, BASES, OWNERS, LICENCES, PUBLISHERS, TOOLS, SITES = (
    (*NAMES, OTHERS[fact])
    for fact in (
        "application",
        "model",
        "purpose",
        "legal_basis",
        "owner",
        "licence",
        "publisher",
        "tools",
        "site",
    )
)
OPERATORS, CERTIFICATIONS = ((*NAMES, OTHERS[f]) for f in ("operator", "certifications"))
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
AGES = (60, 3_600, 86_400)
COVERAGE = frozenset((category, entity) for category in Category for entity in ENTITIES)


def some(rng, values, most=2):
    return frozenset(rng.sample(tuple(values), rng.randint(1, most)))


def hours(rng):
    days = some(rng, range(1, 8), 5) if rng.random() < 0.7 else None
    if days is not None and rng.random() < 0.3:
        return Hours(days)
    start, end = rng.sample(range(0, 1_440, 30), 2)
    return Hours(days, start, end)


CONDITIONS = {
    "categories": lambda rng: some(rng, Category),
    "entities": lambda rng: some(rng, ENTITIES),
    "names_unchecked": lambda rng: rng.random() < 0.5,
    "applications": lambda rng: some(rng, APPLICATIONS),
    "applications_except": lambda rng: some(rng, APPLICATIONS),
    "purposes": lambda rng: some(rng, PURPOSES),
    "legal_bases": lambda rng: some(rng, BASES),
    "owners": lambda rng: some(rng, OWNERS),
    "declared": lambda rng: some(rng, Category),
    "subject_countries": lambda rng: some(rng, COUNTRIES[:-1]),
    "high_risk": lambda rng: rng.random() < 0.5,
    "models": lambda rng: some(rng, MODELS, 3),
    "licences": lambda rng: some(rng, LICENCES),
    "publishers": lambda rng: some(rng, PUBLISHERS),
    "restricted": lambda rng: rng.random() < 0.5,
    "request_class": lambda rng: rng.choice(tuple(RequestClass)),
    "tools_offered": lambda rng: rng.random() < 0.5,
    "tools": lambda rng: some(rng, TOOLS),
    "hours": hours,
}
PLACES = {
    "sites": lambda rng: some(rng, SITES),
    "countries": lambda rng: some(rng, COUNTRIES[:-1], 3),
    "regions": lambda rng: some(rng, ("EU", "EEA", "ADEQUATE")),
    "operators": lambda rng: some(rng, OPERATORS),
    "certifications": lambda rng: some(rng, CERTIFICATIONS),
    "attested_within": lambda rng: rng.choice(AGES),
    "witnessed_within": lambda rng: rng.choice(AGES),
}
OBLIGATIONS = {
    "content_days": lambda rng: rng.choice((0, 7, 30)),
    "mark_output": lambda _rng: True,
    "max_tokens": lambda rng: rng.choice((100, 1_000)),
    "models": lambda rng: some(rng, MODELS, 3),
    "review": lambda _rng: True,
    "withhold_reasoning": lambda _rng: True,
    "realistic_pseudonyms": lambda _rng: True,
    "mask_answers": lambda rng: some(rng, tuple(Category)),
    "block_answers": lambda rng: some(rng, tuple(Category)),
}


def drawn(rng, members, chosen):
    return {name: members[name](rng) for name in rng.sample(tuple(members), chosen)}


def condition(rng, largest=5):
    given = drawn(rng, CONDITIONS, rng.choice((0, 1, 1, 2, 3)))
    if "applications" in given:
        given.pop("applications_except", None)
    if {"categories", "entities"} & set(given) and rng.random() < 0.4:
        given["at_least"] = rng.randint(1, largest)
    return Condition(**given)


def rule(rng, number):
    effect = rng.choice((Effect.ALLOW, *Effect))
    where, obligations = None, Obligations()
    if effect is not Effect.BLOCK:
        if rng.random() < 0.5:
            where = Where(**drawn(rng, PLACES, rng.randint(1, 3)))
        if rng.random() < 0.4:
            obligations = Obligations(**drawn(rng, OBLIGATIONS, rng.randint(1, 2)))
    return Rule(
        f"rule-{number:03}", f"Says {effect}.", condition(rng), effect, where, obligations
    )


def drawn_policy(rng, most=8, version=1):
    rules = [rule(rng, number) for number in range(rng.randint(1, most))]
    if rng.random() < 0.7:  # else most requests are blocked because no rule speaks
        rules.append(Rule("otherwise", "Allows the rest.", Condition(), Effect.ALLOW))
    retention = Retention(
        content_days=rng.choice((None, 10)), details_days=rng.choice((None, 90))
    )
    return policy(
        "drawn", version, tuple(rules), retention, regions=NEWEST, zone=rng.choice(ZONES)
    )


def candidate(rng, name, time):
    proofs = [rng.choice((None, time - rng.randint(-5, 90_000) * SECOND)) for _ in range(2)]
    return Candidate(
        site=name,
        country=rng.choice(COUNTRIES),
        operator=rng.choice((*OPERATORS, "", "another")),
        certifications=frozenset(rng.sample((*CERTIFICATIONS, "another"), rng.randint(0, 4))),
        attested=proofs[0],
        witnessed=proofs[1],
    )


def either(rng, names):
    return rng.choice((*names, "", "another"))


def request(rng):
    time = rng.randrange(SINCE, UNTIL)
    entities = {}
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        category = rng.choice(tuple(Category))
        # What no rule names belongs to one category, as in the world of a question.
        entities[category, rng.choice((*ENTITIES, f"UNNAMED_{category}"))] = rng.randint(0, 6)
    sites = sorted(rng.sample((*SITES, "another"), rng.randint(0, 3)))
    return Facts(
        application=either(rng, APPLICATIONS),
        model=either(rng, MODELS),
        entities=entities,
        names_unchecked=rng.random() < 0.3,
        time=time,
        purpose=either(rng, PURPOSES),
        legal_basis=either(rng, BASES),
        owner=either(rng, OWNERS),
        declared=frozenset(rng.sample(tuple(Category), rng.randint(0, 2))),
        subject_countries=frozenset(rng.sample(COUNTRIES, rng.randint(0, 2))),
        high_risk=rng.random() < 0.3,
        request_class=rng.choice(tuple(RequestClass)),
        tools=frozenset(rng.sample((*TOOLS, "another"), rng.randint(0, 2))),
        serving=Serving(
            licence=either(rng, LICENCES),
            publisher=either(rng, PUBLISHERS),
            restricted=rng.random() < 0.3,
            candidates=tuple(candidate(rng, name, time) for name in sites),
            reasons=rng.random() < 0.5,
        ),
        endpoint=rng.choice(tuple(Endpoint)),
    )


def approvals(rng, given):
    holds = [one.id for one in given.rules if one.effect is Effect.HOLD]
    return frozenset(one for one in holds if rng.random() < 0.5)


def decided(made, facts):
    return decide(made, facts, COVERAGE)

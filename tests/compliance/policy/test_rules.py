import hashlib
import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.policy.default import DEFAULT
from compliance.policy.rules import (
    MAX_RULES,
    Policy,
    PolicyRefused,
    Retention,
    Rule,
    Where,
    canonical,
    parse,
    policy,
)
from compliance.policy.schema import SCHEMA
from compliance.vocabulary import Effect
from tests.compliance.policy.documents import conditions, policies

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

DOCUMENT: Any = {
    "name": "house rules",
    "version": 3,
    "rules": [
        {
            "id": "cards",
            "description": "Cards stay out.",
            "when": {"categories": ["payment"], "applications_except": ["till"]},
            "effect": "block",
        },
        {
            "id": "else",
            "description": "The rest may pass, in Berlin.",
            "when": {},
            "effect": "allow",
            "where": {"sites": ["berlin"]},
        },
    ],
}


def changed(path, value):
    document: Any = deepcopy(DOCUMENT)
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return document


def without(*path):
    document: Any = deepcopy(DOCUMENT)
    at = document
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return document


@given(policies())
def test_a_policy_is_read_back_from_its_canonical_form_as_it_was(made):
    assert parse(canonical(made)) == made


@given(st.text(min_size=1).filter(str.strip), conditions())
def test_the_canonical_form_is_that_of_rfc_8785(text, when):
    made = policy(
        text, 1, (Rule(text, text, when, Effect.ALLOW, Where(sites=frozenset({text}))),)
    )
    assert canonical(made) == rfc8785.dumps(json.loads(canonical(made)))


def test_members_are_written_in_sorted_order_without_blanks():
    made = parse(json.dumps(DOCUMENT))
    assert canonical(made).startswith(b'{"name":"house rules","rules":[{"description":')


def test_the_digest_is_the_sha_256_of_the_canonical_form():
    assert DEFAULT.digest == hashlib.sha256(canonical(DEFAULT)).hexdigest()
    assert isinstance(DEFAULT, Policy)


def test_spelling_a_document_differently_does_not_change_its_digest():
    one = parse(json.dumps(DOCUMENT, indent=4).encode())
    two = parse(json.dumps(dict(reversed(DOCUMENT.items()))))
    assert one.digest == two.digest
    assert one.digest != parse(json.dumps(changed(["version"], 4))).digest


def test_a_policy_that_says_nothing_of_retention_has_the_digest_it_always_had():
    plain = parse(json.dumps(DOCUMENT))
    assert b"retention" not in canonical(plain)
    assert plain.digest == hashlib.sha256(rfc8785.dumps(DOCUMENT)).hexdigest()
    asked = parse(json.dumps(changed(["retention"], {"content_days": 0, "details_days": 90})))
    assert asked.retention == Retention(content_days=0, details_days=90)
    assert b'"retention":{"content_days":0,"details_days":90},"rules"' in canonical(asked)
    assert asked.digest != plain.digest


def ruled(member, value):
    """The document with a member of its second rule set."""
    return changed(["rules", 1, member], value)


REFUSED = [
    (b"\xff", "not UTF-8"),
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("[]", "policy: must be an object"),
    ('{"name": "a", "name": "b"}', "name: given twice"),
    (r'{"\ud800": 1}', r"'\ud800': unknown member"),
    (r'{"\ud800": 1, "\ud800": 2}', r"'\ud800': given twice"),
    ('{"' + "x" * 1_000 + '": 1}', f"'{'x' * 64}': unknown member"),
    (without("version"), "version: missing"),
    (changed(["owner"], "me"), "owner: unknown member"),
    (changed(["name"], " "), "name: must be a text"),
    (changed(["name"], "\ud800"), "name: holds a lone surrogate"),
    (changed(["version"], True), "version: must be an integer"),
    (changed(["version"], 1.5), "version: must be an integer"),
    (changed(["version"], 0), "version: must be an integer"),
    (changed(["version"], 2**53), "version: must be an integer"),
    (changed(["rules"], []), "rules: must be a list"),
    (changed(["rules"], {}), "rules: must be a list"),
    (changed(["rules"], [DOCUMENT["rules"][0]] * (MAX_RULES + 1)), "at most"),
    (changed(["rules", 1], "x"), "rules[1]: must be an object"),
    (without("rules", 0, "when"), "rules[0].when: missing"),
    (changed(["rules", 0, "sitez"], []), "rules[0].sitez: unknown member"),
    (changed(["rules", 1, "id"], "cards"), "rules[1].id: 'cards' is already used"),
    (changed(["rules", 0, "effect"], "perhaps"), "rules[0].effect: must be one of"),
    (changed(["rules", 0, "effect"], None), "rules[0].effect: must be one of"),
    (changed(["rules", 0, "when"], []), "rules[0].when: must be an object"),
    (changed(["rules", 0, "when", "country"], "DE"), "rules[0].when.country: unknown"),
    (changed(["rules", 0, "when", "categories"], []), "rules[0].when.categories: must be"),
    (
        changed(["rules", 0, "when", "categories"], ["payment", "secret"]),
        "rules[0].when.categories[1]: must be one of",
    ),
    (
        changed(["rules", 0, "when", "entities"], ["A", "A"]),
        "rules[0].when.entities[1]: 'A' is given twice",
    ),
    (changed(["rules", 0, "when", "entities"], "A"), "rules[0].when.entities: must be a list"),
    (changed(["rules", 0, "when", "models"], [7]), "rules[0].when.models[0]: must be a text"),
    (
        changed(["rules", 0, "when", "names_unchecked"], "yes"),
        "rules[0].when.names_unchecked: must be true or false",
    ),
    (
        changed(["rules", 0, "when", "applications"], ["a"]),
        "rules[0].when.applications_except: give either",
    ),
    (changed(["rules", 1, "where", "sites"], []), "rules[1].where.sites: must be a list"),
    (changed(["retention"], 30), "retention: must be an object"),
    (changed(["retention"], {}), "retention: must have content_days or details_days"),
    (changed(["retention"], {"days": 1}), "retention.days: unknown member"),
    (changed(["retention"], {"details_days": 0}), "retention.details_days: must be a number"),
    (changed(["retention"], {"content_days": -1}), "retention.content_days: must be a number"),
    (changed(["retention"], {"content_days": True}), "from 0 to 3660"),
    (changed(["retention"], {"details_days": 3661}), "from 1 to 3660"),
    (changed(["retention"], {"details_days": None}), "from 1 to 3660"),
    (ruled("where", {}), "rules[1].where: must have sites or countries"),
    (ruled("where", []), "rules[1].where: must be an object"),
    (ruled("where", {"country": ["DE"]}), "rules[1].where.country: unknown member"),
    (
        ruled("where", {"countries": ["UK"]}),
        "rules[1].where.countries[0]: 'UK' is no country's code of ISO 3166-1; write GB",
    ),
    (
        ruled("where", {"countries": ["DE", "EL"]}),
        "rules[1].where.countries[1]: 'EL' is no country's code of ISO 3166-1; write GR",
    ),
    (ruled("where", {"countries": ["de"]}), "write DE"),
    (ruled("where", {"countries": ["EU"]}), "'EU' is no country's code"),
    (
        ruled("where", {"regions": ["EFTA"]}),
        "rules[1].where.regions[0]: must be one of EU, EEA, ADEQUATE",
    ),
    (
        ruled("where", {"attested_within": 0}),
        "rules[1].where.attested_within: must be a number of seconds from 1",
    ),
    (
        ruled("where", {"attested_within": True}),
        "rules[1].where.attested_within: must be a number of seconds",
    ),
    (
        ruled("where", {"witnessed_within": "1h"}),
        "rules[1].where.witnessed_within: must be a number of seconds",
    ),
    (ruled("obligations", {}), "rules[1].obligations: must have content_days or"),
    (
        ruled("obligations", {"mark_output": False}),
        "rules[1].obligations.mark_output: must be true",
    ),
    (ruled("obligations", {"review": 1}), "rules[1].obligations.review: must be true"),
    (
        ruled("obligations", {"max_tokens": 0}),
        "rules[1].obligations.max_tokens: must be a whole number from 1",
    ),
    (
        ruled("obligations", {"content_days": -1}),
        "rules[1].obligations.content_days: must be a number of days from 0",
    ),
    (ruled("obligations", {"models": []}), "rules[1].obligations.models: must be a list"),
    (ruled("effect", "block"), "rules[1].where: contradicts the effect block"),
    (ruled("when", {"at_least": 2}), "rules[1].when.at_least: counts findings"),
    (
        ruled("when", {"at_least": 0, "entities": ["A"]}),
        "rules[1].when.at_least: must be a whole number from 1",
    ),
    (
        ruled("when", {"tools": ["pay"], "tools_offered": False}),
        "rules[1].when.tools: contradicts tools_offered",
    ),
    (
        ruled("when", {"request_class": "slow"}),
        "rules[1].when.request_class: must be one of interactive, batch",
    ),
    (ruled("when", {"declared": ["medical"]}), "rules[1].when.declared[0]: must be one of"),
    (
        ruled("when", {"declared": ["special", "special"]}),
        "rules[1].when.declared[1]: 'special' is given twice",
    ),
    (ruled("when", {"subject_countries": ["UK"]}), "rules[1].when.subject_countries[0]"),
    (ruled("when", {"high_risk": "no"}), "rules[1].when.high_risk: must be true or false"),
    (ruled("when", {"restricted": None}), "rules[1].when.restricted: must be true or false"),
    (ruled("when", {"owners": []}), "rules[1].when.owners: must be a list"),
    (ruled("when", {"hours": {}}), "rules[1].when.hours: must have days or from or to"),
    (ruled("when", {"hours": {"from": "08:00"}}), "rules[1].when.hours.to: missing"),
    (ruled("when", {"hours": {"to": "08:00"}}), "rules[1].when.hours.from: missing"),
    (
        ruled("when", {"hours": {"from": "08:00", "to": "08:00"}}),
        "rules[1].when.hours.to: is the same as from",
    ),
    (
        ruled("when", {"hours": {"from": "8:00", "to": "18:00"}}),
        "rules[1].when.hours.from: must be a time of day",
    ),
    (
        ruled("when", {"hours": {"from": 480, "to": "18:00"}}),
        "rules[1].when.hours.from: must be a time of day",
    ),
    (
        ruled("when", {"hours": {"from": "08:00", "to": "24:00"}}),
        "rules[1].when.hours.to: must be a time of day",
    ),
    (
        ruled("when", {"hours": {"days": [0]}}),
        "rules[1].when.hours.days[0]: must be a day of the week from 1 to 7",
    ),
    (
        ruled("when", {"hours": {"days": [1, 1]}}),
        "rules[1].when.hours.days[1]: 1 is given twice",
    ),
    (ruled("when", {"hours": {"days": []}}), "rules[1].when.hours.days: must be a list"),
    (
        ruled("when", {"purposes": ["a\u202eb"]}),
        "holds a character that cannot be seen (U+202E)",
    ),
    (ruled("when", {"purposes": ["a\x00"]}), "holds a character that cannot be seen (U+0000)"),
    (ruled("when", {"owners": [" ward"]}), "rules[1].when.owners[0]: begins or ends with"),
    (ruled("when", {"owners": ["ward\u00a0"]}), "rules[1].when.owners[0]: begins or ends with"),
    (ruled("when", {"owners": ["the  ward"]}), "must have one plain space between words"),
    (ruled("when", {"owners": ["the\u00a0ward"]}), "must have one plain space between words"),
    (ruled("when", {"owners": ["Cafe\u0301"]}), "write it in NFC"),
    *(
        (ruled("when", {"owners": [f"wa{hidden}rd"]}), f"cannot be seen (U+{ord(hidden):04X})")
        for hidden in "\u200b\u2060\u00ad\u061c\u200d\u2028\u3164\ufe0f\U000e0041\U000e0101"
    ),
    (ruled("when", {"tools": ["a" * 513]}), "is longer than 512 characters"),
    (
        changed(["rules", 0, "obligations"], {"review": True}),
        "rules[0].obligations: contradicts",
    ),
    (changed(["rules", 0, "where"], {"sites": ["a"]}), "rules[0].where: contradicts"),
    (ruled("where", {"regions": ["EU"]}), "regions: missing, and a rule"),
    (changed(["regions"], "2026-08-05"), "regions: no rule"),
    (changed(["regions"], "2020-01-01"), "regions: must be a known edition"),
    (changed(["regions"], 20260805), "regions: must be a known edition"),
    (changed(["zone"], "Europe/Bonn"), "zone: must be the name of a time zone"),
    (changed(["zone"], "../../etc/passwd"), "zone: must be the name of a time zone"),
    (changed(["rules", 0, "id"], "i" * 65), "rules[0].id: is longer than 64 characters"),
    (changed(["rules", 0, "id"], "a\nb"), "rules[0].id: holds a character that cannot be seen"),
    (changed(["rules", 0, "when", "entities"], ["A"] * 1001), "1001 are given, at most 1000"),
    ('{"version": NaN}', "not JSON: NaN is no number"),
    ('{"version": -Infinity}', "not JSON: -Infinity is no number"),
    ('{"version": ' + "9" * 5000 + "}", "not JSON"),
    (" " * (5 << 20), "larger than 4 MiB"),
    ('{"name": ' * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("document", "message"), REFUSED)
def test_a_wrong_document_is_refused_by_the_name_of_the_member(document, message):
    given_as = document if isinstance(document, bytes | str) else json.dumps(document)
    with pytest.raises(PolicyRefused) as refusal:
        parse(given_as)
    assert message in str(refusal.value)
    assert str(refusal.value).encode()


@settings(max_examples=30, deadline=None)
@given(policies())
def test_every_policy_satisfies_the_schema(made):
    assert VALIDATOR.is_valid(json.loads(canonical(made)))


def test_the_schema_refuses_what_the_parser_refuses_for_its_shape():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert VALIDATOR.is_valid(DOCUMENT)
    # Left to the parser: what needs a look at two members, or at a text's characters.
    beyond = (
        "already used",
        "lone surrogate",
        "cannot be seen",
        "begins or ends",
        "one plain space",
        "NFC",
        "regions: missing",
        "regions: no rule",
        "zone:",
        "same as from",
    )
    for document, message in REFUSED:
        if isinstance(document, dict) and not any(word in message for word in beyond):
            assert not VALIDATOR.is_valid(document), message


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9)
)
def test_any_other_json_is_refused_with_words_and_nothing_else(value):
    for document in (value, {"name": value, "version": 1, "rules": value}):
        with pytest.raises(PolicyRefused):
            parse(json.dumps(document))

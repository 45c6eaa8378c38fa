import hashlib
import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import rfc8785
from hypothesis import given
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


REFUSED = [
    (b"\xff", "not UTF-8"),
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("[]", "policy: must be an object"),
    ('{"name": "a", "name": "b"}', "name: given twice"),
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
]


@pytest.mark.parametrize(("document", "message"), REFUSED)
def test_a_wrong_document_is_refused_by_the_name_of_the_member(document, message):
    given_as = document if isinstance(document, bytes | str) else json.dumps(document)
    with pytest.raises(PolicyRefused) as refusal:
        parse(given_as)
    assert message in str(refusal.value)


@given(policies())
def test_every_policy_satisfies_the_schema(made):
    jsonschema.validate(json.loads(canonical(made)), SCHEMA)


def test_the_schema_refuses_what_the_parser_refuses_for_its_shape():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(DOCUMENT, SCHEMA)
    # Left to the parser: texts that no schema sees, twice the same id, a lone surrogate.
    beyond = ("already used", "lone surrogate")
    for document, message in REFUSED:
        if isinstance(document, dict) and not any(word in message for word in beyond):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(document, SCHEMA)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9)
)
def test_any_other_json_is_refused_with_words_and_nothing_else(value):
    for document in (value, {"name": value, "version": 1, "rules": value}):
        with pytest.raises(PolicyRefused):
            parse(json.dumps(document))

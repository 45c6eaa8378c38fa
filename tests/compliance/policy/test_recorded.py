import json

import pytest
from hypothesis import given, settings

from compliance.audit.entry import encode
from compliance.policy.decide import decide
from compliance.policy.recorded import read, written
from compliance.vocabulary import Category, Event, Facts
from tests.compliance.policy.documents import any_facts, facts, policies


@settings(max_examples=40)
@given(facts)
def test_facts_are_read_back_from_the_record_as_they_were(given_facts):
    assert read(json.loads(json.dumps(written(given_facts)))) == given_facts


@settings(max_examples=30, deadline=None)
@given(facts, policies())
def test_a_decision_made_again_from_the_record_is_the_same(given_facts, made):
    again = read(json.loads(json.dumps(written(given_facts))))
    assert decide(made, again, frozenset()) == decide(made, given_facts, frozenset())


@settings(max_examples=20, deadline=None)
@given(any_facts())
def test_the_record_takes_facts_as_they_are_written(given_facts):
    encoded = encode(
        Event("request.blocked", given_facts.time, {"facts": written(given_facts)}),
        source="web-1",
        epoch=1,
        seq=1,
        key=bytes(32),
    )
    assert read(json.loads(encoded.detail)["facts"]) == given_facts


def test_an_older_event_that_lacks_members_is_read_with_what_facts_have():
    assert read({"application": "hr", "model": "small"}) == Facts("hr", "small")
    assert read({}) == Facts("", "")
    found = {"entities": [{"category": "special", "entity": "HEALTH", "count": 2}]}
    assert read(found).entities == {(Category.SPECIAL, "HEALTH"): 2}


def test_a_category_of_a_later_release_is_refused():
    with pytest.raises(ValueError, match="genetic"):
        read({"declared": ["genetic"]})

"""Own entities in a policy's document: read, refused by name, told and compared."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from compliance.policy.canonical import canonical
from compliance.policy.decide import not_enforced
from compliance.policy.default import DEFAULT
from compliance.policy.difference import differences
from compliance.policy.looser import looser
from compliance.policy.prove import Verdict
from compliance.policy.rules import PolicyRefused, parse
from compliance.policy.schema import SCHEMA
from compliance.policy.tightening import tightens
from compliance.policy.yaml import from_yaml, to_yaml
from compliance.vocabulary import Category
from tests.compliance.policy.documents import NOON

CASE: dict[str, Any] = {
    "name": "CASE_NUMBER",
    "description": "A case of the court.",
    "category": "personal",
    "pattern": r"AZ-\d{4}/\d{2}",
    "checksum": "luhn",
    "words": ["Aktenzeichen", "case"],
    "always": ["Nordlicht"],
    "never": ["AZ-0000/00"],
    "found": ["The case AZ-1234/26."],
    "not_found": ["The room A-1234."],
}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(*entities: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(canonical(DEFAULT))
    return made | {"own_entities": list(entities)}


def made(*entities: dict[str, Any]):
    return parse(json.dumps(document(*entities)))


def test_every_member_comes_back_as_it_was_in_json_and_in_yaml():
    policy = made(CASE)
    assert json.loads(canonical(policy))["own_entities"] == [CASE]
    assert parse(canonical(policy)) == policy
    assert parse(from_yaml(to_yaml(policy))) == policy
    assert policy.own_kinds == {(Category.PERSONAL, "CASE_NUMBER")}
    VALIDATOR.validate(document(CASE))


def test_a_policy_without_any_is_the_same_bytes_as_before():
    assert b"own_entities" not in canonical(DEFAULT)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "case"}, r"own_entities\[0\].name: must be 3 to 63 capital letters"),
    ({"category": "secret"}, r"own_entities\[0\].category: must be one of"),
    ({"checksum": "mod-10"}, r"own_entities\[0\].checksum: must be one of"),
    ({"pattern": ""}, r"own_entities\[0\].pattern"),
    ({"pattern": "x" * 513}, r"own_entities\[0\].pattern: is longer than 512"),
    ({"pattern": None, "always": None}, r"own_entities\[0\].pattern: missing"),
    ({"pattern": None}, r"own_entities\[0\].checksum: says something of a pattern"),
    ({"found": None}, r"own_entities\[0\].found: missing"),
    ({"not_found": []}, r"own_entities\[0\].not_found: must be a list"),
    ({"always": ["ab"]}, r"own_entities\[0\].always\[0\]: must have at least 3"),
    ({"more": 1}, r"own_entities\[0\].more: unknown member"),
]


@pytest.mark.parametrize(("changed", "words"), BAD)
def test_what_is_wrong_is_refused_by_its_member(changed, words):
    entity = {name: value for name, value in (CASE | changed).items() if value is not None}
    with pytest.raises(PolicyRefused, match=words):
        made(entity)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document(entity))


def test_two_of_one_name_and_more_than_fifty_are_refused():
    with pytest.raises(PolicyRefused, match=r"own_entities\[1\].name: .* already used"):
        made(CASE, CASE)
    many = [CASE | {"name": f"CASE_{number}"} for number in range(51)]
    with pytest.raises(PolicyRefused, match="at most 50"):
        made(*many)


def test_a_rule_about_an_own_entity_is_enforced():
    rule = {
        "id": "cases",
        "description": "No cases.",
        "when": {"entities": ["CASE_NUMBER"]},
        "effect": "block",
    }
    without = document()
    del without["own_entities"]
    without["rules"].append(rule)
    assert "cases" in not_enforced(parse(json.dumps(without)), frozenset())
    assert "cases" not in not_enforced(
        parse(json.dumps(without | {"own_entities": [CASE]})), frozenset()
    )


def test_differences_are_told_in_words():
    other = made(CASE | {"words": ["file"], "found": ["AZ-1111/11, file"]})
    added, changed = differences(DEFAULT, made(CASE)), differences(made(CASE), other)
    assert "The entity CASE_NUMBER was added" in added[0].words[0]
    assert "“Aktenzeichen” or “case”" in changed[0].words[0]
    assert "“file” stands near" in changed[0].words[0]
    assert "sample texts" in changed[0].words[1]
    assert "was removed" in differences(made(CASE), DEFAULT)[0].words[0]


def test_one_person_alone_changes_none():
    stricter = replace(DEFAULT, retention=replace(DEFAULT.retention, content_days=0))
    assert tightens(DEFAULT, stricter) is None
    assert "own_entities" in str(
        tightens(DEFAULT, replace(stricter, own_entities=made(CASE).own_entities))
    )


def test_what_is_no_longer_found_is_looser_and_what_is_found_besides_is_not_proved():
    told = looser(made(CASE), DEFAULT, since=NOON)
    assert told.verdict is Verdict.COUNTEREXAMPLE
    assert "CASE_NUMBER is found otherwise" in " ".join(told.words)
    more = looser(DEFAULT, made(CASE), since=NOON)
    assert more.verdict is Verdict.UNDECIDED
    assert "It looks for CASE_NUMBER besides" in " ".join(more.words)
    redescribed = looser(made(CASE), made(CASE | {"description": "Another."}), since=NOON)
    assert redescribed.verdict is Verdict.PROVED

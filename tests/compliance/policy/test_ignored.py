"""What a policy ignores of all that is found."""

import json
from typing import Any

import jsonschema
import pytest

from compliance.policy.canonical import canonical
from compliance.policy.default import DEFAULT
from compliance.policy.difference import differences
from compliance.policy.ignored import counted
from compliance.policy.leaving import judged
from compliance.policy.looser import looser
from compliance.policy.prove import Verdict
from compliance.policy.rules import PolicyRefused, parse
from compliance.policy.schema import SCHEMA
from compliance.policy.tightening import tightens
from compliance.policy.yaml import from_yaml, to_yaml
from compliance.vocabulary import Category, Finding, Scan, Segment
from tests.compliance.policy.documents import NOON

OURS: dict[str, Any] = {
    "id": "ours",
    "description": "Our own address.",
    "values": ["info@clinic.example", "Charité Berlin"],
}
UNSURE: dict[str, Any] = {
    "id": "unsure",
    "description": "Names that may be none.",
    "entities": ["PERSON"],
    "applications": ["code"],
    "below": 70,
}
TEXT = "Anna of CHARITÉ  BERLIN, info@clinic.example, anna@clinic.example"
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(*ignored: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(canonical(DEFAULT))
    return made | {"ignored": list(ignored)}


def made(*ignored: dict[str, Any]):
    return parse(json.dumps(document(*ignored)))


def found(*values: tuple[str, str, float]) -> Scan:
    return Scan(
        tuple(
            Finding(0, TEXT.index(v), TEXT.index(v) + len(v), e, Category.PERSONAL, score, "r")
            for v, e, score in values
        )
    )


ALL = found(
    ("Anna", "PERSON", 0.69),
    ("CHARITÉ  BERLIN", "LOCATION", 0.9),
    ("info@clinic.example", "EMAIL_ADDRESS", 0.9),
    ("anna@clinic.example", "EMAIL_ADDRESS", 0.6),
)


def test_values_and_scores_leave_findings_out_where_all_that_is_said_is_so():
    segments = [Segment("/x", TEXT)]
    policy = made(OURS, UNSURE)
    kept, left_out = counted(policy, "chat", segments, ALL)
    assert [one.start for one in kept.findings] == [0, TEXT.index("anna@")]
    assert left_out == {"ours": 2}
    kept, left_out = counted(policy, "code", segments, ALL)
    assert [one.entity for one in kept.findings] == ["EMAIL_ADDRESS"]
    assert left_out == {"ours": 2, "unsure": 1}
    assert counted(DEFAULT, "code", segments, ALL) == (ALL, {})


def test_every_member_comes_back_as_it_was_in_json_and_in_yaml():
    policy = made(OURS, UNSURE)
    assert json.loads(canonical(policy))["ignored"] == [
        OURS | {"values": ["Charité Berlin", "info@clinic.example"]},
        UNSURE,
    ]
    assert parse(canonical(policy)) == policy
    assert parse(from_yaml(to_yaml(policy))) == policy
    VALIDATOR.validate(document(OURS, UNSURE))
    assert b"ignored" not in canonical(DEFAULT)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"values": None}, r"ignored\[0\].values: missing; give values"),
    ({"values": []}, r"ignored\[0\].values: must be a list"),
    ({"below": 0}, r"ignored\[0\].below: must be a number of hundredths from 1 to 100"),
    ({"id": None}, r"ignored\[0\].id: missing"),
    ({"more": 1}, r"ignored\[0\].more: unknown member"),
]


@pytest.mark.parametrize(("changed", "words"), BAD)
def test_what_is_wrong_is_refused_by_its_member(changed, words):
    one = {name: value for name, value in (OURS | changed).items() if value is not None}
    with pytest.raises(PolicyRefused, match=words):
        made(one)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document(one))


def test_two_of_one_id_are_refused():
    with pytest.raises(PolicyRefused, match=r"ignored\[1\].id: .* already used"):
        made(OURS, OURS)


def test_differences_are_told_in_words_and_one_person_alone_changes_none():
    (added,) = differences(DEFAULT, made(UNSURE))
    assert "Findings of type “PERSON” in requests of “code”" in added.words[0]
    assert "less than 70 % sure do not count" in added.words[0]
    (changed,) = differences(made(UNSURE), made(UNSURE | {"below": 60}))
    assert "less than 60 % sure" in changed.words[0]
    assert "ignored" in str(tightens(DEFAULT, made(OURS)))


def test_what_counts_no_longer_is_looser_and_what_counts_again_is_not():
    told = looser(DEFAULT, made(OURS), since=NOON)
    assert told.verdict is Verdict.COUNTEREXAMPLE
    assert "Findings do not count any more, by “ours”" in " ".join(told.words)
    assert looser(made(OURS), DEFAULT, since=NOON).verdict is Verdict.PROVED


def test_a_proof_that_data_stay_says_what_it_does_not_weigh():
    health = {"categories": ["special"], "outside": {"countries": ["DE"]}}
    stays = {"id": "stays", "description": "They were told so.", "never": health}
    (plain,) = judged(parse(json.dumps(document(OURS) | {"assertions": [stays]})), since=NOON)
    assert plain.holds
    assert "Not weighed is what does not count by “ours”" in " ".join(plain.words)

    names = {"entities": ["LOCATION"], "outside": {"countries": ["DE"]}}
    block = {"when": {"entities": ["LOCATION"]}, "effect": "block"}
    made = document(UNSURE) | {"assertions": [{**stays, "never": names}]}
    made["rules"] = [*made["rules"], {"id": "no-places", "description": "None.", **block}]
    (other,) = judged(parse(json.dumps(made)), since=NOON)
    assert other.holds
    assert "Not weighed" not in " ".join(other.words)


@pytest.mark.parametrize(
    ("before", "after", "is_looser"),
    [
        (OURS, OURS | {"values": OURS["values"][:1]}, False),
        (OURS, OURS | {"entities": ["EMAIL_ADDRESS"]}, False),
        (UNSURE, UNSURE | {"below": 60}, False),
        (OURS, OURS | {"values": [*OURS["values"], "x@clinic.example"]}, True),
        (UNSURE, UNSURE | {"below": 71}, True),
        (UNSURE, UNSURE | {"applications": ["code", "letters"]}, True),
        (UNSURE, {name: UNSURE[name] for name in UNSURE if name != "entities"}, True),
        (UNSURE, {**OURS, "entities": ["PERSON"], "applications": ["code"]}, True),
    ],
)
def test_an_exception_that_says_less_is_not_looser_and_one_that_says_more_is(
    before, after, is_looser
):
    answer = looser(made(before), made(after), since=NOON)
    assert (answer.verdict is Verdict.COUNTEREXAMPLE) == is_looser
    assert (answer.verdict is Verdict.PROVED) == (not is_looser)

import json
from typing import Any

import jsonschema
import pytest

from compliance.policy import words
from compliance.policy.canonical import canonical
from compliance.policy.default import DEFAULT
from compliance.policy.difference import differences
from compliance.policy.regions import NEWEST
from compliance.policy.rules import PolicyRefused, parse
from compliance.policy.schema import SCHEMA
from compliance.policy.tightening import tightens

GERMANY: dict[str, Any] = {
    "id": "health-stays",
    "description": "Health data never leaves Germany.",
    "never": {"categories": ["special"], "outside": {"countries": ["DE"]}},
}


def document(*assertions, **more):
    rules = json.loads(canonical(DEFAULT))["rules"]
    return {
        "name": "asserting",
        "version": 1,
        "rules": rules,
        "assertions": [*assertions],
        **more,
    }


def asserting(*assertions, **more):
    return parse(json.dumps(document(*assertions, **more)))


def test_an_assertion_is_part_of_the_document_and_of_its_digest():
    made = asserting(GERMANY)
    assert parse(canonical(made)) == made
    assert json.loads(canonical(made))["assertions"] == [GERMANY]
    jsonschema.validate(document(GERMANY), SCHEMA)
    other = {**GERMANY, "never": {**GERMANY["never"], "outside": {"countries": ["FR"]}}}
    assert asserting(other).digest != made.digest


def test_an_assertion_is_told_as_a_sentence():
    (assertion,) = asserting(GERMANY).assertions
    assert words.assertion(assertion) == (
        "Special categories of personal data (GDPR Art. 9) may be processed only in Germany,"
        " unless masked."
    )


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"never": {"outside": {"countries": ["DE"]}}}, "assertions[0].never: must say"),
        ({"never": {"categories": ["special"]}}, "assertions[0].never.outside: missing"),
        (
            {"never": {"categories": ["special"], "outside": {}}},
            "assertions[0].never.outside: must have",
        ),
        (
            {"never": {"categories": ["health"], "outside": {"countries": ["DE"]}}},
            "assertions[0].never.categories[0]",
        ),
        ({"description": " "}, "assertions[0].description"),
        ({"when": {}}, "assertions[0].when: unknown member"),
    ],
)
def test_what_is_wrong_with_an_assertion_is_named(changed, member):
    with pytest.raises(PolicyRefused) as refused:
        asserting({**GERMANY, **changed})
    assert str(refused.value).startswith(member)


def test_assertions_need_ids_of_their_own_and_are_bounded():
    with pytest.raises(PolicyRefused, match=r"assertions\[1\].id: 'health-stays' is already"):
        asserting(GERMANY, GERMANY)
    with pytest.raises(PolicyRefused, match="assertions: 21 are given, at most 20"):
        asserting(*({**GERMANY, "id": str(number)} for number in range(21)))


def test_a_region_in_an_assertion_needs_the_edition_of_the_regions():
    european = {**GERMANY, "never": {"categories": ["special"], "outside": {"regions": ["EU"]}}}
    with pytest.raises(PolicyRefused, match="regions: missing"):
        asserting(european)
    assert asserting(european, regions=NEWEST).regions == NEWEST


def test_differences_tell_which_assertions_came_went_and_changed():
    plain = parse(json.dumps({**document(GERMANY), "assertions": [{**GERMANY, "id": "other"}]}))
    (said,) = differences(plain, asserting(GERMANY))
    assert [one.split(" was ")[0] for one in said.words] == [
        "The assertion “health-stays”",
        "The assertion “other”",
    ]


def test_one_person_alone_cannot_drop_an_assertion():
    without = {name: one for name, one in document().items() if name != "assertions"}
    assert "assertions differs" in str(tightens(asserting(GERMANY), parse(json.dumps(without))))

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.policy import words
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Condition, Hours, Retention, Rule, Where, policy
from compliance.vocabulary import Category, Effect, Obligations, RequestClass
from tests.compliance.policy import documents
from tests.compliance.policy.documents import of, policies, rule


def some(*values):
    return frozenset(values)


CONDITIONS = [
    ({}, "always"),
    (
        {"categories": some(Category.SPECIAL, Category.PAYMENT)},
        "the request holds payment data or special categories of personal data (GDPR Art. 9)",
    ),
    (
        {
            "categories": some(Category.PERSONAL),
            "entities": some("IBAN", "NAME"),
            "at_least": 3,
        },
        (
            "the request holds at least 3 findings of personal data (GDPR Art. 4), of type"
            " “IBAN” or “NAME”"
        ),
    ),
    ({"entities": some("IBAN")}, "the request holds a finding of type “IBAN”"),
    (
        {"entities": some("IBAN"), "at_least": 2},
        "the request holds at least 2 findings of type “IBAN”",
    ),
    ({"names_unchecked": False}, "the names in it could be checked"),
    (
        {"applications": some("hr", "crm", "mail"), "high_risk": True},
        (
            "it comes from “crm”, “hr” or “mail”, and its application is a high-risk AI system"
            " (AI Act Art. 6)"
        ),
    ),
    (
        {"legal_bases": some("6-1-e", "6-1-c"), "purposes": some("Letters, answers")},
        (
            "its application's purpose is “Letters, answers”, and its application's legal"
            " basis is a legal obligation or a public task (GDPR Art. 6(1))"
        ),
    ),
    (
        {"subject_countries": some("NL", "DE")},
        "its application's data is about people in Germany or the Netherlands",
    ),
    (
        {"restricted": True, "tools": some("pay")},
        (
            "the model's licence restricts its use in the EU, and it offers the tool “pay” to"
            " the model"
        ),
    ),
    ({"request_class": RequestClass.BATCH}, "it is one of many in a file (batch)"),
    (
        {"hours": Hours(frozenset(range(1, 6)), 480, 1080)},
        "it comes from 08:00 to 18:00, every day from Monday to Friday",
    ),
    (
        {"hours": Hours(frozenset({5, 7}), 1320, 360)},
        "it comes from 22:00 to 06:00 of the next day, on Friday or Sunday",
    ),
]


@pytest.mark.parametrize(("when", "said"), CONDITIONS)
def test_a_condition_is_said_in_words(when, said):
    assert words.condition(Condition(**when)) == said


WHERES = [
    ({"countries": some("DE")}, "in Germany"),
    (
        {"sites": some("berlin"), "regions": some("EEA", "ADEQUATE")},
        (
            "at the site “berlin”, or in countries with an adequacy decision (GDPR Art. 45) or"
            " the European Economic Area"
        ),
    ),
    (
        {
            "regions": some("EU"),
            "operators": some("house"),
            "certifications": some("C5", "ISO"),
        },
        (
            "in the European Union, and where “house” runs the machines, and where the site has"
            " the certifications “C5” and “ISO”"
        ),
    ),
    (
        {"attested_within": 3600, "witnessed_within": 90},
        (
            "where every node proved within 1 hour that nothing gets out of it, and where the"
            " witness at the site signed the log within 90 seconds"
        ),
    ),
]


@pytest.mark.parametrize(("where", "said"), WHERES)
def test_a_place_is_said_in_words(where, said):
    assert words.where(Where(**where)) == said


def test_obligations_are_said_as_sentences():
    assert words.obligations(Obligations()) == ""
    both = frozenset({Category.PAYMENT, Category.PERSONAL})
    only = Obligations(mask_answers=both, block_answers=frozenset({Category.CREDENTIAL}))
    assert words.obligations(only) == (
        "Of payment data and personal data (GDPR Art. 4), what only the answer holds is masked."
        " Of credentials, what only the answer holds ends it."
    )
    assert words.obligations(Obligations(content_days=0, review=True)) == (
        "Prompt and answer are never kept. A person must look at the answer before it is used."
    )
    assert words.obligations(Obligations(1, True, 1, some("small"))) == (
        "Prompt and answer are kept for 1 day at most. The answer is marked as made by a"
        " machine (AI Act Art. 50). The answer has at most 1 token. Only the model “small” may"
        " answer."
    )


def test_a_rule_is_said_as_whole_sentences():
    said = [words.rule(rule) for rule in DEFAULT.rules]
    assert said[0] == "If the request holds credentials, then the request is blocked."
    assert said[-1] == "In every case the request is allowed."
    placed = rule(Effect.MASK, where={"countries": some("DE")}, asks={"review": True})
    assert words.rule(placed) == (
        "In every case everything found in it is masked. It may be processed only in Germany."
        " A person must look at the answer before it is used."
    )


def test_bounds_are_said_in_words():
    assert words.bounds(DEFAULT) == []
    made = policy("a", 1, DEFAULT.rules, Retention(0, 30))
    assert words.bounds(made)[0] == "Prompts and answers may be kept not at all."
    assert "for 30 days at most" in words.bounds(made)[1]


FREE = ["entities", "applications", "applications_except", "purposes", "legal_bases", "owners"]
FREE += ["models", "licences", "publishers", "tools"]


@pytest.mark.parametrize("apart", [", ", " or ", " and ", "” or “", "”, “", "” and “"])
def test_one_name_that_looks_like_two_is_not_said_like_two(apart):
    one, two = some(f"Oncology{apart}Surgery"), some("Oncology", "Surgery")
    for name in FREE:
        said = [words.condition(Condition(**{name: names})) for names in (one, two)]
        assert said[0] != said[1]
    for name in ("sites", "operators", "certifications"):
        said = [words.where(Where(**{name: names})) for names in (one, two)]
        assert said[0].replace("sites", "site") != said[1].replace("sites", "site")
        assert "“Oncology”" not in said[0]
    said = [words.obligations(Obligations(models=names)) for names in (one, two)]
    assert "“Oncology”" not in said[0]
    assert "“Oncology”" in said[1]


def test_a_legal_basis_that_is_called_like_a_known_one_is_not_said_like_it():
    said = [words.condition(Condition(legal_bases=some(one))) for one in ("6-1-a", "consent")]
    assert said[0] != said[1]


@settings(max_examples=40)
@given(policies())
def test_any_rule_can_be_said_and_no_number_of_a_member_is_left_out(made):
    for one in made.rules:
        said = words.rule(one)
        assert said[0].isupper()
        assert said.endswith(".")
        assert not re.search(r"None|frozenset|\bTrue\b|<|\bor \.|, ,|  ", said)


@settings(max_examples=60)
@given(st.data())
def test_two_rules_that_differ_are_said_differently(data):
    name = data.draw(st.sampled_from(sorted(documents.MEMBERS.keys() - {"at_least"})))
    one, other = (data.draw(documents.MEMBERS[name]) for _ in range(2))
    said = [words.condition(Condition(**{name: value})) for value in (one, other)]
    assert (one == other) == (said[0] == said[1])
    place = data.draw(st.sampled_from(sorted(documents.PLACES)))
    here, there = (data.draw(documents.PLACES[place]) for _ in range(2))
    said = [words.where(Where(**{place: value})) for value in (here, there)]
    assert (here == there) == (said[0] == said[1])


def test_effects_read_differently_for_a_whole_request_and_for_findings():
    every = words.rule(Rule("a", "b", Condition(), Effect.PSEUDONYMISE))
    some_of = words.rule(of(rule(Effect.PSEUDONYMISE, entities=some("X"))).rules[0])
    assert "everything found in it is replaced" in every
    assert "what was found is replaced" in some_of

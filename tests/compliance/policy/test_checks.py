import pytest
from hypothesis import given, settings

from compliance.policy.checks import Fault, World, faults
from compliance.policy.decide import decide
from compliance.policy.default import DEFAULT
from compliance.vocabulary import Category, Effect, Facts
from tests.compliance.policy.documents import APPLICATIONS, facts, of, policies, rule

COVERAGE = frozenset({(Category.PERSONAL, "PERSON"), (Category.PAYMENT, "IBAN_CODE")})
WORLD = World(
    applications=frozenset({"hr", "mail"}),
    sites=frozenset({"berlin"}),
    countries=frozenset({"DE"}),
    models=frozenset({"small"}),
    owners=frozenset({"Oncology", "Surgery"}),
    purposes=frozenset({"care"}),
    licences=frozenset({"MIT"}),
    publishers=frozenset({"house"}),
    operators=frozenset({"house"}),
    certifications=frozenset({"C5"}),
    coverage=COVERAGE,
)
ELSE = rule(Effect.ALLOW, id="else")


def some(*values):
    return frozenset(values)


UNKNOWN = [
    (
        rule(Effect.ALLOW, applications=some("hr", "gone")),
        "when.applications",
        "No application here is called “gone”.",
    ),
    (
        rule(Effect.MASK, applications_except=some("gone")),
        "when.applications_except",
        "No application here is called “gone”.",
    ),
    (rule(Effect.MASK, models=some("big")), "when.models", "No model here is called “big”."),
    (
        rule(Effect.MASK, asks={"models": some("small", "big")}),
        "obligations.models",
        "No model here is called “big”.",
    ),
    (
        rule(Effect.MASK, where={"sites": some("berlin", "bonn")}),
        "where.sites",
        "No site here is called “bonn”.",
    ),
    (
        rule(Effect.MASK, owners=some("Oncology or Surgery")),
        "when.owners",
        "No application here belongs to “Oncology or Surgery”.",
    ),
    (
        rule(Effect.MASK, purposes=some("care", "cure")),
        "when.purposes",
        "No application here has the purpose “cure”.",
    ),
    (
        rule(Effect.MASK, licences=some("GPL")),
        "when.licences",
        "No model here has the licence “GPL”.",
    ),
    (
        rule(Effect.MASK, publishers=some("guest")),
        "when.publishers",
        "No model here was published by “guest”.",
    ),
    (
        rule(Effect.MASK, where={"operators": some("guest")}),
        "where.operators",
        "No site here is run by “guest”.",
    ),
    (
        rule(Effect.MASK, where={"certifications": some("C5", "ISO")}),
        "where.certifications",
        "No site here has the certification “ISO”.",
    ),
    (
        rule(Effect.MASK, where={"countries": some("DE", "FR")}),
        "where.countries",
        "No site stands in France.",
    ),
    (
        rule(Effect.MASK, categories=some(Category.SPECIAL)),
        "when.categories",
        "No loaded recogniser finds this, so the rule is not enforced.",
    ),
    (
        rule(Effect.MASK, entities=some("PERSON", "DNA")),
        "when.entities",
        "No loaded recogniser finds “DNA”.",
    ),
]


@pytest.mark.parametrize(("one", "member", "said"), UNKNOWN)
def test_a_name_that_nobody_here_has_is_told_and_does_not_block(one, member, said):
    assert faults(of(ELSE, one), WORLD) == (Fault(f"rules[1].{member}", said, blocking=False),)
    assert faults(of(ELSE, one)) == ()


def test_the_default_policy_has_no_fault_but_what_no_recogniser_finds():
    assert faults(DEFAULT) == ()
    found = faults(DEFAULT, WORLD)
    assert not any(fault.blocking for fault in found)
    assert {fault.at for fault in found} == {
        "rules[0].when.categories",
        "rules[1].when.categories",
        "rules[2].when.categories",
        "rules[3].when.applications_except",
    }


SHUT = [
    of(rule(Effect.BLOCK)),
    of(ELSE, rule(Effect.BLOCK)),
    of(rule(Effect.BLOCK, categories=some(Category.PERSONAL))),
    of(rule(Effect.ALLOW, applications=some("another"))),
    of(
        ELSE,
        rule(Effect.BLOCK, id="a", applications=some("hr")),
        rule(Effect.BLOCK, id="b", applications_except=some("hr")),
    ),
]


@pytest.mark.parametrize("made", SHUT)
def test_a_policy_that_would_block_every_application_must_not_be_proposed(made):
    (fault,) = [fault for fault in faults(made, WORLD) if fault.blocking]
    assert fault.at == "rules"
    assert "block every request of every application" in fault.words


def test_a_policy_that_blocks_all_that_it_names_and_any_other_blocks_all():
    made = of(ELSE, rule(Effect.BLOCK, id="a", applications_except=some("hr")))
    assert [fault.words for fault in faults(made)] == [
        "Every request of an application that no rule names would be blocked."
    ]
    shut = of(*made.rules, rule(Effect.BLOCK, id="b", applications=some("hr")))
    (fault,) = faults(shut)
    assert fault.blocking


def test_an_application_without_a_path_is_named():
    made = of(ELSE, rule(Effect.BLOCK, id="a", applications=some("mail")))
    assert faults(made, WORLD) == (
        Fault("rules", "Every request of “mail” would be blocked.", blocking=False),
    )


@settings(max_examples=60)
@given(policies(), facts)
def test_what_is_said_to_be_blocked_is_blocked(made, asked):
    said = {fault.words for fault in faults(made, World(applications=APPLICATIONS))}
    every = any("every application" in words for words in said)
    if every or f"Every request of “{asked.application}” would be blocked." in said:
        assert decide(made, asked, frozenset()).effect is Effect.BLOCK
    if not faults(made, World(applications=APPLICATIONS)):
        assert decide(of(ELSE), Facts("hr", "small"), frozenset()).effect is Effect.ALLOW


def test_an_out_of_date_list_of_regions_must_be_looked_at_first():
    made = of(rule(Effect.ALLOW, where={"regions": some("EU")}))
    assert faults(made) == ()
    (fault,) = faults(made, newest="2027-01-31")
    assert (fault.at, fault.blocking) == ("regions", True)
    assert "2027-01-31" in fault.words


def test_a_rule_that_permits_none_of_the_models_it_speaks_of_must_be_mended():
    made = of(ELSE, rule(Effect.ALLOW, models=some("small"), asks={"models": some("large")}))
    (fault,) = faults(made)
    assert (fault.at, fault.blocking) == ("rules[1].obligations.models", True)
    assert "would block all of them" in fault.words


def test_a_rule_that_says_what_another_one_says_is_told():
    made = of(rule(Effect.MASK, id="a"), ELSE, rule(Effect.MASK, id="b"))
    assert faults(made) == (
        Fault(
            "rules[2]", "It says the same as the rule “a”; one of them can go.", blocking=False
        ),
    )

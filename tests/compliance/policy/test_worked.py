"""The worked policies of docs/worked-policies.md decide as it says."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compliance.policy.checks import faults
from compliance.policy.decide import decide
from compliance.policy.rules import parse
from compliance.policy.yaml import from_yaml
from compliance.vocabulary import Candidate, Category, Facts, RequestClass, Serving

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "policies"
BERLIN = ZoneInfo("Europe/Berlin")
PERSON = (Category.PERSONAL, "PERSON")
IBAN = (Category.PAYMENT, "IBAN_CODE")
HEALTH = (Category.SPECIAL, "HEALTH")
PASSWORD = (Category.CREDENTIAL, "PASSWORD")
CRIME = (Category.CRIMINAL, "OFFENCE")


def at(day, hour):
    """August 2026; the 5th is a Wednesday."""
    return int(dt.datetime(2026, 8, day, hour, tzinfo=BERLIN).timestamp()) * 10**6


NOON = at(5, 12)
MINUTE = 60 * 10**6


def site(name, country, operator="", certifications=(), *, proved=1, witnessed=1):
    """A site that proved and was witnessed so many minutes ago; None: never."""
    return Candidate(
        name,
        country,
        operator,
        frozenset(certifications),
        None if proved is None else NOON - proved * MINUTE,
        None if witnessed is None else NOON - witnessed * MINUTE,
    )


def served(*sites, **more):
    return Serving(candidates=tuple(sorted(sites, key=lambda one: one.site)), **more)


def asked(application, found=(), time=NOON, **more):
    counts = found if isinstance(found, dict) else dict.fromkeys(found, 1)
    return Facts(application, "small", counts, time=time, **more)


CLINIC = served(
    site("berlin", "DE"),
    site("munich", "DE", proved=61),
    site("vienna", "AT"),
    site("bern", "CH"),
)
PATIENTS = {"declared": frozenset({Category.SPECIAL}), "serving": CLINIC}

HOSPITAL = [
    (asked("kitchen", serving=CLINIC), "allow", ("berlin", "munich", "vienna"), "otherwise"),
    (asked("ward", **PATIENTS), "allow", ("berlin",), "health-stays-here otherwise"),
    (
        asked("ward", [PERSON], **PATIENTS),
        "pseudonymise",
        ("berlin",),
        "health-stays-here otherwise persons",
    ),
    (
        asked("kitchen", [HEALTH], serving=CLINIC),
        "hold",
        ("berlin",),
        "health-found otherwise",
    ),
    (asked("ward", [PERSON, PASSWORD], **PATIENTS), "block", ("berlin",), None),
    (asked("ward", [CRIME], **PATIENTS), "block", ("berlin",), None),
    (asked("ward", names_unchecked=True, **PATIENTS), "block", ("berlin",), None),
    (asked("x", serving=served(restricted=True)), "block", (), "licence otherwise"),
    (asked("triage", high_risk=True, serving=CLINIC), "allow", None, "high-risk otherwise"),
]

HOUSES = served(
    site("own", "DE", "Bank IT", ["ISO 27001"]),
    site("partner", "FR", "Partner Hosting SE"),
    site("unwitnessed", "DE", "Bank IT", ["ISO 27001"], witnessed=None),
    site("late", "DE", "Bank IT", ["ISO 27001"], witnessed=25 * 60),
    site("stranger", "DE", "Somebody", ["ISO 27001"]),
    site("zurich", "CH", "Bank IT", ["ISO 27001"]),
)
CREDIT = {"purpose": "Credit decisions", "serving": HOUSES}
BATCH = {"request_class": RequestClass.BATCH, "serving": HOUSES}

BANK = [
    (asked("mail", serving=HOUSES), "allow", ("own", "partner"), "providers"),
    (
        asked("mail", [IBAN], serving=HOUSES),
        "pseudonymise",
        ("own",),
        "payment-data providers",
    ),
    (
        asked("mail", {IBAN: 21}, serving=HOUSES),
        "hold",
        ("own",),
        "many-numbers payment-data providers",
    ),
    (asked("mail", {IBAN: 20}, serving=HOUSES), "pseudonymise", ("own",), None),
    (asked("mail", [HEALTH], serving=HOUSES), "block", None, "art-9-and-10 providers"),
    (asked("loans", [PERSON], **CREDIT), "pseudonymise", ("own", "partner"), None),
    (
        asked("loans", tools=frozenset({"pay"}), **CREDIT),
        "block",
        None,
        "credit-review credit-tools providers",
    ),
    (asked("reports", **BATCH), "block", None, "batch-at-night providers"),
    (asked("reports", time=at(4, 21), **BATCH), "allow", None, "providers"),
    (asked("reports", time=at(5, 5), **BATCH), "allow", None, "providers"),
]

TOWN = served(site("town-hall", "DE"), site("oslo", "NO"), site("basel", "CH"))
TASK = {"legal_basis": "6-1-e", "serving": TOWN}
NIGHTLY = {"request_class": RequestClass.BATCH, **TASK}

MUNICIPALITY = [
    (asked("letters", **TASK), "allow", ("oslo", "town-hall"), "public-task"),
    (asked("letters", [PERSON, IBAN], **TASK), "pseudonymise", None, "persons public-task"),
    (asked("letters", time=at(5, 20), **TASK), "block", None, "closed-at-night public-task"),
    (asked("letters", time=at(5, 6), **TASK), "block", None, "closed-at-night public-task"),
    (asked("letters", time=at(8, 12), **TASK), "block", None, "closed-at-weekends public-task"),
    (asked("lists", **NIGHTLY), "block", None, "batch-in-office-hours public-task"),
    (asked("lists", time=at(5, 20), **NIGHTLY), "allow", ("oslo", "town-hall"), None),
    (asked("lists", time=at(8, 12), **NIGHTLY), "allow", ("oslo", "town-hall"), None),
    (
        asked("lottery", [PERSON], legal_basis="6-1-f", serving=TOWN),
        "block",
        None,
        "no-public-task persons",
    ),
    (
        asked("border", subject_countries=frozenset({"DE", "CH"}), **TASK),
        "allow",
        ("town-hall",),
        "across-the-border public-task",
    ),
    (asked("letters", [HEALTH], **TASK), "hold", None, "public-task special-categories"),
    (
        asked("letters", tools=frozenset({"send_letter", "find"}), **TASK),
        "hold",
        None,
        "letters public-task",
    ),
]

TABLE = [
    pytest.param(name, *row, id=f"{name}-{number}")
    for name, rows in (("hospital", HOSPITAL), ("bank", BANK), ("municipality", MUNICIPALITY))
    for number, row in enumerate(rows)
]


def worked(name):
    return parse(from_yaml((FOLDER / f"{name}.yaml").read_text("utf-8")))


@pytest.mark.parametrize(("name", "facts", "effect", "sites", "rules"), TABLE)
def test_a_worked_policy_decides_as_its_page_says(name, facts, effect, sites, rules):
    decision = decide(worked(name), facts, frozenset())
    assert decision.effect == effect
    if sites is not None:
        assert decision.sites == sites
    if rules is not None:
        assert decision.rules == tuple(rules.split())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_worked_policy_has_no_fault_and_is_explained(path):
    made = worked(path.stem)
    assert faults(made) == ()
    page = FOLDER.parent.joinpath("worked-policies.md").read_text("utf-8")
    assert f"policies/{path.name}" in page
    assert {rule.id for rule in made.rules if f"`{rule.id}`" not in page} == set()


def test_what_the_worked_policies_oblige_to():
    ward = decide(worked("hospital"), asked("ward", **PATIENTS), frozenset())
    assert ward.obligations.content_days == 0
    triage = asked("triage", high_risk=True, serving=CLINIC)
    asks = decide(worked("hospital"), triage, frozenset()).obligations
    assert (asks.mark_output, asks.review) == (True, True)
    loan = decide(worked("bank"), asked("loans", **CREDIT), frozenset()).obligations
    assert (loan.review, loan.mark_output, loan.max_tokens) == (True, True, 1000)
    letter = decide(worked("municipality"), asked("letters", **TASK), frozenset())
    assert letter.obligations.mark_output


def test_every_member_of_the_language_is_on_its_page():
    from compliance.policy import rules  # noqa: PLC0415 - its tables are what is documented

    page = FOLDER.parent.joinpath("policies.md").read_text("utf-8")
    tables = (rules.CONDITIONS, rules.PLACES, rules.OBLIGATIONS, rules.RETENTION)
    members = {name for table in tables for name in table}
    members |= {"regions", "zone", "retention", "assertions", "days", "from", "to"}
    assert {name for name in members if f"`{name}`" not in page} == set()

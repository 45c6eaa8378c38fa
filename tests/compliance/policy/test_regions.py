import datetime as dt
import tomllib
from importlib import resources

import pytest

from compliance.policy import countries
from compliance.policy.regions import (
    ADEQUATE,
    EDITIONS,
    EEA,
    EU,
    NEWEST,
    REGIONS,
    members,
    memberships,
)
from compliance.policy.rules import stale
from compliance.policy.zones import ZONES, zone
from compliance.vocabulary import Effect
from tests.compliance.policy.documents import NOON, of, rule

MEMBER_STATES = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
EDITION = "2026-08-05"


def at(year, month, day):
    moment = dt.datetime(year, month, day, tzinfo=dt.UTC)
    return int(moment.timestamp()) * 10**6


def test_the_union_has_its_twenty_seven_states_and_their_territories():
    assert len(MEMBER_STATES) == 27
    found = members(EU, EDITION, NOON)
    assert found >= MEMBER_STATES
    assert found - MEMBER_STATES == {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}
    assert not found & {"GB", "CH", "NO", "GL", "PF", "NC", "BL"}


def test_the_economic_area_is_the_union_and_three_states_more():
    found = members(EEA, EDITION, NOON)
    assert found - members(EU, EDITION, NOON) == {"IS", "LI", "NO"}


def test_only_decisions_for_a_whole_country_make_it_adequate():
    assert members(ADEQUATE, EDITION, NOON) == {
        "AD", "AR", "BR", "CH", "FO", "GB", "GG", "IL", "IM", "JE", "NZ", "UY",
    }  # fmt: skip
    limited = {one.country: one for one in memberships(EDITION) if one.scope}
    assert set(limited) == {"CA", "JP", "KR", "US"}
    assert limited["US"].decision == "(EU) 2023/1795"
    assert "Data Privacy Framework" in limited["US"].scope
    assert limited["CA"].decision == "2002/2/EC"


def test_a_country_belongs_from_the_first_day_to_the_last():
    assert "HR" not in members(EU, EDITION, at(2013, 7, 1) - 1)
    assert "HR" in members(EU, EDITION, at(2013, 7, 1))
    assert "BR" not in members(ADEQUATE, EDITION, at(2026, 1, 26) - 1)
    assert "BR" in members(ADEQUATE, EDITION, at(2026, 1, 26))
    assert "GB" in members(ADEQUATE, EDITION, at(2031, 12, 28) - 1)
    assert "GB" not in members(ADEQUATE, EDITION, at(2031, 12, 28))


def test_every_edition_is_complete_and_names_only_assigned_countries():
    text = resources.files("compliance.policy").joinpath("regions.toml").read_text("utf-8")
    assert [one["name"] for one in tomllib.loads(text)["edition"]] == list(EDITIONS)
    for edition in EDITIONS:
        assert dt.date.fromisoformat(edition)
        for one in memberships(edition):
            assert countries.fault(one.country) is None
            assert one.region in REGIONS
            assert one.source
            assert one.until is None or one.since < one.until
            assert one.decision or one.region != ADEQUATE


def test_an_older_edition_than_the_newest_is_stale_and_no_edition_is_not():
    named = of(rule(Effect.ALLOW, where={"regions": frozenset({EU})}))
    assert named.regions == NEWEST
    assert stale(named) is None
    said = stale(named, newest="2027-01-31")
    assert said is not None
    assert NEWEST in said
    assert "2027-01-31" in said
    assert stale(of(rule(Effect.ALLOW)), newest="2027-01-31") is None


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("EL", "write GR"),
        ("UK", "write GB"),
        ("uk", "write GB"),
        ("de", "write DE"),
        ("XK", "such as DE"),
        ("EU", "such as DE"),
        ("", "such as DE"),
        ("DEU", "such as DE"),
    ],
)
def test_what_is_no_assigned_code_is_refused_with_a_hint(code, hint):
    said = countries.fault(code)
    assert said is not None
    assert hint in said


def test_all_assigned_countries_have_names_and_stand_well_in_a_sentence():
    assert len(countries.COUNTRIES) == 249
    assert all(name.strip() == name for name in countries.COUNTRIES.values())
    assert countries.phrase("DE") == "Germany"
    assert countries.phrase("NL") == "the Netherlands"
    assert countries.phrase("GB") == "the United Kingdom"
    assert countries.phrase("CZ") == "Czechia"


def test_zones_are_those_of_the_pinned_data_and_nothing_else_is_opened():
    assert {"UTC", "Europe/Berlin", "Atlantic/Canary"} <= ZONES
    for name in ZONES:
        assert zone(name).key == name
    for name in ("../zones", "Europe", "europe/berlin", ""):
        with pytest.raises(KeyError):
            zone(name)

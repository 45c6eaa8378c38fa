"""The members of a condition and of a place as tests, made once for each version.

A test takes what it is about and nothing else; which members a rule leaves out costs nothing
when requests come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from compliance.policy.regions import spans
from compliance.policy.terms import Condition, Hours, Where, given
from compliance.policy.zones import zone
from compliance.vocabulary import Candidate, Category, Facts

Kind = tuple[Category, str]
"""A category and an entity type, as findings are counted and recognisers are listed."""

Test = Callable[[Facts], bool]
PlaceTest = Callable[[Candidate, int], bool]
"""Whether a candidate is permitted at a time (microseconds since the Unix epoch)."""

EVERY_DAY = frozenset(range(1, 8))
_SECOND = 1_000_000  # microseconds
_MINUTE = 60 * _SECOND
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_TESTS: Mapping[str, Callable[[Any], Test]] = {
    "names_unchecked": lambda wanted: lambda facts: facts.names_unchecked is wanted,
    "applications": lambda names: lambda facts: facts.application in names,
    "applications_except": lambda names: lambda facts: facts.application not in names,
    "purposes": lambda names: lambda facts: facts.purpose in names,
    "legal_bases": lambda names: lambda facts: facts.legal_basis in names,
    "owners": lambda names: lambda facts: facts.owner in names,
    "declared": lambda names: lambda facts: not names.isdisjoint(facts.declared),
    "subject_countries": lambda names: (
        lambda facts: not names.isdisjoint(facts.subject_countries)
    ),
    "high_risk": lambda wanted: lambda facts: facts.high_risk is wanted,
    "models": lambda names: lambda facts: facts.model in names,
    "licences": lambda names: lambda facts: facts.serving.licence in names,
    "publishers": lambda names: lambda facts: facts.serving.publisher in names,
    "restricted": lambda wanted: lambda facts: facts.serving.restricted is wanted,
    "request_class": lambda wanted: lambda facts: facts.request_class is wanted,
    "tools_offered": lambda wanted: lambda facts: bool(facts.tools) is wanted,
    "tools": lambda names: lambda facts: not names.isdisjoint(facts.tools),
}
"""For each member that looks at the request, the test of a given value."""

OF_FINDINGS = ("categories", "entities", "at_least")
"""The members that look at findings; they are asked together, see `concerns`."""


def tests(when: Condition, zone_name: str) -> tuple[Test, ...]:
    """The tests of a condition, apart from what it says of findings."""
    made: list[Test] = []
    for name, value in given(when).items():
        if isinstance(value, Hours):
            made.append(_hours(value, zone_name))
        elif name not in OF_FINDINGS:
            made.append(_TESTS[name](value))
    return tuple(made)


def concerns(when: Condition, kind: Kind) -> bool:
    """Whether a condition about findings speaks of one kind."""
    category, entity = kind
    return (when.categories is None or category in when.categories) and (
        when.entities is None or entity in when.entities
    )


def within(hours: Hours, weekday: int, minute: int) -> bool:
    """Whether a local time lies in the hours; weekday 1 is Monday, minute is since midnight."""
    days = EVERY_DAY if hours.days is None else hours.days
    if hours.start is None or hours.end is None:
        return weekday in days
    if hours.start < hours.end:
        return hours.start <= minute < hours.end and weekday in days
    if minute >= hours.start:
        return weekday in days
    began = 7 if weekday == 1 else weekday - 1
    return minute < hours.end and began in days


@lru_cache(maxsize=256)
def local(zone_name: str, minutes: int) -> tuple[int, int]:
    """Day of the week and minute of the day in a zone, so many minutes after the Unix epoch."""
    there = (_EPOCH + dt.timedelta(minutes=minutes)).astimezone(zone(zone_name))
    return there.isoweekday(), there.hour * 60 + there.minute


def _hours(hours: Hours, zone_name: str) -> Test:
    return lambda facts: within(hours, *local(zone_name, facts.time // _MINUTE))


def place_tests(where: Where, edition: str | None) -> tuple[PlaceTest, ...]:
    """The tests of a place; a candidate is permitted where all of them hold."""
    made: list[PlaceTest] = []
    if (where.sites, where.countries, where.regions) != (None, None, None):
        made.append(_located(where, edition))
    if (operators := where.operators) is not None:
        made.append(lambda candidate, _time: candidate.operator in operators)
    if (certifications := where.certifications) is not None:
        made.append(lambda candidate, _time: certifications <= candidate.certifications)
    if (attested := where.attested_within) is not None:
        made.append(lambda candidate, time: _fresh(candidate.attested, time, attested))
    if (witnessed := where.witnessed_within) is not None:
        made.append(lambda candidate, time: _fresh(candidate.witnessed, time, witnessed))
    return tuple(made)


def _located(where: Where, edition: str | None) -> PlaceTest:
    sites = where.sites or frozenset()
    countries = where.countries or frozenset()
    timed: dict[str, list[tuple[int, int | None]]] = {}
    for region in where.regions or ():
        for country, begins, ends in spans(region, edition or ""):
            timed.setdefault(country, []).append((begins, ends))

    def test(candidate: Candidate, time: int) -> bool:
        if candidate.site in sites or candidate.country in countries:
            return True
        # A loop is twice as fast as any() over a generator, and this runs for every site.
        for begins, ends in timed.get(candidate.country, ()):
            if begins <= time and (ends is None or time < ends):
                return True
        return False

    return test


def _fresh(proved: int | None, time: int, seconds: int) -> bool:
    """Whether something was proved at most so long ago; a clock that is ahead does no harm."""
    return proved is not None and proved >= time - seconds * _SECOND

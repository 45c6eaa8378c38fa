"""Regions of the law: which countries belong to them, since when, and by which decision.

The law is data (`regions.toml`), in editions; a policy names the edition that it means.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from compliance.policy.countries import COUNTRIES as COUNTRIES  # noqa: PLC0414 - read from here

EU, EEA, ADEQUATE = "EU", "EEA", "ADEQUATE"
REGIONS: Mapping[str, str] = {
    EU: "the European Union",
    EEA: "the European Economic Area",
    ADEQUATE: "countries with an adequacy decision (GDPR Art. 45)",
}
"""The regions that a rule can name, in words."""

_DAY = 86_400_000_000  # microseconds
_TREATIES = "Treaties on European Union; acts of accession"
_EEA = "Agreement on the European Economic Area"


@dataclass(frozen=True, slots=True)
class Membership:
    """That a country belongs to a region from `since` to `until`, both included (UTC).

    `scope` is to which recipients an adequacy decision is limited; with one, the country does
    not count. `decision` is its number, empty where none is known.
    """

    region: str
    country: str
    since: dt.date
    until: dt.date | None = None
    scope: str = ""
    decision: str = ""
    source: str = ""

    @property
    def begins(self) -> int:
        """Microseconds since the Unix epoch, the first that counts."""
        return _microseconds(self.since)

    @property
    def ends(self) -> int | None:
        """Microseconds since the Unix epoch, the first that does not count any more."""
        return None if self.until is None else _microseconds(self.until) + _DAY


def _microseconds(day: dt.date) -> int:
    return (day.toordinal() - dt.date(1970, 1, 1).toordinal()) * _DAY


def _read(text: str) -> Mapping[str, tuple[Membership, ...]]:
    return MappingProxyType(
        {one["name"]: tuple(_memberships(one)) for one in tomllib.loads(text)["edition"]}
    )


def _memberships(edition: Mapping[str, Any]) -> Iterator[Membership]:
    for country, since in (edition["eu"] | edition["eu_territories"]).items():
        day = dt.date.fromisoformat(since)
        yield Membership(EU, country, day, source=_TREATIES)
        yield Membership(EEA, country, day, source=_EEA)
    for country, since in edition["efta"].items():
        yield Membership(EEA, country, dt.date.fromisoformat(since), source=_EEA)
    for decided in edition["adequacy"]:
        until = decided.get("until")
        yield Membership(
            ADEQUATE,
            decided["country"],
            dt.date.fromisoformat(decided["since"]),
            dt.date.fromisoformat(until) if until else None,
            decided.get("scope", ""),
            decided.get("decision", ""),
            edition["adequacy_source"],
        )


_TABLE = _read(resources.files("compliance.policy").joinpath("regions.toml").read_text("utf-8"))

EDITIONS: tuple[str, ...] = tuple(sorted(_TABLE))
"""The known editions by their dates, the newest last."""

NEWEST: str = EDITIONS[-1]


def memberships(edition: str) -> tuple[Membership, ...]:
    """All that an edition says, also what does not count; raises `KeyError` if unknown."""
    return _TABLE[edition]


@lru_cache(maxsize=64)
def spans(region: str, edition: str) -> tuple[tuple[str, int, int | None], ...]:
    """Countries that count as in a region, each with when that begins and ends (µs)."""
    return tuple(
        (one.country, one.begins, one.ends)
        for one in memberships(edition)
        if one.region == region and not one.scope
    )


def members(region: str, edition: str, time: int) -> frozenset[str]:
    """The countries that count as in a region at a time, in microseconds since the epoch."""
    return frozenset(
        country
        for country, begins, ends in spans(region, edition)
        if begins <= time and (ends is None or time < ends)
    )

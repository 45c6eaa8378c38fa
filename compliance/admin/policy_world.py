"""What this appliance knows that a policy can speak of: its applications, sites and models.

Models belong to inference, which says here where to ask for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from compliance.admin.coverage import known as covered
from compliance.gate import now
from compliance.models import Application, Site
from compliance.policy import regions
from compliance.policy.checks import World
from compliance.templatetags.console import CATEGORY_WORDS

Pairs = tuple[tuple[str, str], ...]
"""Names as a policy writes them, each with its words."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is registered here."""

    name: str
    licence: str
    publisher: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the rule form offers to choose from."""

    applications: Pairs = ()
    purposes: Pairs = ()
    owners: Pairs = ()
    entities: Pairs = ()
    models: Pairs = ()
    licences: Pairs = ()
    publishers: Pairs = ()
    sites: Pairs = ()
    operators: Pairs = ()
    certifications: Pairs = ()
    regions: Pairs = ()
    countries: Mapping[str, str] = field(default_factory=dict)


_ask: Callable[[], list[Served]] = list


def provide(ask: Callable[[], list[Served]]) -> None:
    """Let `ask` answer which models are registered; it reads the database."""
    global _ask  # noqa: PLW0603 - one process, one answer
    _ask = ask


@dataclass(frozen=True, slots=True)
class Region:
    """A region and what it holds today, in names; `limited` are decisions that do not count."""

    name: str
    words: str
    countries: tuple[str, ...]
    limited: tuple[str, ...]


def known(own: Iterable[Mapping[str, Any]] = ()) -> Known:
    """What the rule form can offer now; `own` are definitions of a draft's own entities."""
    applications = list(Application.objects.order_by("name"))
    sites = list(Site.objects.order_by("name"))
    models = _ask()
    names = regions.COUNTRIES
    return Known(
        applications=tuple((one.name, _with(one.name, one.owner)) for one in applications),
        purposes=_same(one.purpose for one in applications),
        owners=_same(one.owner for one in applications),
        entities=_entities(own),
        models=tuple((one.name, _with(one.name, one.licence)) for one in models),
        licences=_same(one.licence for one in models),
        publishers=_same(one.publisher for one in models),
        sites=tuple((one.name, _with(one.name, names.get(one.country, ""))) for one in sites),
        operators=_same(one.operator for one in sites),
        certifications=_same(chain.from_iterable(one.certifications for one in sites)),
        regions=tuple(
            (one.name, f"{one.words}: {len(one.countries)} countries and territories")
            for one in regions_now()
        ),
        countries=names,
    )


def world() -> World:
    """What checks of a policy hold its names against."""
    here = known()
    served = bool(here.models)
    return World(
        applications=_names(here.applications),
        sites=_names(here.sites),
        countries=frozenset(Site.objects.values_list("country", flat=True)),
        models=_names(here.models) if served else None,
        owners=_names(here.owners),
        purposes=_names(here.purposes),
        licences=_names(here.licences) if served else None,
        publishers=_names(here.publishers) if served else None,
        operators=_names(here.operators),
        certifications=_names(here.certifications),
        coverage=covered(),
    )


def _names(pairs: Pairs) -> frozenset[str]:
    return frozenset(name for name, _words in pairs)


def regions_now(edition: str = regions.NEWEST) -> list[Region]:
    """What each region holds today by an edition."""
    time = now()
    return [
        Region(
            name,
            words[0].upper() + words[1:],
            tuple(_named(regions.members(name, edition, time))),
            tuple(
                f"{regions.COUNTRIES.get(one.country, one.country)}: {one.scope}"
                for one in regions.memberships(edition)
                if one.region == name and one.scope
            ),
        )
        for name, words in regions.REGIONS.items()
    ]


def _named(codes: Iterable[str]) -> list[str]:
    return sorted(
        (regions.COUNTRIES.get(code, code) for code in codes),
        key=lambda name: name.removeprefix("the ").casefold(),
    )


def _same(values: Iterable[str]) -> Pairs:
    return tuple((value, value) for value in sorted({value for value in values if value}))


def _with(name: str, more: str) -> str:
    return f"{name} ({more})" if more else name


def _entities(own: Iterable[Mapping[str, Any]]) -> Pairs:
    found = {(str(kind), entity) for kind, entity in covered() or ()}
    for one in own:  # of a draft, whose text may hold anything
        kind, entity = one.get("category"), one.get("name")
        if isinstance(kind, str) and isinstance(entity, str):
            found.add((kind, entity))
    return tuple(
        (entity, f"{entity}: {CATEGORY_WORDS.get(kind, kind)}")
        for kind, entity in sorted(found)
    )


def country_of(entity: str) -> str:
    """The name of the country whose identifier an entity is; empty for others."""
    prefix, _, kind = entity.partition("_")
    return regions.COUNTRIES.get("GB" if prefix == "UK" else prefix, "") if kind else ""

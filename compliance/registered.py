"""What is registered here, as questions about a policy take it for given.

Which models are served where belongs to inference, which says here where to ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compliance.models import Application, Site
from compliance.policy.universe import Known
from compliance.vocabulary import Candidate, Category, Facts, Serving

_CATEGORIES = {str(category): category for category in Category}

_ask: Callable[[], Mapping[str, Serving]] = dict


def provide(ask: Callable[[], Mapping[str, Serving]]) -> None:
    """Let `ask` answer which models are served where; it reads the database."""
    global _ask  # noqa: PLW0603 - one process, one answer
    _ask = ask


def sites() -> tuple[Candidate, ...]:
    """Every site with what is registered of it, also one that is switched off by now."""
    return tuple(
        Candidate(
            site=site.name,
            country=site.country,
            operator=site.operator,
            certifications=frozenset(site.certifications),
        )
        for site in Site.objects.order_by("name")
    )


def applications() -> tuple[Facts, ...]:
    """Every application in use, as far as a policy may know it before it asks anything."""
    return tuple(map(_facts, Application.objects.filter(active=True)))


def known(coverage: frozenset[tuple[Category, str]] = frozenset()) -> Known:
    """Sites, applications in use and models in service; `coverage` is what recognisers find."""
    return Known(
        sites=sites(),
        coverage=coverage,
        applications=applications(),
        served=_ask(),
    )


def _facts(row: Application) -> Facts:
    return Facts(
        application=row.name,
        model="",
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        owner=row.owner,
        declared=frozenset(
            _CATEGORIES[one] for one in row.data_categories if one in _CATEGORIES
        ),
        subject_countries=frozenset(row.subject_countries),
        high_risk=row.high_risk,
    )

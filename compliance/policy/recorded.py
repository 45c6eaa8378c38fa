"""The facts of a decision as an event's detail keeps them, so that it can be made again.

Only strings, integers, booleans, lists and objects with ASCII names. Findings are counted by
kind; what was found is not among the facts, and so never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.vocabulary import Candidate, Category, Endpoint, Facts, RequestClass, Serving

_TEXTS = ("application", "model", "purpose", "legal_basis", "owner")
_FLAGS = ("names_unchecked", "high_risk")


def written(facts: Facts) -> dict[str, Any]:
    """The facts as JSON values."""
    serving = facts.serving
    return {
        **{name: getattr(facts, name) for name in (*_TEXTS, *_FLAGS, "time")},
        "entities": [
            {"category": str(category), "entity": entity, "count": count}
            for (category, entity), count in sorted(facts.entities.items())
        ],
        "declared": sorted(map(str, facts.declared)),
        "subject_countries": sorted(facts.subject_countries),
        "request_class": str(facts.request_class),
        "endpoint": str(facts.endpoint),
        "tools": sorted(facts.tools),
        "licence": serving.licence,
        "publisher": serving.publisher,
        "restricted": serving.restricted,
        "reasons": serving.reasons,
        "candidates": [_candidate(one) for one in serving.candidates],
    }


def read(detail: Mapping[str, Any]) -> Facts:
    """The facts of `written`; what an older event does not have is as `Facts` has it.

    Raises ValueError where a category, a class of requests or an endpoint is unknown to this
    release.
    """
    given = {name: detail[name] for name in (*_TEXTS, *_FLAGS, "time") if name in detail}
    return Facts(
        **{"application": "", "model": "", **given},
        entities={
            (Category(one["category"]), one["entity"]): one["count"]
            for one in detail.get("entities", ())
        },
        declared=frozenset(map(Category, detail.get("declared", ()))),
        subject_countries=frozenset(detail.get("subject_countries", ())),
        request_class=RequestClass(detail.get("request_class", RequestClass.INTERACTIVE)),
        tools=frozenset(detail.get("tools", ())),
        serving=Serving(
            licence=detail.get("licence", ""),
            publisher=detail.get("publisher", ""),
            restricted=detail.get("restricted", False),
            candidates=tuple(map(_read_candidate, detail.get("candidates", ()))),
            reasons=detail.get("reasons", False),
        ),
        endpoint=Endpoint(detail.get("endpoint", Endpoint.CHAT)),
    )


def _candidate(one: Candidate) -> dict[str, Any]:
    written: dict[str, Any] = {
        "site": one.site,
        "country": one.country,
        "operator": one.operator,
        "certifications": sorted(one.certifications),
    }
    if one.attested is not None:
        written["attested"] = one.attested
    if one.witnessed is not None:
        written["witnessed"] = one.witnessed
    return written


def _read_candidate(detail: Mapping[str, Any]) -> Candidate:
    return Candidate(
        detail["site"],
        detail["country"],
        detail.get("operator", ""),
        frozenset(detail.get("certifications", ())),
        detail.get("attested"),
        detail.get("witnessed"),
    )

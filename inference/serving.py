"""What a policy may know of the sites that serve a model: who runs them, what they proved.

A site is as good as the node of it that proved itself longest ago, because any of its nodes
may get a request that is sent there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from django.db.models import Max, Q

from compliance.audit import ledger
from compliance.models import Site, Witness
from compliance.vocabulary import Candidate, Serving
from inference.models import Model, Node, Placement


def servings(rows: Iterable[Placement]) -> dict[str, Serving]:
    """By name of the model, what is known of it and of the sites in `rows` that serve it.

    `rows` are the placements that may get requests: `Placement.serving`.
    """
    models: dict[str, Model] = {}
    nodes: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for row in rows:
        models[row.model.name] = row.model
        nodes[row.model.name, row.node.site.name].append(row.node)
    witnessed = _witnessed()
    candidates: defaultdict[str, list[Candidate]] = defaultdict(list)
    for (model, _site), there in sorted(nodes.items()):
        candidates[model].append(_candidate(there, witnessed))
    return {name: _serving(model, candidates[name]) for name, model in models.items()}


def of_weights(model: Model) -> Model:
    """Whose licence and publisher rules are about: an adapter is nothing without its base."""
    return model.base if model.kind == Model.Kind.ADAPTER and model.base else model


def publisher(model: Model) -> str:
    """Who published a model: its origin up to the first slash or comma."""
    return model.origin.split("/", 1)[0].split(",", 1)[0].strip()


def _serving(model: Model, candidates: Iterable[Candidate]) -> Serving:
    weights = of_weights(model)
    return Serving(
        licence=weights.licence,
        publisher=publisher(weights),
        restricted=bool(weights.eu_restriction or model.eu_restriction),
        candidates=tuple(candidates),
        reasons=_may_reason(weights),
    )


class _Chosen(msgspec.Struct):
    """Of a manifest, what was chosen when the model was imported."""

    options: dict[str, str | int | bool] = {}


def _may_reason(weights: Model) -> bool:
    """Whether its engine looks for reasoning; one that cannot be read may as well."""
    try:
        chosen = msgspec.json.decode(weights.manifest or "{}", type=_Chosen)
    except msgspec.DecodeError:
        return True
    return "reasoning_parser" in chosen.options


def _candidate(nodes: Iterable[Node], witnessed: Mapping[int, datetime]) -> Candidate:
    proofs = [node.attested for node in nodes]
    proven = [one for one in proofs if one is not None]
    site: Site = next(iter(nodes)).site
    return Candidate(
        site=site.name,
        country=site.country,
        operator=site.operator,
        certifications=frozenset(site.certifications),
        attested=_microseconds(min(proven)) if len(proven) == len(proofs) else None,
        witnessed=_microseconds(witnessed[site.pk]) if site.pk in witnessed else None,
    )


def _witnessed() -> dict[int, datetime]:
    """By site, when a witness that stands there last cosigned; one that contradicts is none."""
    contradicts = Q(conflict_generation=ledger.current().number)
    rows = Witness.objects.filter(~contradicts, active=True, cosigned__isnull=False)
    return dict(
        rows.filter(site__isnull=False).values_list("site").annotate(last=Max("cosigned"))
    )


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)

"""GDPR Art. 30(1): one activity for each application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compliance.evidence.packs import document
from compliance.evidence.packs.configured import Configured
from compliance.evidence.packs.context import Context, Part
from compliance.evidence.packs.fields import Facts, Filled, Section
from compliance.evidence.packs.tally import Tally
from compliance.models import Application
from compliance.models.applications import LegalBasis


def parts(context: Context) -> Iterator[Part]:
    """The fields of each application that was asked for."""
    tallies = {str(one.pk): Tally() for one in context.applications}
    for event in context.events():
        if event.application in tallies:
            tallies[event.application].take(event)
    configured = Configured(context.reading)
    for one in context.applications:
        facts = Facts(context.law.fields)
        said = _configured(facts, configured, one) | _counted(facts, tallies[str(one.pk)])
        yield Part(str(one.pk), one.name, said)


def files(context: Context, sections: Sequence[Section]) -> Mapping[str, bytes]:
    """The record as a table."""
    return {"pack.csv": document.as_csv(context.law, sections)}


def _configured(facts: Facts, known: Configured, one: Application) -> dict[str, Filled]:
    about, cited, wrong = known.values(one, ("name", "ropa_reference", "owner"))
    purpose, why, unknown = known.value(one, "purpose")
    basis, ground, unsure = known.value(one, "legal_basis")
    words, limits, unclear, days = known.kept(one)
    activity = "" if wrong else (
        f"{about['name']}\nEntry in the controller's record: {about['ropa_reference']}\n"
        f"Answered for by: {about['owner']}"
    )  # fmt: skip
    return {
        "activity": facts.verified("activity", activity, cited, note=wrong),
        "purposes": facts.verified("purposes", str(purpose), why, note=unknown),
        "legal_basis": facts.verified(
            "legal_basis", dict(LegalBasis.choices).get(basis, str(basis)), ground, note=unsure
        ),
        "erasure_limits": facts.verified("erasure_limits", words, limits, days, unclear),
    }


def _counted(facts: Facts, tally: Tally) -> dict[str, Filled]:
    found = dict(tally.categories)
    places = [
        {"site": site, "country": country, "requests": count}
        for (site, country), count in sorted(tally.places.items())
    ]
    answered = tally.note(
        tally.placed, "No request of this application was answered in the period."
    )
    return {
        "data_categories": facts.verified(
            "data_categories",
            tally.found(),
            tally.examined,
            {"categories": found, "entities": dict(tally.entities)},
            tally.note(
                tally.examined, "No request of this application was examined in the period."
            ),
        ),
        "recipients": facts.verified(
            "recipients",
            tally.answered_at(),
            tally.placed,
            {"places": places},
            answered,
        ),
        "transfers": facts.verified(
            "transfers",
            tally.transferred(),
            tally.placed,
            {"countries": list(tally.countries), "third": list(tally.third_countries)},
            answered,
        ),
    }

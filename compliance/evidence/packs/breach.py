"""GDPR Art. 33(3): what can have been affected in the period of a breach."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.evidence.packs.context import Context, Part
from compliance.evidence.packs.fields import Facts, Filled
from compliance.evidence.packs.happened import NO_REQUEST, NO_WINDOW, happened
from compliance.evidence.packs.tally import Tally

NOTHING = "The log holds nothing else of this period."


def parts(context: Context) -> Iterator[Part]:
    """The fields of one case."""
    facts, found = Facts(context.law.fields), happened(context)
    if found is None:
        names = ("subjects", "record_categories", "records", "facts")
        said = {name: facts.missing(name, NO_WINDOW) for name in names}
    else:
        said = _counted(facts, found.tally)
        said["facts"] = found.listed(facts, "facts", None, NOTHING)
    yield Part(
        context.parameters.case,
        f"Breach {context.parameters.case}",
        said | _late(context),
    )


def _late(context: Context) -> dict[str, Filled]:
    """That reasons for the delay are demanded, once there is one."""
    if context.clocks[0].state(context.now) not in ("late", "overdue"):
        return {}
    why = "Demanded here: the notification is later than 72 hours."
    return {"delay_reasons": Facts(context.law.fields).missing("delay_reasons", why)}


def _counted(facts: Facts, tally: Tally) -> dict[str, Filled]:
    note, persons = tally.caveats(), len(tally.subjects)
    nothing = "" if tally.first else NO_REQUEST
    words = f"{persons} different persons were named by the applications." + (
        f" {tally.unnamed} of {tally.requests} requests named nobody: whom they were about is "
        "not on the record."
        if tally.unnamed
        else ""
    )
    return {
        "subjects": facts.verified(
            "subjects",
            words,
            tally.first,
            {"named": persons, "unnamed_requests": tally.unnamed},
            nothing or note,
        ),
        "record_categories": facts.verified(
            "record_categories",
            tally.found(),
            tally.examined,
            {"categories": dict(tally.categories), "entities": dict(tally.entities)},
            nothing or note,
        ),
        "records": facts.verified(
            "records",
            f"{tally.requests} requests in the period.",
            tally.first,
            {"requests": tally.requests},
            nothing or note,
        ),
    }

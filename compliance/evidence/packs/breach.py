"""GDPR Art. 33(3): what can have been affected in the period of a breach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from compliance.evidence.packs.context import Context, Part
from compliance.evidence.packs.fields import Cited, Facts, Filled
from compliance.evidence.packs.reading import Verified
from compliance.evidence.packs.tally import Tally

NO_PERIOD = "Type when the breach began; the requests of its period are then counted."
ROUTINE = ("request.", "log.", "pack.")
"""Beginnings of types that say nothing of what happened to the appliance itself."""


def parts(context: Context) -> Iterator[Part]:
    """The fields of one case."""
    wanted = {str(one.pk) for one in context.applications}
    tally, others, cited = Tally(), Counter[str](), Cited()
    if context.parameters.period.since is None:
        yield Part(context.parameters.case, _title(context), _unknown(context) | _late(context))
        return
    for event in context.events():
        if event.application in wanted and event.request is not None:
            tally.take(event)
        elif _telling(event):
            others[event.type] += 1
            cited.add(event.index)
    facts = Facts(context.law.fields)
    said = _counted(facts, tally)
    lines = [f"{kind}: {count}" for kind, count in sorted(others.items())]
    said["facts"] = facts.verified(
        "facts",
        "\n".join(lines),
        cited,
        {"events": dict(others)},
        "" if cited else "The log holds nothing else of this period.",
    )
    yield Part(context.parameters.case, _title(context), said | _late(context))


def _title(context: Context) -> str:
    return f"Breach {context.parameters.case}"


def _telling(event: Verified) -> bool:
    return not event.type.startswith(ROUTINE)


def _unknown(context: Context) -> dict[str, Filled]:
    facts = Facts(context.law.fields)
    names = ("subjects", "record_categories", "records", "facts")
    return {name: facts.missing(name, NO_PERIOD) for name in names}


def _late(context: Context) -> dict[str, Filled]:
    """That reasons for the delay are demanded, once there is one."""
    if context.clocks[0].state(context.now) not in ("late", "overdue"):
        return {}
    why = "Demanded here: the notification is later than 72 hours."
    return {"delay_reasons": Facts(context.law.fields).missing("delay_reasons", why)}


def _counted(facts: Facts, tally: Tally) -> dict[str, Filled]:
    note, persons = tally.caveats(), len(tally.subjects)
    nothing = "" if tally.first else "There was no request in this period."
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

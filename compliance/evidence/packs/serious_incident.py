"""AI Act Art. 73, with the notice of Art. 26(5): what the log holds of an incident's window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from compliance.audit import alarms
from compliance.evidence.packs.configured import Configured
from compliance.evidence.packs.context import Context, Papers, Part
from compliance.evidence.packs.fields import Cited, Facts, Filled, Section
from compliance.evidence.packs.happened import NO_REQUEST, NO_WINDOW, Happened, happened
from compliance.evidence.packs.law import Provision
from compliance.evidence.packs.tally import Tally, listing

ALARMING = (*alarms.TITLES, "writer.lost", "clock.jumped", "log.resumed")
CHANGES = frozenset(
    {
        *("policy.activated", "model.registered", "engine.started", "configuration.loaded"),
        *("application.registered", "application.changed", "roles.changed"),
        *("key.rotated", "log.key_added", "log.key_rotated"),
        *("api_key.issued", "api_key.revoked", "backup.restored", "restore"),
        *("deployment.created", "deployment.activated", "deployment.deactivated"),
        *("deployment.changed", "deployment.removed", "placement.created"),
        *("placement.removed", "placement.activated", "placement.deactivated"),
        *("node.enrolled", "node.registered", "node.activated", "node.deactivated"),
        *("site.registered", "site.activated", "site.deactivated"),
    }
)
NOTICE = Provision("26", "5")
COUNTED = ("requests", "models", "rules", "changes", "alarms")


def parts(context: Context) -> Iterator[Part]:
    """The fields of one case."""
    facts, found = Facts(context.law.fields), happened(context)
    if found is None:
        said = {name: facts.missing(name, NO_WINDOW) for name in COUNTED}
    else:
        said = _counted(facts, found, context)
    said["system"] = _system(facts, context)
    yield Part(context.parameters.case, f"Incident {context.parameters.case}", said)


def papers(context: Context, sections: Sequence[Section]) -> Papers:
    """The notice that a deployer sends: what Art. 26(5) asks for and no more."""
    answers = {one.law.id: one for section in sections for one in section.fields}
    if (answers["role"].data or {}).get("code") == "provider":
        return {}
    wanted = tuple(one for one in context.law.fields if NOTICE in one.demanded_by)
    law = replace(
        context.law,
        title="Notice of a serious incident",
        form="AI Act Art. 26(5)",
        fields=wanted,
    )
    kept = [
        replace(section, fields=tuple(one for one in section.fields if one.law in wanted))
        for section in sections
    ]
    return {"notice.pdf": (replace(context, law=law, clocks=()), kept)}


def _system(facts: Facts, context: Context) -> Filled:
    """The applications as registered; the first that differs from the record is named."""
    configured, cited, lines = Configured(context.reading), Cited(), []
    for one in context.applications:
        names = ("name", "purpose", "owner", "high_risk")
        known, entries, wrong = configured.values(one, names)
        if wrong:
            return facts.missing("system", f"{one.name}: {wrong}")
        cited.take(entries)
        mark = "marked" if known["high_risk"] else "NOT marked"
        lines.append(
            f"{known['name']} ({known['owner']}), {mark} as used in a high-risk AI system\n"
            f"{known['purpose']}"
        )
    return facts.verified("system", "\n".join(lines), cited)


def _counted(facts: Facts, found: Happened, context: Context) -> dict[str, Filled]:
    tally, read = found.tally, context.reading.read
    note = tally.caveats() if tally.first else NO_REQUEST
    quiet = not set(ALARMING) & set(found.others)
    return {
        "requests": facts.verified(
            "requests",
            f"{tally.requests} requests.\nDecisions: {listing(tally.decisions)}\n"
            f"Ends: {listing(tally.ends)}",
            Cited().take(tally.first, tally.ended),
            {
                "requests": tally.requests,
                "decisions": dict(tally.decisions),
                "ends": dict(tally.ends),
            },
            note,
        ),
        "models": _models(facts, found, note),
        "rules": facts.verified(
            "rules",
            "\n".join(
                f"{name}: {cited.count} requests"
                for name, cited in sorted(tally.policies.items())
            ),
            Cited().take(*tally.policies.values()),
            note=note,
        ),
        "changes": found.listed(facts, "changes", CHANGES, "Nothing of this kind changed."),
        "alarms": facts.none("alarms", "None in these entries.", read)
        if quiet
        else found.listed(facts, "alarms", ALARMING, ""),
    }


def _models(facts: Facts, found: Happened, note: str) -> Filled:
    """What was asked for, and what nodes signed that they ran."""
    tally: Tally = found.tally
    ran, other, receipts = Counter[str](), 0, Cited()
    for event in found.answered:
        said = event.said("receipt")
        receipts.add(event)
        ran[
            f"{said.get('engine')} on node {said.get('node')} at {said.get('site')}, "
            f"weights {said.get('weights')}"
        ] += 1
        other += str(said.get("weights")) not in tally.digests
    lines = [
        *(f"Cleared for {name}: {one.count} requests" for name, one in tally.models.items()),
        *(f"Ran: {words}: {count} answers" for words, count in sorted(ran.items())),
    ]
    if other:
        lines.append(
            f"{other} ANSWERS CAME FROM OTHER WEIGHTS than any request was cleared for."
        )
    return facts.verified(
        "models",
        "\n".join(lines),
        Cited().take(receipts, *tally.models.values()),
        {"cleared": sorted(tally.digests), "ran": dict(ran), "other_weights": other},
        note,
    )

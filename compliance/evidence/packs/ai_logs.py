"""AI Act Art. 12, 19(1) and 26(6): are events logged, kept, and without gaps."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.audit.retention import SIX_MONTHS
from compliance.evidence.packs.configured import Configured
from compliance.evidence.packs.context import Context, PackImpossible, Part
from compliance.evidence.packs.fields import Cited, Facts, Filled
from compliance.evidence.packs.reading import Ranges, Verified
from compliance.evidence.packs.tally import Tally, listing
from compliance.models import Application, Leaf
from compliance.vocabulary import TERMINAL

GAPS = {
    "writer.lost": "a writer died; its open requests were closed as lost",
    "clock.jumped": "the clock jumped",
    "change.unrecorded": "the database was changed outside of the record",
    "log.resumed": "the log was resumed after a restore",
}


@dataclass(slots=True)
class Log:
    """What the whole log says of gaps in the period, whichever application it is about."""

    found: Counter[str] = field(default_factory=Counter)
    holes: list[tuple[str, int, int, int]] = field(default_factory=list)
    """Numbers of a writer, `[begin, end)`, that the period does not show."""
    cited: Cited = field(default_factory=Cited)
    _next: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, event: Verified) -> None:
        """Look at one event."""
        writer = (event.source, event.epoch)
        expected = self._next.get(writer, event.seq)
        if expected < event.seq:
            self.holes.append((*writer, expected, event.seq))
        self._next[writer] = event.seq + 1
        if event.type in GAPS:
            self.found[event.type] += 1
            self.cited.add(event)

    def missing(self) -> int:
        """How many numbers the log does not hold; what lies outside of the period, it does."""
        return sum(
            end
            - begin
            - Leaf.objects.filter(
                event__source=source,
                event__epoch=epoch,
                event__seq__gte=begin,
                event__seq__lt=end,
            ).count()
            for source, epoch, begin, end in self.holes
        )


@dataclass(slots=True)
class Usage:
    """An application's requests: what they add up to, and which have not ended."""

    tally: Tally = field(default_factory=Tally)
    open: set[str] = field(default_factory=set)
    cited: Cited = field(default_factory=Cited)

    def take(self, event: Verified) -> None:
        """Add one of its events."""
        self.tally.take(event)
        self.cited.add(event)
        if event.type == "request.admitted":
            self.open.add(str(event.request))
        elif event.type in TERMINAL:
            self.open.discard(str(event.request))


def parts(context: Context) -> Iterator[Part]:
    """The fields of each application that is marked as high-risk and was asked for."""
    unmarked = [one.name for one in context.applications if not one.high_risk]
    if unmarked or not context.applications:
        named = f"{unmarked[0]} is not" if unmarked else "No application is"
        raise PackImpossible(
            f"{named} marked as used in a high-risk AI system. Mark it under Applications, if "
            "it is one; the mark goes on the record."
        )
    log, usages = Log(), {str(one.pk): Usage() for one in context.applications}
    for event in context.events():
        log.take(event)
        if event.application in usages and event.request is not None:
            usages[event.application].take(event)
    configured = Configured(context.reading)
    pruned = context.reading.of_types("record.pruned")
    for one in context.applications:
        facts, usage = Facts(context.law.fields), usages[str(one.pk)]
        said = _configured(facts, configured, one)
        said["retention"] = _retention(facts, configured, one, pruned)
        said |= _used(facts, usage)
        said["gaps"] = _gaps(facts, log, usage, context.reading.read)
        yield Part(str(one.pk), one.name, said)


def _configured(facts: Facts, known: Configured, one: Application) -> dict[str, Filled]:
    about, cited, wrong = known.values(one, ("name", "purpose", "owner"))
    marked, mark, unmarked = known.value(one, "high_risk")
    when = f"{known.since(one, 'high_risk'):%Y-%m-%d %H:%M} UTC" if marked else ""
    registered = known.registered(one)
    since = Cited()
    if registered is not None:
        since.add(registered)
    return {
        "system": facts.verified(
            "system",
            "" if wrong else f"{about['name']} ({about['owner']})\n{about['purpose']}",
            cited,
            note=wrong,
        ),
        "classification": facts.verified(
            "classification",
            f"Marked as used in a high-risk AI system, on the record since {when}."
            if marked
            else "Not marked.",
            mark,
            {"high_risk": bool(marked)},
            unmarked,
        ),
        "lifetime": facts.verified(
            "lifetime",
            f"On the record since {registered.time:%Y-%m-%d %H:%M} UTC." if registered else "",
            since,
        ),
    }


def _used(facts: Facts, usage: Usage) -> dict[str, Filled]:
    tally = usage.tally
    note = tally.caveats() or ("" if usage.cited else "No request of it is in the period.")
    ended = sum(tally.ends.values())
    refused = {
        name: count
        for name, count in (tally.decisions + tally.ends).items()
        if name in ("block", "refused", "failed", "lost", "cancelled")
    }
    changing = [
        *(f"Model {name}: {cited.count} requests" for name, cited in tally.models.items()),
        *(f"Policy {name}: {cited.count} requests" for name, cited in tally.policies.items()),
    ]
    risks = [f"{name}: {count}" for name, count in sorted(refused.items())]
    return {
        "automatic": facts.verified(
            "automatic",
            f"{tally.requests} requests; {ended} ends; {len(usage.open)} admitted and still "
            f"open at the end of the period. {usage.cited.count} entries.",
            usage.cited,
            {"requests": tally.requests, "ends": ended, "open": len(usage.open)},
            note,
        ),
        "risks": facts.verified(
            "risks",
            "\n".join((*(risks or ["No request was blocked, refused or failed."]), *changing)),
            usage.cited,
            {
                "events": refused,
                "models": sorted(tally.models),
                "policies": sorted(tally.policies),
            },
            note,
        ),
        "monitoring": facts.verified(
            "monitoring",
            "\n".join(
                (
                    *(
                        f"{month} (UTC): {n} requests"
                        for month, n in sorted(tally.months.items())
                    ),
                    tally.found(),
                )
            ),
            usage.cited,
            {"months": dict(tally.months), "categories": dict(tally.categories)},
            note,
        ),
        "operation": facts.verified(
            "operation",
            "Decisions: " + listing(tally.decisions) + "\nEnds: " + listing(tally.ends),
            usage.cited,
            {"decisions": dict(tally.decisions), "ends": dict(tally.ends)},
            note,
        ),
    }


def _retention(
    facts: Facts, known: Configured, one: Application, pruned: list[Verified]
) -> Filled:
    words, cited, wrong, days = known.kept(one)
    if wrong:
        return facts.missing("retention", wrong)
    kept = days["details_days"] is None or days["details_days"] >= SIX_MONTHS
    early = []
    for event in pruned:
        if event.application == str(one.pk) and event.detail is not None:
            cited.add(event)
            if _too_early(event):
                early.append(f"{event.index} of generation {event.generation}")
    verdict = (
        f"The floor of six months ({SIX_MONTHS} days) is kept for entries and details."
        if kept and not early
        else f"THE FLOOR OF SIX MONTHS ({SIX_MONTHS} days) IS NOT KEPT."
    )
    reason = one.retention_reason.strip()
    lines = [verdict, words, *([f"Recorded reason for less: {reason}"] if reason else [])]
    if early:
        lines.append(f"Younger details were removed; see entries {', '.join(early)}.")
    data: dict[str, Any] = {**days, "floor_days": SIX_MONTHS, "kept": kept and not early}
    return facts.verified("retention", "\n".join(lines), cited, data)


def _too_early(event: Verified) -> bool:
    """Whether details younger than the floor went."""
    try:
        before = dt.datetime.fromisoformat(str(event.said("before"))).replace(tzinfo=dt.UTC)
    except ValueError:
        return True
    return event.time - before < dt.timedelta(days=SIX_MONTHS)


def _gaps(facts: Facts, log: Log, usage: Usage, read: Ranges) -> Filled:
    cited = Cited().take(log.cited, usage.cited)
    lines = [f"{GAPS[name]}: {count}" for name, count in sorted(log.found.items())]
    if missing := log.missing():
        lines.append(f"{missing} numbers of writers are missing from the log")
    if usage.open:
        lines.append(f"{len(usage.open)} requests were admitted and have no end in the period")
    if lost := usage.tally.ends["lost"]:
        lines.append(f"{lost} requests were lost with the process that answered them")
    data = {"events": dict(log.found), "missing": missing, "open": len(usage.open)}
    if lines and cited:
        return facts.verified("gaps", "\n".join(lines), cited, data)
    found = facts.none("gaps", "\n".join(lines) or "None in these entries.", read)
    return replace(found, data=data) if found.entries else found

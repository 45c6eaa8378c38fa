"""What happened in a window that an officer typed: requests, and everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from compliance.evidence.packs.context import Context
from compliance.evidence.packs.fields import Cited, Facts, Filled
from compliance.evidence.packs.reading import Verified
from compliance.evidence.packs.tally import Tally

NO_WINDOW = "Type when it began; the events from then on are then counted."
NO_REQUEST = "There was no request in this period."
ANSWERED = "pack.answered"
"""That an officer filled in a form; it says nothing of what happened."""


@dataclass(slots=True)
class Happened:
    """The requests of the applications concerned, added up, and all other events by type."""

    tally: Tally = field(default_factory=Tally)
    answered: list[Verified] = field(default_factory=list)  # ends with a node's receipt
    others: dict[str, Cited] = field(default_factory=dict)

    def listed(
        self, facts: Facts, name: str, kinds: Iterable[str] | None, nothing: str
    ) -> Filled:
        """How many events of these types there were; of None, of any but requests."""
        wanted = self.others if kinds is None else set(kinds) & set(self.others)
        counted = Counter({kind: self.others[kind].count for kind in sorted(wanted)})
        cited = Cited().take(*(self.others[kind] for kind in wanted))
        lines = [f"{kind}: {count}" for kind, count in counted.items()]
        note = "" if cited else nothing
        return facts.verified(name, "\n".join(lines), cited, {"events": dict(counted)}, note)


def happened(context: Context) -> Happened | None:
    """What the log holds of the window; None where nobody typed when it began."""
    if context.parameters.period.since is None:
        return None
    wanted = {str(one.pk) for one in context.applications}
    found = Happened()
    for event in context.events():
        if event.application in wanted and event.request is not None:
            found.tally.take(event)
            if event.said("receipt"):
                found.answered.append(event)
        elif not event.type.startswith("request.") and event.type != ANSWERED:
            found.others.setdefault(event.type, Cited()).add(event)
    return found

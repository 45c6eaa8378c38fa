"""What the requests of a period add up to: findings, places, persons, decisions, ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from compliance.evidence.packs.fields import Cited
from compliance.evidence.packs.reading import Verified
from compliance.templatetags.console import CATEGORY_WORDS
from compliance.vocabulary import TERMINAL

FIRST = frozenset({"request.admitted", "request.blocked", "request.held", "request.refused"})
SCANNED = "privacy.scanned"
SAID_BY_TYPE = {
    "request.blocked": "block",
    "request.held": "hold",
    "request.refused": "refused",
}
"""What was decided, where the detail is gone; of what was admitted, the type does not tell."""
EEA = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
        *("IS", "LI", "NO"),
        *("AX", "GF", "GP", "MF", "MQ", "RE", "YT"),
    }
)
"""ISO 3166-1 codes of the European Economic Area, in which the GDPR applies.

With the parts of France and Finland that have codes of their own and belong to the Union (Art.
355(1) and (4) TFEU).
"""


@dataclass(slots=True)
class Tally:
    """Adds up events. Each count knows the entries that it was made from."""

    requests: int = 0
    unnamed: int = 0  # requests that named no person
    unchecked: int = 0  # requests with text whose names could not be checked
    removed: int = 0  # events whose detail a retention rule removed
    subjects: set[str] = field(default_factory=set)
    categories: Counter[str] = field(default_factory=Counter)
    entities: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    purposes: dict[str, Cited] = field(default_factory=lambda: defaultdict(Cited))
    models: dict[str, Cited] = field(default_factory=lambda: defaultdict(Cited))
    digests: set[str] = field(default_factory=set)  # of the weights that requests are for
    policies: dict[str, Cited] = field(default_factory=lambda: defaultdict(Cited))
    first: Cited = field(default_factory=Cited)
    examined: Cited = field(default_factory=Cited)
    placed: Cited = field(default_factory=Cited)
    ended: Cited = field(default_factory=Cited)
    _sent: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # while under way

    def take(self, event: Verified) -> None:
        """Add a request's event."""
        if event.type in FIRST:
            self._first(event)
        if event.type == SCANNED and event.detail is not None:
            self._named(event)
            self._found(event)
        if event.type in TERMINAL:
            self.ends[event.type.partition(".")[2]] += 1
            self.ended.add(event)
            self._sent.pop(str(event.request), None)
        if event.detail is None:
            self.removed += 1
        elif event.type in ("request.admitted", "request.attempt"):
            self.placed.add(event)
            place = str(event.said("site")), str(event.said("country"))
            before = self._sent.setdefault(str(event.request), set())
            self.places[place] += place not in before  # a further attempt is the same request
            before.add(place)

    def _first(self, event: Verified) -> None:
        self.requests += 1
        self.first.add(event)
        self.months[f"{event.time:%Y-%m}"] += 1
        if event.detail is None:
            if decision := SAID_BY_TYPE.get(event.type):
                self.decisions[decision] += 1
            return
        self.unnamed += not self._named(event)
        self.decisions[str(event.said("decision") or "refused")] += 1
        if event.type == "request.refused":
            return
        self._found(event)
        policy = event.said("policy") or {}
        self.policies[f"{policy.get('name')} version {policy.get('version')}"].add(event)
        if digest := event.said("model_digest"):
            self.digests.add(str(digest))
            self.models[f"{event.said('model')} ({str(digest)[:16]}…)"].add(event)

    def _named(self, event: Verified) -> bool:
        """Whether the application named a person; counts whom, and what for."""
        named = event.said("subjects") or ()
        self.subjects.update(named)
        if purpose := event.said("purpose"):
            self.purposes[str(purpose)].add(event)
        return bool(named)

    def _found(self, event: Verified) -> None:
        self.examined.add(event)
        self.unchecked += bool(event.said("names_unchecked"))
        self.categories.update(event.said("categories") or {})
        self.entities.update(event.said("findings") or {})

    @property
    def countries(self) -> tuple[str, ...]:
        """Where requests were answered, as ISO 3166-1 codes."""
        return tuple(sorted({country for _, country in self.places}))

    @property
    def third_countries(self) -> tuple[str, ...]:
        """Those outside the European Economic Area."""
        return tuple(code for code in self.countries if code not in EEA)

    def found(self) -> str:
        """Categories and entities found, in words."""
        if not self.categories:
            return f"In {self.examined.count} requests examined, nothing was found."
        lines = [
            f"{CATEGORY_WORDS.get(name, name)}: {count}"
            for name, count in sorted(self.categories.items())
        ]
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.entities.items()))
        return "\n".join(
            (*lines, f"By type: {kinds}.", f"In {self.examined.count} requests examined.")
        )

    def answered_at(self) -> str:
        """Sites and countries, in words."""
        return "\n".join(
            f"{site} ({country}): {count} requests"
            for (site, country), count in sorted(self.places.items())
        )

    def transferred(self) -> str:
        """Third countries, in words."""
        if self.removed and not self.third_countries:
            return f"Where it is still known, requests went to: {', '.join(self.countries)}."
        if not self.third_countries:
            return f"None. Requests went to: {', '.join(self.countries)}."
        return f"Requests went outside of the EEA, to: {', '.join(self.third_countries)}."

    def caveats(self) -> str:
        """What the counts leave out, in words; empty where nothing."""
        said = []
        if self.unchecked:
            said.append(
                f"{self.unchecked} requests had text in a language whose names the recognisers "
                "do not know."
            )
        if self.removed:
            said.append(
                f"The details of {self.removed} events were removed by retention rules, and "
                "are not counted."
            )
        return " ".join(said)

    def note(self, known: Cited, denial: str) -> str:
        """The caveats of a value that rests on `known`; first `denial`, where that is nothing.

        Where details were removed, nothing is denied: they may have said it.
        """
        denied = () if known or self.removed else (denial,)
        return " ".join(one for one in (*denied, self.caveats()) if one)


def listing(counts: Counter[str]) -> str:
    """Names with their counts, on one line."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"

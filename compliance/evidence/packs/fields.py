"""What a pack says in each field, and how it is known: verified, unproven, typed or missing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from compliance.evidence.packs.law import FieldLaw
from compliance.evidence.packs.reading import Ranges, Verified

VERIFIED, UNPROVEN, OFFICER, MISSING = "verified", "unproven", "officer", "missing"


@dataclass(frozen=True, slots=True)
class Filled:
    """One field. `entries` are those of the log that the value rests on.

    `default` is true of a text of the product that nobody confirmed; such a field is missing.
    """

    law: FieldLaw
    origin: str
    value: str = ""
    entries: Ranges = ()
    data: Mapping[str, Any] | None = None
    actor: str = ""
    time: dt.datetime | None = None
    note: str = ""
    default: bool = False

    @property
    def count(self) -> int:
        """How many entries it rests on."""
        return sum(end - begin for _, begin, end in self.entries)


@dataclass(frozen=True, slots=True)
class Section:
    """All fields of one subject: the organisation (""), an application, or a case."""

    subject: str
    title: str
    fields: tuple[Filled, ...]


@dataclass(slots=True)
class Cited:
    """Entries of the log, collected in any order: their numbers, by generation."""

    indexes: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, *events: Verified) -> Self:
        """Those of these events; itself."""
        for event in events:
            self.indexes[event.generation].add(event.index)
        return self

    def take(self, *others: Cited) -> Cited:
        """Those of others as well; itself, so that several become one."""
        for other in others:
            for generation, indexes in other.indexes.items():
                self.indexes[generation] |= indexes
        return self

    def __bool__(self) -> bool:
        return bool(self.indexes)

    @property
    def count(self) -> int:
        """How many."""
        return sum(map(len, self.indexes.values()))

    def ranges(self) -> Ranges:
        """As ranges `[begin, end)`, in order and apart."""
        found: list[tuple[int, int, int]] = []
        for generation, indexes in sorted(self.indexes.items()):
            for index in sorted(indexes):
                if found and found[-1][0] == generation and found[-1][2] == index:
                    found[-1] = (generation, found[-1][1], index + 1)
                else:
                    found.append((generation, index, index + 1))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an officer typed last; an empty value takes an earlier one back."""

    value: str
    actor: str
    time: dt.datetime


Said = Mapping[str, "Filled"]
"""What a builder found for a subject, by the field's id."""


class Facts:
    """Makes the fields that rest on the log, for one pack."""

    def __init__(self, laws: Iterable[FieldLaw]) -> None:
        self._laws = {law.id: law for law in laws}

    def verified(
        self,
        name: str,
        value: str,
        cited: Cited,
        data: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> Filled:
        """A value that the cited entries show. Without any entry, it is missing."""
        if not cited:
            return self.missing(name, note or "No entry of the period says so.")
        return Filled(self._laws[name], VERIFIED, value, cited.ranges(), data, note=note)

    def none(self, name: str, value: str, ranges: Ranges, note: str = "") -> Filled:
        """That nothing was found in these entries, all of which were read."""
        if not any(end > begin for _, begin, end in ranges):
            return self.missing(name, note or "No entry was read.")
        return Filled(self._laws[name], VERIFIED, value, ranges, note=note)

    def missing(self, name: str, note: str) -> Filled:
        """Nothing on the record answers this."""
        return Filled(self._laws[name], MISSING, note=note)


def section(
    subject: str,
    title: str,
    laws: Iterable[FieldLaw],
    said: Said,
    answers: Mapping[str, Answer],
) -> Section:
    """Every field that the law names, in its order: from the log, from an officer, or missing.

    An officer's text beside a verified value is a field of its own in the law, so nothing that
    was typed ever takes the place of what the log shows.
    """
    fields = []
    for law in laws:
        known = said.get(law.id)
        answer = answers.get(law.id)
        if law.origin != OFFICER:
            fields.append(
                known or Filled(law, MISSING, note="Nothing on the record answers it.")
            )
        elif answer is not None and answer.value:
            fields.append(_typed(law, answer, known.note if known else ""))
        else:
            fields.append(_untyped(law, known))
    return Section(subject, title, tuple(fields))


def _typed(law: FieldLaw, answer: Answer, note: str) -> Filled:
    """An officer's answer; of a choice its words, and beside them the code."""
    words = law.words(answer.value)
    data = {"code": answer.value} if words != answer.value else None
    return Filled(law, OFFICER, words, (), data, answer.actor, answer.time, note)


def _untyped(law: FieldLaw, known: Filled | None) -> Filled:
    note = known.note if known else ""
    if law.default:
        note = "Default text of the product, confirmed by nobody."
        return Filled(law, MISSING, law.default, note=note, default=True)
    return Filled(law, MISSING, note=note)


def in_words(found: Mapping[str, int]) -> str:
    """What `counts` found, for people; what an older version did not count is not named."""
    unproven = f"{found[UNPROVEN]} not proven, " if found.get(UNPROVEN) else ""
    typed = f"{found[OFFICER]} typed by an officer"
    return f"{found[VERIFIED]} verified, {unproven}{typed}, {found[MISSING]} missing"


def counts(sections: Iterable[Section]) -> dict[str, int]:
    """How many fields are verified, unproven, typed by an officer, and missing."""
    found = {VERIFIED: 0, UNPROVEN: 0, OFFICER: 0, MISSING: 0}
    for one in sections:
        for filled in one.fields:
            found[filled.origin] += 1
    return found

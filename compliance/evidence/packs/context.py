"""What every builder is given, and gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.evidence.packs.deadlines import Deadline
from compliance.evidence.packs.fields import Filled, Section
from compliance.evidence.packs.law import Law
from compliance.evidence.packs.reading import (
    PackImpossible,
    Period,
    Progress,
    Reading,
    Verified,
    nobody_waits,
)
from compliance.models import Application

__all__ = ["Context", "PackImpossible", "Papers", "Parameters", "Part"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was asked for.

    `applications` are names; none means all that the pack is about. `case` is the number of a
    case. `identifiers` are a person's, as typed: they go into the file and nowhere else.
    """

    period: Period = field(default_factory=Period)
    applications: tuple[str, ...] = ()
    case: str = ""
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One subject with the fields that the log answers, by their ids; "": the organisation."""

    subject: str
    title: str
    said: Mapping[str, Filled]


@dataclass(slots=True)
class Context:
    """For one pack. `files` are kept contents that go into it beside the form, by name.

    They are of the requests `kept`.
    """

    law: Law
    parameters: Parameters
    reading: Reading
    applications: Sequence[Application]
    actor: str
    now: dt.datetime
    progress: Progress = nobody_waits
    clocks: tuple[Deadline, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    about: dict[str, object] = field(default_factory=dict)

    def events(self) -> Iterator[Verified]:
        """The events of the period; what they said holds once they have ended."""
        return self.reading.events(self.progress)


Papers = Mapping[str, tuple[Context, Sequence[Section]]]
"""What is printed beside the form, by the name of its file."""

"""What an export is asked for, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DISCLOSED = (
    "api_key.issued",
    "api_key.revoked",
    "application.changed",
    "application.registered",
    "content.erased",
    "content.expired",
    "log.key_added",
    "log.key_rotated",
    "log.resumed",
    "record.pruned",
)
"""Types of events whose details every evidence shows, whatever was asked for."""
Progress = Callable[[int, int], None]
"""Called with the entries that are done and all there are; may raise, to end the export."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: two entry numbers or times, and which details.

    `applications` are names or ids, `types` are event types; an empty one means all of them.
    `generation` is that of the log; 0 is the current one. With `tables`, there are tables and
    a report beside the evidence.
    """

    begin: str = "0"
    end: str = ""
    applications: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    generation: int = 0
    tables: bool = False


@dataclass(slots=True)
class Summary:
    """What was exported."""

    path: Path
    begin: int
    end: int
    size: int
    ended: tuple[str, ...] = ()  # how the generation did
    details: int = 0
    removed: int = 0
    contents: int = 0
    requests: set[bytes] = field(default_factory=set)  # of which content is disclosed, by id
    counts: Counter[str] = field(default_factory=Counter)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """For people."""
        covered = f"entries {self.begin} to {self.end - 1} of {self.size}"
        gone = f" ({self.removed} were removed by rule)" if self.removed else ""
        kept = f" and {self.contents} contents" if self.contents else ""
        return (
            f"{self.path}: {covered}, with {self.details} details{gone}{kept}.",
            *self.ended,
            (
                "Whoever receives it opens verify.html, which lies in it, in a browser, or "
                f"runs: python3 -I verify.py {self.path.name}"
            ),
        )

"""What a check of the log found, in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field

PROBLEMS_MAX = 50  # told one by one


@dataclass(slots=True)
class Report:
    """What was found. `problems` are contradictions; `notes` are not."""

    entries: int = 0
    requests: int = 0
    open_requests: int = 0
    waiting: int = 0  # events that are recorded and not yet in the log
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    more_problems: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts anything."""
        return not self.problems

    def problem(self, text: str) -> None:
        """Note a contradiction; after the first fifty they are only counted."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)
        else:
            self.more_problems += 1

    def _counts(self) -> str:
        return (
            f"{self.entries} entries, {self.requests} admitted requests "
            f"({self.open_requests} still open), {self.waiting} events waiting."
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The report for people, a sentence a line; the verdict first."""
        verdict = "The log is sound." if self.ok else "THE LOG IS NOT SOUND."
        more = (f"and {self.more_problems} more.",) if self.more_problems else ()
        return (f"{verdict} {self._counts()}", *self.problems, *more, *self.notes)

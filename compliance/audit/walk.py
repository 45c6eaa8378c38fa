"""One pass over the log's entries: its tree, held against the files and the checkpoints."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import orjson

from compliance.audit import checkpoint, cosigned, ledger
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.columns import Columns
from compliance.audit.files import CHECKPOINT, LogFolder
from compliance.audit.findings import Report
from compliance.audit.ledger import Held
from compliance.audit.second_key import unsigned
from compliance.audit.tiles import Builder

CHUNK = 1_024  # entries read at a time


class Walk:
    """One pass over the log from its first entry, through all of its generations."""

    held: Held
    folder: LogFolder
    last: Checkpoint
    builder: Builder
    cosigned: dict[int, bytes]  # roots that witnesses have cosigned, by size
    before: Held | None = None  # the generation before this one

    def __init__(self, report: Report) -> None:
        self.report = report
        self.columns = Columns(report)

    def begin(self, held: Held, folder: LogFolder, last: Checkpoint) -> None:
        """Go through a generation; `last` is its last checkpoint."""
        self.held, self.folder, self.last = held, folder, last
        self.columns.begin(held.number)
        self.builder = Builder()
        self.cosigned = {state.size: state.root for state, _ in cosigned.notes(held.number)}
        if last.size == 0:
            self._compare_root()
        for low in range(0, held.size, CHUNK):
            high = min(low + CHUNK, held.size)
            self._rows(low, high, ledger.leaves(low, high, held.first))

    def _rows(self, start: int, end: int, rows: list[ledger.LeafRow]) -> None:
        """The entries `[start, end)`, as far as they were found."""
        for row, expected in zip_longest(rows, range(start, end)):
            if row is None or row.index != expected:
                missing = self.columns.name(expected).capitalize()
                self.report.problem(f"{missing} is missing from the database.")
                return
            if row.index == 0 and self.before is not None:
                self._resumption(row, self.before)
            self.columns.entry(row)
            for file in self.builder.append(row.entry):
                held = self.folder.read(file.path)
                if held != file.data and self.builder.size <= self.last.size:
                    what = (
                        "is missing" if held is None else "does not hold the database's entries"
                    )
                    self.report.problem(f"The log's file {file.path} {what}.")
            if self.builder.size == self.last.size:
                self._compare_root()
            root = self.cosigned.get(self.builder.size)
            if root is not None and root != self.builder.root():
                self.report.problem(
                    f"Witnesses have cosigned other entries than these in the checkpoint at "
                    f"{self.builder.size}: the log has forked, or was changed."
                )

    def _resumption(self, row: ledger.LeafRow, before: Held) -> None:
        """Hold what a generation's entry 0 says of the generation before against it."""
        try:
            detail: dict[str, Any] = orjson.loads(row.detail or b"")
            said = detail["generation"], detail["database_size"], detail["database_root"]
            lost = range(detail["lost_begin"], detail["lost_end"])
            _, old = checkpoint.generation_of(detail["old_origin"])
            lost_too = [str(one["origin"]) for one in detail["also_lost"]]
        except (ValueError, KeyError, TypeError, CheckpointInvalid):
            said, lost, old, lost_too = (0, 0, ""), range(0), 0, []
        held = (self.held.number, before.size, before.root.hex())
        if (row.type, said, old) != ("log.resumed", held, before.number):
            self.report.problem(
                f"Entry 0 of generation {self.held.number} does not say how generation "
                f"{before.number} ended in this database."
            )
            return
        if lost:
            self.report.notes.append(
                f"Entries {lost.start} to {lost.stop - 1} of generation {before.number} were "
                "lost when an older database was restored, as the log itself says."
            )
        self.report.notes += [
            f"All of {origin} was lost in the same way." for origin in lost_too
        ]

    def _second_signature(self) -> None:
        """The newest ML-DSA-44 key that the checkpoint's entries name has signed it too.

        Of one that covers lost entries it is not known which key they named.
        """
        if self.last.size > self.held.size:
            return
        note = self.folder.read(CHECKPOINT)
        keys = [key for index, key in self.columns.second if index < self.last.size]
        if note is not None and keys and (problem := unsigned(note, keys[-1])):
            self.report.problem(problem)

    def _compare_root(self) -> None:
        if self.builder.root() != self.last.root:
            self.report.problem(
                f"The first {self.last.size} entries in the database are not the ones that "
                "the checkpoint was signed over."
            )

    def tree_ends(self, *, ended: bool) -> None:
        """Hold the tree against the head; nothing may follow it."""
        held, size = self.held, self.held.size
        if self.builder.size == size and self.builder.root() != held.root:
            self.report.problem(
                f"The head of generation {held.number} in the database is not the root of its "
                "entries."
            )
        self.before = held
        self._second_signature()
        if self.last.size < size and not ended:
            self.report.notes.append(
                f"{size - self.last.size} entries are newer than the last checkpoint."
            )
        if self.builder.size == self.last.size:
            for file in self.builder.partials():
                if self.folder.read(file.path) != file.data:
                    self.report.problem(f"The log's file {file.path} is missing or changed.")

    def witnesses_end(self) -> None:
        """What witnesses have cosigned is what the log holds, and enough of them have."""
        held = self.held
        for size in sorted(self.cosigned):
            if size > held.size:
                self.report.problem(
                    f"Witnesses have cosigned {size} entries of generation {held.number}, and "
                    f"the database holds {held.size}: an older copy of it was restored."
                )
        found = cosigned.standing(held.number)
        enough = cosigned.witnessed(held.number)
        if found is not None and enough is None:
            self.report.problem(f"{found.words} No checkpoint has met it.")
        elif enough is not None:
            state, _, judgement = enough
            self.report.notes.append(f"The first {state.size} entries: {judgement.words}")

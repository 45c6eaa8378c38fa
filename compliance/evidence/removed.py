"""Details that a retention rule removed: the events that say so, each with its proof.

An export holds them whether or not they are in its range: they come later in the log than
what they are about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from django.db import connection

from compliance.audit.ledger import Held
from compliance.audit.tree import Tree
from compliance.evidence import extent
from compliance.evidence.file import ExportImpossible

TYPE = "record.pruned"


@dataclass(frozen=True, slots=True)
class Removal:
    """One `record.pruned` event of this generation; `begin` and `end` as the detail says."""

    index: int
    entry: bytes
    detail: bytes
    key: bytes
    begin: int
    end: int
    application: str | None
    before: str

    def covers(self, index: int, day: str, application: str | None) -> bool:
        """Whether it is about the entry; `application` is its label's, None without a label."""
        same = application is None or self.application == application
        return same and self.begin <= index < self.end and day < self.before

    def line(self, tree: Tree) -> bytes:
        """As it stands in prunings.jsonl."""
        proof = b",".join(b'"%b"' % one.hex().encode() for one in tree.inclusion(self.index))
        return b'{"detail":%b,"entry":%b,"index":%d,"key":"%b","proof":[%b]}\n' % (
            self.detail,
            self.entry,
            self.index,
            self.key.hex().encode(),
            proof,
        )


class Removals:
    """What was removed from the range, as far as the checkpoint covers the events about it."""

    def __init__(self, held: Held, begin: int, end: int, size: int) -> None:
        self._held, self._begin, self._end = held, begin, end
        self._size = extent.reach(held, size)  # what follows is of the next generation
        self.found: list[Removal] = []

    def missing(self, index: int, entry: bytes, application: str | None) -> None:
        """Raise `ExportImpossible` unless a removal says why the entry's detail is gone."""
        day = str(orjson.loads(entry)["time"])[:10]
        for again in (False, True):
            if again:
                self.found = list(self._read())
            if any(one.covers(index, day, application) for one in self.found):
                return
        later = [one for one in self._read(later=True) if one.covers(index, day, application)]
        if later:
            raise ExportImpossible(
                f"The detail of entry {index} was removed by rule after generation "
                f"{self._held.number} of the log had ended. The event that says so is in a "
                "later generation, and evidence is of one: it cannot excuse the detail here. "
                "Export the other entries, applications or types of events."
            )
        raise ExportImpossible(
            f"The detail of entry {index} is not there, and no event that the checkpoint "
            "covers says that it was removed. If details were removed just now, export again "
            "in a few seconds; else run `manage.py audit verify`."
        )

    def _read(self, *, later: bool = False) -> Iterator[Removal]:
        """Those of this generation's tree; with `later`, those in the generations after it."""
        first = self._held.first
        end = first + self._held.size
        within = (end, 1 << 62) if later else (first, first + self._size)
        with connection.cursor() as cursor:
            cursor.execute(_REMOVALS, [TYPE, *within])
            rows = cursor.fetchall()
        for index, entry, detail, key in rows:
            about = orjson.loads(bytes(detail))
            if about["generation"] != self._held.number:
                continue
            low, high = int(about["begin"]), int(about["end"])
            if low < self._end and high > self._begin:
                yield Removal(
                    index - first, bytes(entry), bytes(detail), bytes(key),
                    low, high, about["application"], about["before"],
                )  # fmt: skip


# Journals only, so that the index on (source, epoch, seq) leads to them.
_REMOVALS = """
    SELECT l."index", e.entry, e.detail, e.detail_key
    FROM compliance_event e JOIN compliance_leaf l ON l.event_id = e.id
    WHERE e.source IN ('notary', 'command', 'console') AND e.epoch = 1 AND e.type = %s
    AND l."index" >= %s AND l."index" < %s ORDER BY l."index"
"""

"""Details that a retention rule removed: the events that say so, each with its proof.

An export holds them whether or not they are in its range: they come later in the log than
what they are about, some in a later generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from django.db import connection

from compliance.audit import ledger
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.files import CHECKPOINT, LogFolder, folder_of
from compliance.audit.handover import Chain
from compliance.audit.ledger import Held
from compliance.audit.tree import Tree
from compliance.evidence import extent, witnessed
from compliance.evidence.file import ExportImpossible
from compliance.evidence.proof import RangeProof

TYPE = "record.pruned"


@dataclass(frozen=True, slots=True)
class Signed:
    """A generation of the log under a checkpoint, whose text is `note` if it is a later one."""

    held: Held
    tree: Tree
    note: bytes = b""


@dataclass(frozen=True, slots=True)
class Removal:
    """One `record.pruned` event about this generation; `begin` and `end` as the detail says.

    It stands in the generation `of`, which is this one or a later.
    """

    of: Signed
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

    def line(self) -> bytes:
        """As it stands in prunings.jsonl."""
        path = self.of.tree.inclusion(self.index)
        proof = b",".join(b'"%b"' % one.hex().encode() for one in path)
        note = self.of.note
        later = b'"checkpoint":%b,' % orjson.dumps(note.decode()) if note else b""
        return b'{%b"detail":%b,"entry":%b,"index":%d,"key":"%b","proof":[%b]}\n' % (
            later,
            self.detail,
            self.entry,
            self.index,
            self.key.hex().encode(),
            proof,
        )


class Removals:
    """What was removed from the range, as far as checkpoints cover the events about it.

    A rule that came after a restore stands in a later generation than the entries that it is
    about; `later` gives those that are signed, oldest first.
    """

    def __init__(
        self, proof: RangeProof, own: Signed, later: Callable[[], list[Signed]]
    ) -> None:
        self.held, self._begin, self._end = own.held, proof.begin, proof.end
        self._own, self._later = own, later
        self.found: list[Removal] = []

    def missing(self, index: int, entry: bytes, application: str | None) -> None:
        """Raise `ExportImpossible` unless a removal says why the entry's detail is gone."""
        day = str(orjson.loads(entry)["time"])[:10]
        for again in (False, True):
            if again:
                generations = [self._own, *self._later()]
                self.found = [one for each in generations for one in self._read(each)]
            if any(one.covers(index, day, application) for one in self.found):
                return
        raise ExportImpossible(
            f"The detail of entry {index} is not there, and no event that a checkpoint covers "
            "says that it was removed. If details were removed just now, export again in a few "
            "seconds; else run `manage.py audit verify`."
        )

    def _read(self, of: Signed) -> Iterator[Removal]:
        """Those that stand in this generation's tree."""
        first = of.held.first  # what follows is of the next generation
        end = first + extent.reach(of.held, of.tree.size)
        with connection.cursor() as cursor:
            cursor.execute(_REMOVALS, [TYPE, first, end])
            rows = cursor.fetchall()
        for index, entry, detail, key in rows:
            about = orjson.loads(bytes(detail))
            if about["generation"] != self.held.number:
                continue
            low, high = int(about["begin"]), int(about["end"])
            if low < self._end and high > self._begin:
                yield Removal(
                    of, index - first, bytes(entry), bytes(detail), bytes(key),
                    low, high, about["application"], about["before"],
                )  # fmt: skip


def signed_after(held: Held, log: Path, keys: Chain) -> list[Signed]:
    """The generations after `held` that have a checkpoint; raises `ExportImpossible`."""
    found = []
    for one in (*ledger.ended(), ledger.current()):
        folder = LogFolder(folder_of(log, one.number))
        note = folder.read(CHECKPOINT) if one.number > held.number else None
        if note is None:
            continue
        try:
            seal = witnessed.chosen(one, (note, keys.verify(note)), None)
        except CheckpointInvalid as error:
            raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error
        found.append(Signed(one, Tree(folder, seal.state.size), seal.note))
    return found


# Journals only, so that the index on (source, epoch, seq) leads to them.
_REMOVALS = """
    SELECT l."index", e.entry, e.detail, e.detail_key
    FROM compliance_event e JOIN compliance_leaf l ON l.event_id = e.id
    WHERE e.source IN ('notary', 'command', 'console') AND e.epoch = 1 AND e.type = %s
    AND l."index" >= %s AND l."index" < %s ORDER BY l."index"
"""

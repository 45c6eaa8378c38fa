"""Reading the record for a pack: only what the log's signed checkpoint covers, and verified.

`Reading.events` hashes every entry of its range and holds the outcome against the checkpoint,
and every detail against the entry that commits to it. What it yielded holds once it has ended
without an error; so a pack is put on paper after that, never before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from compliance.audit import checkpoint, ledger, rotation
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.entry import commitment, label
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable
from compliance.audit.merkle import Edge, ProofInvalid, leaf_hash
from compliance.audit.pruned import Covers
from compliance.audit.ring import public_of, ring_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.evidence import extent
from compliance.evidence.file import ExportImpossible
from compliance.evidence.proof import prove, root_of
from compliance.models import Application, Leaf

CHUNK = 2_048
UNSOUND = "Run `manage.py audit verify`; no pack can be made until the log is sound."

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do; may raise to end the run."""


class PackImpossible(ExportImpossible):
    """The pack cannot be made. The message says why and what to do."""


def nobody_waits(_done: int, _total: int) -> None:
    """The progress that nobody wants to see."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to `until` (exclusive), either of which may be open."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def holds(self, moment: dt.datetime) -> bool:
        """Whether the moment is in it."""
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment < self.until
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """An event as the log commits to it. `detail` is None where a retention rule removed it."""

    index: int
    type: str
    time: dt.datetime
    source: str
    epoch: int
    seq: int
    request: str | None
    application: str | None
    detail: Mapping[str, Any] | None
    content: str = ""  # the commitment to what was kept, where something was

    def said(self, name: str) -> Any:
        """A member of the detail; None where there is none."""
        return None if self.detail is None else self.detail.get(name)


class Reading:
    """A range of the current generation of the log, under its newest checkpoint."""

    def __init__(self, log: Path, period: Period) -> None:
        """Raises `PackImpossible`."""
        held = ledger.current()
        self.generation = held.number
        self._first = held.first
        self._folder = LogFolder(folder_of(log, held.number))
        self.note, self.state = _checkpoint(self._folder, log.parent)
        if self.state.size > held.size:
            raise PackImpossible(
                f"The checkpoint covers {self.state.size} entries and the database holds "
                f"{held.size}: entries were cut off, or an older copy was restored. {UNSOUND}"
            )
        self.period = period
        self.begin, self.end = self._extent()
        self._keys = {
            str(pk): bytes(key)
            for pk, key in Application.objects.values_list("pk", "label_key")
        }
        self._tree = Tree(self._folder, self.state.size)
        self._covers = Covers.of_log()

    def _extent(self) -> tuple[int, int]:
        """The entries that may be of the period; none of them is one too few."""
        since, until = (
            "" if moment is None else moment.astimezone(dt.UTC).isoformat()
            for moment in (self.period.since, self.period.until)
        )
        try:
            return extent.covered(since, until, self.state.size)
        except ExportImpossible:
            return 0, 0  # times are well formed here: nothing happened then

    def events(self, progress: Progress = nobody_waits) -> Iterator[Verified]:
        """The events of the period, in the log's order; raises `PackImpossible`."""
        if self.begin == self.end:
            return
        total = self.end - self.begin
        try:
            proof = prove(self._tree, self.begin, self.end)
            edge = Edge(proof.begin, proof.before)
            for low in range(self.begin, self.end, CHUNK):
                progress(low - self.begin, total)
                for row in ledger.leaves(low, min(low + CHUNK, self.end), self._first):
                    edge.append(leaf_hash(row.entry))
                    event = self._verified(row)
                    if self.period.holds(event.time):
                        yield event
            sound = edge.size == self.end and root_of(proof, edge) == self.state.root
        except (TileInvalid, ProofInvalid) as error:
            raise PackImpossible(f"{error} {UNSOUND}") from error
        if not sound:
            raise PackImpossible(
                "The entries in the database are not the ones that the checkpoint was signed "
                f"over. {UNSOUND}"
            )
        progress(total, total)

    def of_types(self, *types: str) -> list[Verified]:
        """Every event of these types under the checkpoint, oldest first, each proven alone.

        For the few that a pack needs from outside of its period, as registrations.
        """
        places = Leaf.objects.filter(event__type__in=types, index__gte=self._first)
        indexes = [place - self._first for place in places.values_list("index", flat=True)]
        return [self.one(index) for index in sorted(indexes) if index < self.state.size]

    def one(self, index: int) -> Verified:
        """One entry under the checkpoint; raises `PackImpossible`."""
        rows = ledger.leaves(index, index + 1, self._first)
        if not rows:
            raise PackImpossible(f"Entry {index} is missing from the database. {UNSOUND}")
        try:
            proof = prove(self._tree, index, index + 1)
            edge = Edge(index, proof.before)
            edge.append(leaf_hash(rows[0].entry))
            sound = root_of(proof, edge) == self.state.root
        except (TileInvalid, ProofInvalid) as error:
            raise PackImpossible(f"{error} {UNSOUND}") from error
        if not sound:
            raise PackImpossible(f"Entry {index} is not the one that was signed. {UNSOUND}")
        return self._verified(rows[0])

    def _verified(self, row: ledger.LeafRow) -> Verified:
        """What the entry says, with its detail held against it."""
        entry = _object(row.entry)
        where = f"Entry {row.index} ({row.type})"
        if entry is None:
            raise PackImpossible(f"{where} is not JSON. {UNSOUND}")
        detail = None
        if row.detail is not None and row.detail_key is not None:
            detail = _object(row.detail)
            if detail is None or entry.get("detail") != commitment(row.detail_key, row.detail):
                raise PackImpossible(f"{where}: its detail is not the one signed. {UNSOUND}")
        when = dt.datetime.fromisoformat(str(entry["time"]))
        if detail is not None:
            when = dt.datetime.fromtimestamp(int(detail["time"]) / 1_000_000, dt.UTC)
        elif not self._covers.find(
            self.generation, row.index, row.application, str(entry["time"]), row.type
        ):
            raise PackImpossible(f"{where}: its detail is gone, and no rule says so. {UNSOUND}")
        request = entry.get("request")
        key = self._keys.get(row.application or "")
        known = label(key, str(request)) if key and request else None
        if entry.get("application") != known:
            raise PackImpossible(f"{where} is labelled as another application's. {UNSOUND}")
        return Verified(
            index=row.index,
            type=str(entry["type"]),
            time=when,
            source=str(entry["source"]),
            epoch=int(entry["epoch"]),
            seq=int(entry["seq"]),
            request=request,
            application=row.application,
            detail=detail,
            content=str(entry.get("content", "")),
        )


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(data)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _checkpoint(folder: LogFolder, data: Path) -> tuple[bytes, Checkpoint]:
    note = folder.read(CHECKPOINT)
    if note is None:
        raise PackImpossible(f"There is no checkpoint in {folder.root}; start the notary.")
    try:
        key = _public_key(folder)
        keys = rotation.chain(Places(data / "log"), checkpoint.parse(note).origin, key)
        return note, keys.verify(note)
    except CheckpointInvalid as error:
        raise PackImpossible(f"{error} {UNSOUND}") from error


def _public_key(folder: LogFolder) -> bytes:
    """From the log's private key where this process may read it, else from the log's folder."""
    try:
        return public_of(ring_of(settings.DOMICILE).current())
    except KeyUnusable:
        line = (folder.read(VERIFIER_KEY) or b"").decode(errors="replace").strip()
        return checkpoint.parse_verifier_key(line)[1]

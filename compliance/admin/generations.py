"""The log's generations and its newest checkpoint, for people."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from compliance.audit import checkpoint, ledger, rotation
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.models import Generation


@dataclass(frozen=True, slots=True)
class Signed:
    """The newest checkpoint, as it lies in the log's folder; no signature is checked."""

    origin: str
    size: int
    written: dt.datetime
    fingerprint: str  # the first 16 hex digits of the public key's SHA-256
    key: str  # its id, as in the verifier key: 8 hex digits
    since: dt.datetime | None  # when that key took over; None if it is the log's first


@dataclass(frozen=True, slots=True)
class Ended:
    """A generation that ended after a restore."""

    number: int
    size: int
    ended: dt.datetime
    reason: str
    lost: range  # entries that were signed and are gone


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the log an event stands."""

    entry: int
    generation: int
    size: int  # of that generation

    def __str__(self) -> str:
        of = f" of generation {self.generation}" if self.generation > 1 else ""
        return f"entry {self.entry:,}{of}"


def signed() -> Signed | None:
    """The newest checkpoint; None where there is none, or none that can be read."""
    folder = LogFolder(folder_of(Path(settings.DOMICILE.data, "log"), ledger.current().number))
    note, line = folder.read(CHECKPOINT), folder.read(VERIFIER_KEY)
    if note is None or line is None:
        return None
    try:
        state = checkpoint.parse(note)
        _, public = checkpoint.parse_verifier_key(line.decode("ascii", "replace").strip())
        written = (folder.root / CHECKPOINT).stat().st_mtime
    except (CheckpointInvalid, FileNotFoundError):
        return None
    mark = hashlib.sha256(public).hexdigest()[:16]
    moment = dt.datetime.fromtimestamp(written, dt.UTC)
    key = checkpoint.key_id(state.origin, public).hex()
    return Signed(state.origin, state.size, moment, mark, key, rotation.since())


def ended() -> list[Ended]:
    """The generations that have ended, the newest first."""
    found = []
    for row in Generation.objects.order_by("-number"):
        try:
            reach = checkpoint.parse(row.checkpoint.encode()).size
        except CheckpointInvalid:  # none was known
            reach = row.size
        lost = range(row.size, max(reach, row.size))
        found.append(Ended(row.number, row.size, row.ended, row.reason, lost))
    return found


def places(indexes: Iterable[int]) -> Mapping[int, Place]:
    """Where the entries with these `Leaf.index`es stand."""
    trees = [*ledger.ended(), ledger.current()]
    return {index: _place(index, trees) for index in indexes}


def _place(index: int, trees: list[ledger.Held]) -> Place:
    tree = next((tree for tree in reversed(trees) if tree.first <= index), trees[-1])
    return Place(index - tree.first, tree.number, tree.size)

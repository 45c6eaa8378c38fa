"""The next generation of the log, where a restore brought an older database back.

The tree that was signed has entries that the database lost; it cannot grow any more, and a
tree that differed from it under the same name would be a fork. So it is closed, and a new one
begins under the next number. Its entry 0 names the old checkpoint and what is lost.

All of that is one transaction. Before it, nothing but what may be done twice; after it, the
checkpoint of the new generation, which the notary signs at its next start if it is not signed
here. So a run that was cut short is mended by another.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.db import transaction

from compliance.audit import conflicts, copies, ledger, rotation
from compliance.audit.checkpoint import CheckpointInvalid, in_generation
from compliance.audit.copies import Known, Places
from compliance.audit.entry import encode
from compliance.audit.files import LogFolder, folder_of
from compliance.audit.handover import Chain, Handover
from compliance.audit.keys import KeyUnusable
from compliance.audit.leader import leadership
from compliance.audit.ledger import Held
from compliance.audit.merkle import Edge, leaf_hash
from compliance.audit.notary import Notary
from compliance.audit.ring import One, Ring, public_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.models import Event as StoredEvent
from compliance.models import Generation, Leaf, LogHead, NotaryCursor, WriterEpoch
from compliance.vocabulary import Event

SOURCE = "log"
"""Records entry 0 of each generation from the second on; its epoch is the generation."""
RESUMED = "log.resumed"
CHUNK = 2_048  # entries read at a time
PATIENCE = 5.0  # seconds to wait for a notary that leads


class ResumeRefused(Exception):
    """The log is not resumed. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a restore lost, as far as the known checkpoints tell."""

    held: Held  # the generation that the database is in, and how much of it
    name: str  # of that generation's log: its origin
    old: Known | None  # that generation's last known checkpoint
    later: tuple[Known, ...]  # of generations that the database does not know at all
    rotations: tuple[Handover, ...]  # of the log's key, that the database lost
    checked: bool  # whether the database was seen to hold the beginning of what was signed
    witnessed: Mapping[str, int] = field(default_factory=dict)
    """Entries that witnesses in conflict had cosigned, by their names."""

    @property
    def number(self) -> int:
        """The next generation: after every one in whose name something was signed."""
        return max((one.generation for one in self.later), default=self.held.number) + 1

    @property
    def lost(self) -> range:
        """The entries of the database's generation that were signed and are gone."""
        signed = self.old.state.size if self.old else 0
        return range(self.held.size, max(signed, self.held.size, *self.witnessed.values()))

    @property
    def words(self) -> tuple[str, ...]:
        """For the operator, who decides by it."""
        lost = self.lost
        lines = [f"The database holds {self.held.size} entries of {self.name}."]
        if lost and self.old:
            lines.append(
                f"Lost: entries {lost.start} to {lost.stop - 1} ({len(lost)}), by the "
                f"checkpoint in {self.old.path}."
            )
        lines += [
            f"The witness {name} has cosigned {size} entries of it"
            + ("." if size > self.held.size else ", and not all of them are those held here.")
            for name, size in self.witnessed.items()
        ]
        lines += [
            f"Lost: all {one.state.size} entries of {one.state.origin}, by the checkpoint in "
            f"{one.path}."
            for one in self.later
        ]
        if not self.checked:
            lines.append(
                "The tiles of that checkpoint are not here: it cannot be checked that the "
                "database holds the beginning of what was signed."
            )
        return (*lines, f"The log goes on as {in_generation(self.name, self.number)}.")


def loss(places: Places, origin: str, keys: Chain, given: Sequence[Path] = ()) -> Loss | None:
    """What the database lacks; None where it is not behind.

    `keys` are those of the log (`rotation.chain`). Raises `ResumeRefused` where it never held
    what was signed, or where a file that was `given` is no checkpoint of this log; and OSError.
    """
    held = ledger.current()
    try:
        found = copies.known(places, origin, keys, given)
    except CheckpointInvalid as error:
        raise ResumeRefused(str(error)) from error
    same = [one for one in found if one.generation == held.number]
    for one in same:  # the notary compares those that it finds by itself
        covered = one.path in given and one.state.size <= held.size
        if covered and _root(held, one.state.size) != one.state.root:
            raise ResumeRefused(
                f"The database holds other entries than the checkpoint in {one.path} was "
                "signed over: the log was continued from an older copy and has forked. Keep "
                "all of it, and tell whoever holds checkpoints of this log."
            )
    rotations = tuple(rotation.lost(keys))
    witnessed = conflicts.reach(held.number)
    if copies.ahead(held, found) is None and not witnessed:
        if rotations:
            raise ResumeRefused(rotation.untold(rotations[0]))
        return None
    later = {one.generation: one for one in found if one.generation > held.number}
    old = same[-1] if same else None
    checked = old is not None and _begins(places, held, old)
    name = in_generation(origin, held.number)
    return Loss(held, name, old, tuple(later.values()), rotations, checked, witnessed)


def _begins(places: Places, held: Held, old: Known) -> bool:
    """Whether the tiles show that the database holds the beginning of what `old` covers."""
    if old.state.size <= held.size:
        return True
    tree = Tree(LogFolder(folder_of(places.log, held.number)), old.state.size)
    try:
        if tree.root() != old.state.root:
            return False
        begins = tree.root(held.size) == held.root
    except TileInvalid:
        return False
    if not begins:
        raise ResumeRefused(
            "The database does not hold the beginning of what the checkpoint in "
            f"{old.path} was signed over: it is of another log, or was changed. Restore "
            "another copy."
        )
    return True


def _root(held: Held, size: int) -> bytes:
    edge = Edge()
    for low in range(0, size, CHUNK):
        for entry in ledger.entries(low, min(low + CHUNK, size), held.first):
            edge.append(leaf_hash(entry))
    return edge.root()


def resume(
    places: Places,
    key: bytes | Ring,
    origin: str,
    *,
    actor: str,
    reason: str,
    given: Sequence[Path] = (),
    second: MLDSA44PrivateKey | None = None,
) -> Loss | None:
    """Begin the next generation, signed and durable; None where the database is not behind.

    `key`, `origin` and `second` as for `Notary`. May be run again whatever became of the last
    run. Raises `ResumeRefused` and OSError.
    """
    ring = One(key) if isinstance(key, bytes) else key
    with _leading():
        ledger.insist_on_durability()
        try:
            keys = rotation.chain(places, origin, public_of(ring.current()))
            known = ring.find(keys.current) is not None
        except (CheckpointInvalid, KeyUnusable) as error:
            raise ResumeRefused(str(error)) from error
        if not known:
            raise ResumeRefused(rotation.older(keys))
        missing = loss(places, origin, keys, given)
        if missing is not None:
            begin(missing, actor=actor, reason=reason)
        Notary(places.log, ring, origin, places.outside, second=second).integrate_once()
    return missing


@contextmanager
def _leading() -> Iterator[None]:
    patience = threading.Event()
    timer = threading.Timer(PATIENCE, patience.set)
    timer.start()
    try:
        with leadership(patience) as leads:
            timer.cancel()
            if not leads:
                raise ResumeRefused("A notary leads this log; stop the appliance first.")
            yield
    finally:
        timer.cancel()


def begin(missing: Loss, *, actor: str, reason: str) -> None:
    """Close the database's generation and begin the next with its entry 0, all or nothing."""
    held, number = missing.held, missing.number
    now = time.time_ns() // 1000
    event = Event(RESUMED, now, _about(missing, actor=actor, reason=reason))
    encoded = encode(event, source=SOURCE, epoch=number, seq=0, key=secrets.token_bytes(32))
    moment = datetime.fromtimestamp(now / 1_000_000, UTC)
    with transaction.atomic():
        moved = LogHead.objects.filter(id=1, generation=held.number, size=held.size).update(
            generation=number,
            first=held.first + held.size,
            size=1,
            root=leaf_hash(encoded.entry),
        )
        if not moved:
            raise ResumeRefused("Another process moved the head of the log; run it again.")
        Generation.objects.create(
            number=held.number,
            first=held.first,
            size=held.size,
            root=held.root,
            checkpoint=missing.old.note.decode() if missing.old else "",
            ended=moment,
            reason=reason,
        )
        WriterEpoch.objects.create(
            source=SOURCE, epoch=number, opened=moment, closed=moment, next_seq=1, open_from=1
        )
        stored = StoredEvent.objects.create(
            source=SOURCE,
            epoch=number,
            seq=0,
            type=event.type,
            time=moment,
            entry=encoded.entry,
            detail=encoded.detail,
            detail_key=encoded.key,
        )
        Leaf.objects.create(index=held.first + held.size, event=stored)
        NotaryCursor.objects.create(source=SOURCE, epoch=number, next_seq=1)


def _about(missing: Loss, *, actor: str, reason: str) -> dict[str, Any]:
    """The detail of `log.resumed` (docs/audit-format.md)."""
    held, old, lost = missing.held, missing.old, missing.lost
    rotations = [rotation.said(one) for one in missing.rotations]
    return ({"key_rotations": rotations} if rotations else {}) | {
        "actor": actor,
        "also_lost": [_named(one) for one in missing.later],
        "checked": missing.checked,
        "checkpoint": old.note.decode() if old else "",
        "database_root": held.root.hex(),
        "database_size": held.size,
        "first": held.first + held.size,
        "generation": missing.number,
        "lost_begin": lost.start,
        "lost_end": lost.stop,
        "old_origin": missing.name,
        "old_root": (old.state.root if old else held.root).hex(),
        "old_size": old.state.size if old else held.size,
        "reason": reason,
        **({"witnesses": dict(missing.witnessed)} if missing.witnessed else {}),
    }


def _named(one: Known) -> dict[str, Any]:
    state = one.state
    return {"origin": state.origin, "root": state.root.hex(), "size": state.size}

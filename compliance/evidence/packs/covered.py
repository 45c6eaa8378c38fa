"""One generation of the log as its checkpoint covers it: what a pack may read of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from compliance.audit import checkpoint, cosigned, ledger, rotation
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable
from compliance.audit.ledger import Held, LeafRow
from compliance.audit.merkle import Edge, ProofInvalid, leaf_hash
from compliance.audit.quorum import Judgement
from compliance.audit.ring import public_of, ring_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.evidence import extent, witnessed
from compliance.evidence.file import ExportImpossible
from compliance.evidence.proof import prove, root_of

CHUNK = 2_048
UNSOUND = "Run `manage.py audit verify`; no pack can be made until the log is sound."


class PackImpossible(ExportImpossible):
    """The pack cannot be made. The message says why and what to do."""


@dataclass(slots=True)
class Covered:
    """Entries `[begin, end)` are to be read, of `reach` that the checkpoint covers.

    `note` has the cosignatures of this very checkpoint. `cosigned` is the newest one that
    meets the policy of witnesses; empty where there is none, or no policy.
    """

    held: Held
    note: bytes
    state: Checkpoint
    tree: Tree
    reach: int
    cosigned: bytes = b""
    begin: int = 0
    end: int = 0

    @property
    def number(self) -> int:
        """Of the generation."""
        return self.held.number

    def narrow(self, since: dt.datetime | None, until: dt.datetime | None) -> None:
        """Read only what may be of this time; none of its entries is one too few.

        Raises `PackImpossible` where what is beside it is not what was signed.
        """
        low, high = (
            "" if moment is None else moment.astimezone(dt.UTC).isoformat()
            for moment in (since, until)
        )
        try:
            self.begin, self.end = extent.covered(low, high, self.reach, self.held, self.one)
        except (extent.TimesChanged, PackImpossible) as error:
            raise PackImpossible(str(error)) from error
        except ExportImpossible:
            self.begin = self.end = 0  # times are well formed here: nothing happened then

    def pieces(self) -> Iterator[list[LeafRow]]:
        """The rows to be read, in pieces; they hold once this has ended without an error."""
        if self.begin == self.end:
            return
        try:
            proof = prove(self.tree, self.begin, self.end)
            edge = Edge(proof.begin, proof.before)
            for low in range(self.begin, self.end, CHUNK):
                rows = ledger.leaves(low, min(low + CHUNK, self.end), self.held.first)
                for row in rows:
                    edge.append(leaf_hash(row.entry))
                yield rows
            sound = edge.size == self.end and root_of(proof, edge) == self.state.root
        except (TileInvalid, ProofInvalid) as error:
            raise PackImpossible(f"{error} {UNSOUND}") from error
        if not sound:
            raise PackImpossible(
                f"The entries of generation {self.number} in the database are not the ones "
                f"that its checkpoint was signed over. {UNSOUND}"
            )

    def one(self, index: int) -> LeafRow:
        """One row that the checkpoint covers; raises `PackImpossible`."""
        where = f"Entry {index} of generation {self.number}"
        rows = ledger.leaves(index, index + 1, self.held.first)
        if not rows:
            raise PackImpossible(f"{where} is missing from the database. {UNSOUND}")
        try:
            proof = prove(self.tree, index, index + 1)
            edge = Edge(index, proof.before)
            edge.append(leaf_hash(rows[0].entry))
            sound = root_of(proof, edge) == self.state.root
        except (TileInvalid, ProofInvalid) as error:
            raise PackImpossible(f"{error} {UNSOUND}") from error
        if not sound:
            raise PackImpossible(f"{where} is not the one that was signed. {UNSOUND}")
        return rows[0]


def generations(log: Path) -> tuple[list[Covered], tuple[str, ...]]:
    """All that the database holds, oldest first, and what people should know of them.

    An ended one without a checkpoint cannot be proven: it is not there, and the words say so.
    Raises `PackImpossible`.
    """
    current = ledger.current()
    found: list[Covered] = []
    words: list[str] = []
    for held in (*ledger.ended(), current):
        folder = LogFolder(folder_of(log, held.number))
        signed = cosigned.witnessed(held.number)  # before the checkpoint, which is then newer
        note = folder.read(CHECKPOINT)
        if note is not None:
            found.append(_covered(held, folder, note, log))
            words += [*extent.ending(held, found[-1].state.size), *_witness(found[-1], signed)]
        elif held.number == current.number:
            raise PackImpossible(f"There is no checkpoint in {folder.root}; start the notary.")
        elif held.size:
            words += extent.ending(held, 0)
    size = ledger.current().size  # anew: the checkpoint may have been signed just now
    if found[-1].state.size > size:
        raise PackImpossible(
            f"The checkpoint covers {found[-1].state.size} entries and the database holds "
            f"{size}: entries were cut off, or an older copy was restored. {UNSOUND}"
        )
    return found, tuple(words)


def _covered(held: Held, folder: LogFolder, note: bytes, log: Path) -> Covered:
    try:
        keys = rotation.chain(Places(log), checkpoint.parse(note).origin, _public_key(log))
        state = keys.verify(note)
    except CheckpointInvalid as error:
        raise PackImpossible(f"{error} {UNSOUND}") from error
    note = witnessed.with_cosignatures(held, note)
    reach = extent.reach(held, state.size)
    return Covered(held, note, state, Tree(folder, state.size), reach)


def _witness(one: Covered, signed: tuple[Checkpoint, bytes, Judgement] | None) -> Iterator[str]:
    """Take over the newest checkpoint that meets the policy, if these entries grew from it."""
    judged = signed[2] if signed else cosigned.standing(one.number)
    if judged is None:
        return
    name = f"The checkpoint of generation {one.number}"
    if signed is None:
        yield f"{name}: {judged.words}"
        return
    state, note, _ = signed
    if state.size > one.state.size:
        yield (
            f"{name} covers {one.state.size} entries, and witnesses have cosigned "
            f"{state.size}. What is missing here was lost."
        )
        return
    try:
        grew = one.tree.root(state.size) == state.root
    except TileInvalid as error:
        raise PackImpossible(f"{error} {UNSOUND}") from error
    if not grew:
        raise PackImpossible(
            f"{name} that witnesses cosigned at {state.size} entries is not one of this log: "
            f"they were shown other entries. {UNSOUND}"
        )
    one.cosigned = note
    yield f"{name} at {state.size}: {judged.words}"


def _public_key(log: Path) -> bytes:
    """From the log's private key where this process may read it, else from the log's folder."""
    try:
        return public_of(ring_of(settings.DOMICILE).current())
    except KeyUnusable:
        newest = LogFolder(folder_of(log, ledger.current().number))
        line = (newest.read(VERIFIER_KEY) or b"").decode(errors="replace").strip()
        return checkpoint.parse_verifier_key(line)[1]

"""The whole log, checked against the database, the tiles and the checkpoint, in plain words.

Streams: what it holds in memory does not grow with the log (`columns` says with what).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from django.conf import settings

from compliance.audit import checkpoint, conflicts, copies, ledger, rotation, triggers
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.findings import Report
from compliance.audit.handover import Chain
from compliance.audit.keys import KeyUnusable
from compliance.audit.ledger import Held
from compliance.audit.merkle import EMPTY_ROOT
from compliance.audit.ring import FileRing, public_of, ring_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.audit.walk import Walk


def verify_log(log_dir: Path | None = None, public_key: bytes | None = None) -> Report:
    """Check the whole log. Without arguments: this appliance's, with this appliance's key.

    `public_key` is any key that the log was ever signed with: from each of them, rotations
    lead to the others.
    """
    log = log_dir or settings.DOMICILE.data / "log"
    report = Report()
    places = Places(log, settings.DOMICILE.checkpoints if log_dir is None else None)
    keys = _keys(places, public_key, report)
    walk = Walk(report)
    for held in ledger.ended():
        folder = LogFolder(folder_of(log, held.number))
        walk.begin(held, folder, _last_of_ended(folder, keys, report, held))
        walk.tree_ends(ended=True)
    held = ledger.current()
    folder = LogFolder(folder_of(log, held.number))
    last = _signed(folder, keys, report)
    if last.size > held.size:
        report.problem(
            f"The checkpoint covers {last.size} entries and the database holds {held.size}: "
            "entries were cut off, or an older copy of the database was restored."
        )
    if log_dir is None and last.origin and keys is not None:
        _outside(places, last, held, keys, report)
    walk.begin(held, folder, last)
    walk.tree_ends(ended=False)
    walk.columns.end(held.first + held.size)
    for words in conflicts.standing(held.number):
        report.problem(words)
    report.notes += conflicts.claimed(held.number)
    walk.witnesses_end()
    for name in triggers.missing():
        report.problem(f"The trigger {name} is missing; run `manage.py migrate` to restore it.")
    return report


def _outside(places: Places, last: Checkpoint, held: Held, keys: Chain, report: Report) -> None:
    """Hold the database against the copies of checkpoints that a restore does not reach."""
    found = copies.known(places, last.origin, keys)
    tree = Tree(LogFolder(folder_of(places.log, held.number)), last.size)
    for one in found:
        size = one.state.size
        if one.generation != held.number or size > last.size:
            continue
        with suppress(TileInvalid):  # told already
            if tree.root(size) != one.state.root:
                report.problem(
                    f"The checkpoint in {one.path} was signed over other entries than the "
                    f"first {size} of this log: it went on from an older copy and has forked. "
                    "Keep all of it, and tell whoever holds checkpoints of this log."
                )
    newest = copies.ahead(held, found)
    if newest is not None and newest.reach > (held.number, last.size):
        report.problem(
            f"The copy in {newest.path} covers {newest.state.size} entries of "
            f"{newest.state.origin}, and the database holds {held.size} of generation "
            f"{held.number}: an older copy of the database was restored."
        )


def _last_of_ended(
    folder: LogFolder, keys: Chain | None, report: Report, held: Held
) -> Checkpoint:
    """The last checkpoint in the folder of a generation that ended; it may reach further."""
    if folder.read(CHECKPOINT) is None:
        report.notes.append(
            f"The files of generation {held.number} are not in {folder.root}; its entries were "
            "held against the generation after it only."
        )
        return Checkpoint("", 0, EMPTY_ROOT)
    return _signed(folder, keys, report)


def _signed(folder: LogFolder, keys: Chain | None, report: Report) -> Checkpoint:
    note = folder.read(CHECKPOINT)
    nothing = Checkpoint("", 0, EMPTY_ROOT)
    if note is None:
        report.problem(f"There is no checkpoint in {folder.root}; is the notary running?")
        return nothing
    if keys is None:  # why was said already
        return nothing
    try:
        return keys.verify(note)
    except CheckpointInvalid as error:
        report.problem(str(error))
        return nothing


def _keys(places: Places, public_key: bytes | None, report: Report) -> Chain | None:
    """The keys of the log, each vouched for by the one before; None where they are not."""
    ring = ring_of(settings.DOMICILE)
    folder = LogFolder(folder_of(places.log, ledger.current().number))
    try:
        line = (folder.read(VERIFIER_KEY) or b"").decode(errors="replace").strip()
        key = public_key or _own(ring, line, report)
        name = checkpoint.parse(folder.read(CHECKPOINT) or b"").origin
        keys = rotation.chain(places, name, key)
    except CheckpointInvalid as error:
        if folder.read(CHECKPOINT) is not None:
            report.problem(str(error))
        return None
    for one in rotation.lost(keys):
        report.problem(rotation.untold(one))
    if public_key is None and key != keys.current:
        try:
            waits = ring.find(keys.current) is not None
        except KeyUnusable:
            waits = False
        if waits:
            report.notes.append("A rotation of the log's key is under way.")
        else:
            report.problem(rotation.older(keys))
    return keys


def _own(ring: FileRing, line: str, report: Report) -> bytes:
    """This appliance's public key; where the file is not here, as the log itself gives it."""
    try:
        return public_of(ring.current())
    except KeyUnusable:
        report.notes.append("The log's key is not here; its public key was taken from the log.")
        return checkpoint.parse_verifier_key(line)[1]
